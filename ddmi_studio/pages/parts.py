"""Small pieces that every page is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ddmi_studio import theme


def label(text: str, role: str, *, wrap: bool = False) -> QLabel:
    """A text in one of the theme's roles."""
    made = QLabel(text)
    made.setProperty("role", role)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if wrap:
        made.setWordWrap(True)
        made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return made


def named(text: str, field: QWidget) -> QLabel:
    """The name above a field; its mnemonic goes to the field."""
    made = label(text, "section")
    made.setBuddy(field)
    return made


def spin_box() -> QSpinBox:
    """A number field whose text stands where that of other fields does."""
    made = QSpinBox()
    made.lineEdit().setTextMargins(8, 0, 0, 0)
    return made


def choice_box(name: str, chosen: Callable[[], None], choices: Sequence[str] = ()) -> QComboBox:
    """A list of usual values in which another one can be typed. `chosen` is called when either was done."""
    made = QComboBox()
    made.setEditable(True)
    made.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    made.setAccessibleName(name)
    made.addItems(list(choices))
    made.activated.connect(lambda _at: chosen())
    edit = made.lineEdit()
    assert edit is not None
    edit.editingFinished.connect(chosen)
    return made


def rule(vertical: bool = False) -> QFrame:
    """A hairline."""
    line = QFrame()
    line.setProperty("role", "rule")
    if vertical:
        line.setFixedWidth(1)
    else:
        line.setFixedHeight(1)
    return line


def set_role(widget: QWidget, role: str) -> None:
    """Change a widget's role and have the style sheet look at it again."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def scrolled(content: QWidget) -> QScrollArea:
    """A column that scrolls up and down where the window is too low for it."""
    content.setProperty("role", "column")
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(content)
    return area


def column(spacing: int = 8) -> tuple[QWidget, QVBoxLayout]:
    """A widget with a vertical layout without margins."""
    widget = QWidget()
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    return widget, layout


class IconButton(QToolButton):
    """A button with an icon in the theme's colours, whose tooltip is its name for screen readers too."""

    def __init__(self, name: str, tooltip: str, color: str = "dim") -> None:
        super().__init__()
        self._name, self._color = name, color
        self.setToolTip(tooltip)
        self.setAccessibleName(tooltip)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.notifier().changed.connect(self._paint_icon)
        self._paint_icon()

    def set_icon(self, name: str, tooltip: str) -> None:
        self._name = name
        self.setToolTip(tooltip)
        self.setAccessibleName(tooltip)
        self._paint_icon()

    def _paint_icon(self) -> None:
        self.setIcon(theme.icon(self._name, getattr(theme.colors(), self._color)))


class HintButton(QPushButton):
    """A large button with its shortcut written at the right."""

    def __init__(self, text: str, hint: str, role: str) -> None:
        super().__init__(text)
        self.setProperty("role", role)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hint = hint

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        colors = theme.colors()
        role = {"primary": colors.on_accent, "success": colors.on_success}.get(self.property("role"), colors.text)
        color = QColor(role if self.isEnabled() else colors.dim)
        color.setAlphaF(0.72)
        painter = QPainter(self)
        font = self.font()
        font.setPixelSize(11)
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(color)
        painter.drawText(
            self.rect().adjusted(0, 0, -14, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self.hint
        )
        painter.end()


def elided(widget: QWidget, text: str, width: int) -> str:
    """A text cut to a width in pixels, with an ellipsis."""
    return widget.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
