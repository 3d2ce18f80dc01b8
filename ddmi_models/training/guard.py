"""What is done about steps whose loss or gradient is no finite number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ddmi_models.errors import EngineError

LOWER_AFTER = 3
"""Bad steps in a row after which the learning rate is halved, and again after as many more."""

STOP_AFTER = 24


class Diverged(EngineError):
    """The training has come to numbers that are not finite and does not recover."""


@dataclass
class Guard:
    """Counts bad steps. `factor` multiplies the learning rate; it stays lowered."""

    factor: float = 1.0
    in_a_row: int = 0
    total: int = 0

    def good(self) -> None:
        """A step was taken."""
        self.in_a_row = 0

    def bad(self, step: int) -> str:
        """A step is skipped; returns what to tell the user.

        Raises:
            Diverged: if too many follow one another.
        """
        self.in_a_row += 1
        self.total += 1
        if self.in_a_row >= STOP_AFTER:
            raise Diverged(
                f"The loss was not a finite number in {self.in_a_row} steps in a row, up to step {step}.",
                "The last good state is kept. Look at the data, or start from it with a lower learning rate.",
            )
        if self.in_a_row % LOWER_AFTER:
            return f"Step {step} is skipped: its loss or gradient is not a finite number."
        self.factor /= 2
        return f"{self.in_a_row} steps in a row gave no finite loss: the learning rate is halved from step {step} on."

    def state(self) -> dict[str, Any]:
        """Plain values for the run's state."""
        return asdict(self)
