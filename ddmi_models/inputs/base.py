"""What every reader of a user's own signal gives: a batch for the domain's encoder, and how near its field came."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import torch

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.errors import BadInput
from ddmi_models.planes import BasisFields

Reference = TypeVar("Reference")


@dataclass(frozen=True, eq=False)
class Given(Generic[Reference]):
    """A signal that was read: a batch of one for `Domain.encode`, and what its field is compared with."""

    batch: Mapping[str, torch.Tensor]
    reference: Reference


@dataclass(frozen=True)
class Comparison:
    """How near a field came to the signal: figures by name, and the same in words."""

    figures: Mapping[str, float]
    words: str


class InputReader(ABC, Generic[Reference]):
    """One a domain (table `INPUTS`)."""

    takes: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    takes_folders: ClassVar[bool] = False

    @abstractmethod
    def read(self, path: Path, domain: Domain, up: str | None, token: CancelToken) -> Given[Reference]:
        """Read a file (or folder) of one of the suffixes. `up`: axis that points up in it, y or z; None: the usual.

        Raises:
            BadInput: if it is unreadable, empty, of another kind. OutOfMemory: if it is too large.
        """

    @abstractmethod
    def compare(self, given: Given[Reference], domain: Domain, fields: BasisFields, token: CancelToken) -> Comparison:
        """The difference between the signal and the decoded field of its latent."""

    def files(self, path: Path) -> tuple[Path, ...]:
        """All files that are read for a path; what the signal is known by.

        Raises:
            BadInput: as `read`.
        """
        return tuple(sorted(each for each in path.rglob("*") if each.is_file())) if path.is_dir() else (path,)

    def check(self, path: Path) -> None:
        """Refuse a path that is missing or of another kind, before anything is loaded.

        Raises:
            BadInput: saying what is taken.
        """
        if not path.exists():
            raise BadInput(f"There is no file {path}.")
        kinds = f"Its model takes {self.takes}: {', '.join(self.suffixes)}."
        if path.is_dir():
            if not self.takes_folders:
                raise BadInput(f"{path} is a folder.", kinds)
            return
        if path.suffix.lower() not in self.suffixes:
            raise BadInput(f"{path.name} is not {self.takes}.", kinds)
        if path.stat().st_size == 0:
            raise BadInput(f"{path} is empty.")
