"""Colours, style sheet and icons: dark and light, after the system's choice or the user's, with one accent colour."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Qt, QTemporaryDir, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from ddmi_studio.style import ARROW, ICONS, STYLE

Mode = Literal["system", "dark", "light"]


@dataclass(frozen=True)
class Colors:
    """A palette by role; every value is "#rrggbb"."""

    window: str
    rail: str
    panel: str
    field: str
    raised: str
    line: str
    text: str
    dim: str
    accent: str
    accent_hover: str
    on_accent: str
    selected: str
    success: str
    success_hover: str
    on_success: str
    warning: str
    danger: str
    danger_panel: str
    notice_panel: str
    view_inner: str
    view_outer: str
    grid: str
    track: str
    handle: str


DARK = Colors(
    window="#15171c", rail="#101217", panel="#1c1f26", field="#12141a", raised="#222733", line="#2b303a",
    text="#e6e9ef", dim="#98a1b2", accent="#6ea8fe", accent_hover="#8bbaff", on_accent="#0d1117", selected="#2a3345",
    success="#3bd6a0", success_hover="#5ee3b5", on_success="#0b1712", warning="#f2c14e", danger="#ff7b86",
    danger_panel="#3a2127", notice_panel="#1f2b40", view_inner="#2a2f3a", view_outer="#14161b", grid="#333a47",
    track="#2b303a", handle="#e6e9ef",
)  # fmt: skip
LIGHT = Colors(
    window="#eef1f5", rail="#e3e7ee", panel="#f8f9fb", field="#ffffff", raised="#eceff4", line="#d3d9e2",
    text="#1b2130", dim="#5a6475", accent="#2f6fde", accent_hover="#4a85ea", on_accent="#ffffff", selected="#dbe7fd",
    success="#1c9c6f", success_hover="#22ad7c", on_success="#ffffff", warning="#a86f00", danger="#c4314b",
    danger_panel="#fbe6ea", notice_panel="#e4eefc", view_inner="#fbfcfd", view_outer="#dfe4eb", grid="#c5ccd7",
    track="#d3d9e2", handle="#ffffff",
)  # fmt: skip


class Notifier(QObject):
    """Says when the palette has changed, to those who paint for themselves."""

    changed = Signal()


@cache
def notifier() -> Notifier:
    return Notifier()


class _Current:
    colors: Colors = DARK


def colors() -> Colors:
    """The palette in use."""
    return _Current.colors


def is_dark() -> bool:
    return _Current.colors is DARK


def system_is_dark() -> bool:
    """Whether the desktop asks for dark windows; a desktop that says nothing gets dark, which shows pictures best."""
    return QGuiApplication.styleHints().colorScheme() != Qt.ColorScheme.Light


def apply(app: QApplication, mode: Mode) -> None:
    """Put a theme on every window of the program."""
    dark = system_is_dark() if mode == "system" else mode == "dark"
    _Current.colors = DARK if dark else LIGHT
    app.setStyle("Fusion")
    app.setPalette(_palette(colors()))
    app.setStyleSheet(stylesheet(colors()))
    notifier().changed.emit()


def set_font(app: QApplication) -> None:
    """The desktop's own interface font at the size that the layout is made for."""
    font = QFont(app.font())
    font.setPixelSize(13)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    app.setFont(font)


def stylesheet(palette: Colors) -> str:
    """The style sheet of the whole program in a palette."""
    return STYLE.substitute(vars(palette), icons=_marks(palette))


@cache
def _folder() -> QTemporaryDir:
    return QTemporaryDir()


@cache
def _marks(palette: Colors) -> str:
    """Folder of the arrows and ticks of a palette, as style sheets want it."""
    folder = Path(_folder().path(), "dark" if palette is DARK else "light")
    folder.mkdir()
    for name, path in ICONS.items():
        color = palette.on_accent if name == "check" else palette.dim
        (folder / f"{name}.svg").write_text(ARROW.format(path=path, color=color), encoding="utf-8")
    return folder.as_posix()


def icon(name: str, color: str | None = None, disabled: str | None = None) -> QIcon:
    """A sharp icon by its qtawesome name, such as "mdi6.dice-5-outline", in a colour (default: dim text)."""
    import qtawesome

    return qtawesome.icon(name, color=color or colors().dim, color_disabled=disabled or colors().line)


def _palette(c: Colors) -> QPalette:
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, value in {
        roles.Window: c.window, roles.WindowText: c.text, roles.Base: c.field, roles.AlternateBase: c.panel,
        roles.Text: c.text, roles.Button: c.raised, roles.ButtonText: c.text, roles.BrightText: c.danger,
        roles.Highlight: c.accent, roles.HighlightedText: c.on_accent, roles.Link: c.accent,
        roles.PlaceholderText: c.dim,
        roles.ToolTipBase: c.raised, roles.ToolTipText: c.text, roles.Light: c.raised, roles.Mid: c.line,
        roles.Dark: c.rail,
        roles.Accent: c.accent,
    }.items():  # fmt: skip
        palette.setColor(role, QColor(value))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(c.dim))
    return palette
