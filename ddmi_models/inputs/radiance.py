"""What the radiance field encoder reads: coloured geometry, or posed pictures from which it is carved."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.inputs.base import Comparison, Given, InputReader
from ddmi_models.inputs.coloured import ColouredReader
from ddmi_models.inputs.posed import PosedReader, Shots
from ddmi_models.inputs.surfaces import Surface
from ddmi_models.planes import BasisFields


class RadianceReader(InputReader[Surface | Shots]):
    """Gives folders and .json files to the reader of posed pictures, all others to that of coloured geometry."""

    takes = "a coloured mesh or point cloud, or posed pictures"
    suffixes: ClassVar[tuple[str, ...]] = (*ColouredReader.suffixes, *PosedReader.suffixes)
    takes_folders = True

    def __init__(self) -> None:
        self.coloured, self.posed = ColouredReader(), PosedReader()

    def check(self, path: Path) -> None:
        super().check(path)
        if self._is_posed(path):
            self.posed.check(path)

    def files(self, path: Path) -> tuple[Path, ...]:
        return self.posed.files(path) if self._is_posed(path) else (path,)

    def read(self, path: Path, domain: Domain, up: str | None, token: CancelToken) -> Given[Surface | Shots]:
        given: Given[Surface] | Given[Shots] = (
            self.posed.read(path, domain, up, token)
            if self._is_posed(path)
            else self.coloured.read(path, domain, up, token)
        )
        return Given(given.batch, given.reference)

    def compare(
        self, given: Given[Surface | Shots], domain: Domain, fields: BasisFields, token: CancelToken
    ) -> Comparison:
        if isinstance(given.reference, Shots):
            return self.posed.compare(Given(given.batch, given.reference), domain, fields, token)
        return self.coloured.compare(Given(given.batch, given.reference), domain, fields, token)

    def _is_posed(self, path: Path) -> bool:
        return path.is_dir() or path.suffix.lower() in PosedReader.suffixes
