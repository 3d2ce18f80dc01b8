"""A picker of cards: icon, bold title, dim line; the choices open as a list of the same cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QUrl,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QIcon, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ddmi_studio import theme

HEIGHT = 56
TILE = 36
SHEET_WIDTH = 320
Index = QModelIndex | QPersistentModelIndex
KEY_ROLE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class CardItem:
    """One choice. `tooltip` is rich text, shown on hover, with `sheet` (a picture's file) under it."""

    key: str
    title: str
    subtitle: str
    icon: QIcon
    tooltip: str = ""
    sheet: Path | None = None


def hover_text(item: CardItem) -> str:
    """The card as a rich tooltip, the picture inside; it is read when the tooltip is shown."""
    if item.sheet is None:
        return item.tooltip
    return (
        f'{item.tooltip}<br><img src="{escape(QUrl.fromLocalFile(str(item.sheet)).toString())}" width="{SHEET_WIDTH}">'
    )


def paint_card(painter: QPainter, rect: QRect, item: CardItem, font: QFont) -> None:
    """Icon tile, title and subtitle within `rect`."""
    c = theme.colors()
    tile = QRect(rect.left() + 10, rect.center().y() - TILE // 2 + 1, TILE, TILE)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(c.selected))
    painter.drawRoundedRect(tile, 6, 6)
    item.icon.paint(painter, tile.adjusted(7, 7, -7, -7))
    left, width = tile.right() + 12, rect.right() - tile.right() - 40
    bold = QFont(font)
    bold.setPixelSize(14)
    bold.setWeight(QFont.Weight.DemiBold)
    small = QFont(font)
    small.setPixelSize(11)
    for text, face, color, top in ((item.title, bold, c.text, 9), (item.subtitle, small, c.dim, 29)):
        painter.setFont(face)
        painter.setPen(QColor(color))
        elided = QFontMetrics(face).elidedText(text, Qt.TextElideMode.ElideRight, width)
        painter.drawText(QRect(left, rect.top() + top, width, 20), Qt.AlignmentFlag.AlignVCenter, elided)


class CardDelegate(QStyledItemDelegate):
    """Paints the cards of the list."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(option.rect.width(), HEIGHT)  # type: ignore[attr-defined]

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        c = theme.colors()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect: QRect = option.rect  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.selected if state & QStyle.StateFlag.State_Selected else c.raised))
            painter.drawRoundedRect(rect.adjusted(2, 2, -2, -2), 6, 6)
        paint_card(painter, rect, index.data(KEY_ROLE), option.font)  # type: ignore[attr-defined]
        painter.restore()


class CardList(QFrame):
    """The list that drops down from the picker."""

    picked = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "popup")
        self.list = QListWidget(self)
        self.list.setItemDelegate(CardDelegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.list)
        self.list.itemClicked.connect(lambda item: self._pick(item))
        self.list.installEventFilter(self)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        chosen = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in chosen:
            self._pick(self.list.currentItem())
            return True
        return False

    def open_under(self, widget: QWidget, items: Sequence[CardItem], current: str | None) -> None:
        self.list.clear()
        for item in items:
            row = QListWidgetItem(item.title)
            row.setData(KEY_ROLE, item)
            row.setToolTip(hover_text(item))
            self.list.addItem(row)
            if item.key == current:
                self.list.setCurrentItem(row)
        corner = widget.mapToGlobal(QPoint(0, widget.height() + 2))
        room = widget.screen().availableGeometry().bottom() - corner.y()
        height = min(HEIGHT * max(1, len(items)) + 10, max(room, HEIGHT + 10))
        self.setGeometry(corner.x(), corner.y(), widget.width(), height)
        self.show()
        self.list.setFocus()

    def _pick(self, row: QListWidgetItem | None) -> None:
        if row is not None:
            self.close()
            self.picked.emit(row.data(KEY_ROLE).key)


class CardPicker(QAbstractButton):
    """Shows the current card; a click, Space or Down opens the list, Up and Down within it choose.

    `set_*` never emit.
    """

    current_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: tuple[CardItem, ...] = ()
        self._current: str | None = None
        self._placeholder = "No models"
        self.popup = CardList(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.clicked.connect(self._open)
        self.popup.picked.connect(self._picked)
        theme.notifier().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(272, HEIGHT)

    def set_items(self, items: Sequence[CardItem]) -> None:
        """Replace the cards; the current one stays where its key is still there, else the first is current."""
        self._items = tuple(items)
        keys = [item.key for item in self._items]
        self._current = self._current if self._current in keys else (keys[0] if keys else None)
        self._show()

    def set_placeholder(self, text: str) -> None:
        """What is shown while there is nothing to pick."""
        self._placeholder = text
        self._show()

    def current(self) -> str | None:
        return self._current

    def set_current(self, key: str) -> None:
        if key not in [item.key for item in self._items]:
            raise KeyError(key)
        self._current = key
        self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        c = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.hasFocus() or self.popup.isVisible()
        painter.setPen(QPen(QColor(c.accent if lit else c.line), 1))
        painter.setBrush(QColor(c.raised if self.underMouse() and self.isEnabled() else c.field))
        painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        item = self._item()
        if item is None:
            painter.setPen(QColor(c.dim))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._placeholder)
            return
        paint_card(painter, self.rect(), item, self.font())
        arrow = QRect(self.width() - 28, self.height() // 2 - 9, 18, 18)
        theme.icon("mdi6.chevron-down").paint(painter, arrow)

    def _item(self) -> CardItem | None:
        return next((item for item in self._items if item.key == self._current), None)

    def _show(self) -> None:
        item = self._item()
        self.setAccessibleName(item.title if item else self._placeholder)
        self.setToolTip(hover_text(item) if item else "")
        self.update()

    def _open(self) -> None:
        if self._items:
            self.popup.open_under(self, self._items, self._current)
            self.update()

    def _picked(self, key: str) -> None:
        if key != self._current:
            self.set_current(key)
            self.current_changed.emit(key)
        self.update()
