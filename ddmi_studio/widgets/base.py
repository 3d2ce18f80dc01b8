"""What the widgets share: dynamic properties that the style sheet looks at."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget the part that it plays in the style sheet, such as "primary", "segment" or "section"."""
    widget.setProperty("role", role)


def set_state(widget: QWidget, name: str, value: bool) -> None:
    """Set a state that the style sheet looks at, and let the widget take on the new look."""
    if bool(widget.property(name)) == value:
        return
    widget.setProperty(name, value)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()
