"""One face at 64, 256 and 1024 pixels: the same function, evaluated on three grids.

python examples/image_at_three_sizes.py FOLDER
"""

import sys
from pathlib import Path

import ddmi_models as ddmi

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
folder.mkdir(parents=True, exist_ok=True)
(face,) = ddmi.load("avatars").sample(seed=3)
for resolution in (64, 256, 1024):
    print(face.export(folder / f"face-{resolution}.png", resolution))
