"""A prompt to a watertight mesh, and its numbers.

python examples/text_to_mesh.py FOLDER ["a prompt"]
"""

import sys
from pathlib import Path

import ddmi_models as ddmi

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
prompt = sys.argv[2] if len(sys.argv) > 2 else "a round table with one central leg"
folder.mkdir(parents=True, exist_ok=True)
model = ddmi.load("furniture")
(shape,) = model.sample(prompt, seed=7)
for notice in model.notices:
    print(notice)
mesh = shape.mesh(64)
print(f"{len(mesh.faces):,} triangles, watertight: {mesh.is_watertight}")
print(shape.export(folder / "shape.glb", 64))
