"""A network of your own as a table of layers; `count` repeats a layer."""

import tempfile
from pathlib import Path

import mappings
import platforms

TABLE = (
    "layer,op,count,C,H,W,K,R,S,stride_h,stride_w,pad_h,pad_w,groups,gemm_M,gemm_N,gemm_K\n"
    "stem,conv,1,1,49,10,64,10,4,2,2,4,1,,,,\n"
    "depthwise,dwconv,4,64,25,5,64,3,3,1,1,1,1,64,,,\n"
    "pointwise,conv,4,64,25,5,64,1,1,1,1,,,,,,\n"
    "pool,globalavgpool,1,64,25,5,,,,,,,,,,,\n"
    "classes,fc,1,,,,,,,,,,,,1,12,64\n"
)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "keyword_spotter.csv")
    path.write_text(TABLE, encoding="utf-8")
    network = mappings.load_network(path)
report = platforms.estimate(platforms.load("systolic_array", rows=8, cols=8), network)
for layer in report.layers:
    print(f"{layer.name:10} × {layer.count}  {layer.macs:>9,} MACs  {layer.cycles:>7,} cycles")
print(f"{report.network}: {report.total_macs:,} MACs, {report.total_cycles:,} cycles")
