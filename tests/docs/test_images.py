"""The pictures of the documentation are what `acadl draw` makes of the descriptions of their name.

``ACADL_RECORD=1 pytest tests/docs/test_images.py`` draws them anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import acadl
import platforms
from acadl import draw
from tests.docs.test_docs import ROOT, blocks_of

IMAGES = sorted((ROOT / "docs" / "images").glob("*.svg"))


def architecture(name: str) -> draw.Drawable:
    """The shipped description or system, that of the example in Verilog, or the tutorial's."""
    if (system := ROOT / "platforms" / "systems" / f"{name}.acadl").exists():
        return acadl.load_platform(system)
    if name in platforms.platform_names():
        return platforms.load(name)
    for folder in ("examples", "examples/rtl"):
        example = ROOT / folder / f"{name}.acadl"
        if example.exists():
            return acadl.load(example)
    pages = [(ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("tutorial.md", "drawing.md")]
    blocks = (block for page in pages for block in blocks_of(page))
    (text,) = (str(block["text"]) for block in blocks if block["title"] == f"{name}.acadl")
    return acadl.loads(text, f"{name}.acadl")


@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.stem)
def test_image_is_up_to_date(image: Path) -> None:
    drawn = draw.to_svg(architecture(image.stem))
    if os.environ.get("ACADL_RECORD"):
        image.write_text(drawn, encoding="utf-8")
    assert image.read_text(encoding="utf-8") == drawn


def test_the_unfolded_image_is_up_to_date() -> None:
    image = ROOT / "docs" / "images" / "drawing" / "quad_unfolded.svg"
    drawn = draw.to_svg(architecture("quad"), unfold=True)
    if os.environ.get("ACADL_RECORD"):
        image.parent.mkdir(exist_ok=True)
        image.write_text(drawn, encoding="utf-8")
    assert image.read_text(encoding="utf-8") == drawn


def test_the_tutorial_s_two_files_have_fewer_than_100_lines() -> None:
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    files = {b["title"]: str(b["text"]) for b in blocks_of(page) if b["title"] in TUTORIAL_FILES}
    assert set(files) == set(TUTORIAL_FILES)
    assert sum(len(text.splitlines()) for text in files.values()) < 100


TUTORIAL_FILES = ("tile_engine.acadl", "tile_engine.py")
