"""What the banner says: problems and notices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ddmi_models.events import Failed


@dataclass(frozen=True)
class Message:
    """One banner.

    Attributes:
        title: what happened. body: what was kept and what to do. details: folded out on demand, can be copied.
        action: label and call of one button that takes the next step.
        error: whether it is a problem or good news.
    """

    title: str
    body: str = ""
    details: str = ""
    action: tuple[str, Callable[[], object]] | None = None
    error: bool = False


def problem(failed: Failed, kept: str = "") -> Message:
    """A failure in words: what happened, what was kept, what to do next."""
    error = failed.error
    body = " ".join(part for part in (kept, error.hint) if part)
    return Message(error.message, body, failed.details, error=True)
