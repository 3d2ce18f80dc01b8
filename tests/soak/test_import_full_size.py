"""Memory that the import of the largest published file takes, at its full size.

By hand: `python -m pytest -m soak tests/soak/test_import_full_size.py -s`
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ddmi_models.checkpoints.store import read_header, tensor_shapes
from tests.soak.full_size import write_official
from tests.soak.peaks import peak_of

MANIFEST = Path(__file__).resolve().parents[1] / "data" / "parity" / "manifests" / "ldm-celebahq.json"
MEMORY_OF_THE_MACHINE = 8 << 30
FULL_SIZE = 15 << 30

IMPORT = """
import sys
from pathlib import Path
from ddmi_models.checkpoints.importer import convert_official
from ddmi_models.events import value_of
value_of(convert_official(Path(sys.argv[1]), Path(sys.argv[2]), precision=sys.argv[3]))
"""


@pytest.mark.soak
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_import_of_the_largest_file_fits_a_small_machine(tmp_path: Path, precision: str) -> None:
    source, target = tmp_path / "ldm-last.pt", tmp_path / "model.safetensors"
    try:
        size = write_official(source, MANIFEST)
        assert size > FULL_SIZE
        peak = peak_of(IMPORT, source, target, precision)[-1]
        result = target.stat().st_size
        print(f"\n{precision}: file of {size / 1e9:.1f} GB, peak {peak >> 20} MiB, result {result / 1e9:.2f} GB")
        assert peak < MEMORY_OF_THE_MACHINE / 4
        assert read_header(target).config.unet is not None
        assert "diffusion.model.out.2.weight" in tensor_shapes(target)
    finally:
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
