"""The block diagram of a shipped description, as SVG for documents and as DOT for Graphviz."""

import tempfile
from pathlib import Path

import platforms
from acadl import draw

arch = platforms.load("oma")
print(f"{arch.name}: {len(arch.objects)} objects, {len(arch.edges)} edges")
for name, kind in sorted({(edge.source, edge.kind) for edge in arch.edges if edge.source == "ifs"}):
    print(f"  {name} {kind} {', '.join(arch.successors(name, kind))}")
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "oma.svg").write_text(draw.to_svg(arch), encoding="utf-8")
    Path(folder, "oma.dot").write_text(draw.to_dot(arch), encoding="utf-8")
    print("written:", *sorted(path.name for path in Path(folder).iterdir()))
