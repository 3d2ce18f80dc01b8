"""The keyframes of a camera path in a row: a click looks from there, a drag or Ctrl with an arrow key reorders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ddmi_studio import theme
from ddmi_studio.views.turntable import Turntable

WIDTH, HEIGHT, GAP, BADGE = 76, 56, 8, 16
NUMBER = Qt.ItemDataRole.UserRole + 1
EMPTY = "No keyframes yet. Turn the view, then press K."


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A camera, and what it saw when it was kept."""

    camera: Turntable
    picture: QPixmap


def cropped(image: QImage, ratio: float) -> QPixmap:
    """The middle of a picture at a keyframe's size."""
    size = QSize(round(WIDTH * ratio), round(HEIGHT * ratio))
    filled = image.scaled(
        size, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
    )
    x, y = (filled.width() - size.width()) // 2, (filled.height() - size.height()) // 2
    return QPixmap.fromImage(filled.copy(x, y, size.width(), size.height()))


class KeyframeDelegate(QStyledItemDelegate):
    """Paints what the camera saw, with its place in the row."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(WIDTH + GAP, HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        view = cast(Keyframes, option.widget)  # type: ignore[attr-defined]
        corner = option.rect.topLeft()  # type: ignore[attr-defined]
        rect = QRectF(corner.x() + 1, corner.y() + 1, WIDTH - 2, HEIGHT - 2)
        c, chosen = theme.colors(), index.row() == view.currentRow()
        path = QPainterPath()
        path.addRoundedRect(rect, 6, 6)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillPath(path, QColor(c.view_inner))
        painter.setClipPath(path)
        picture = view.keyframe(index.row()).picture
        painter.drawPixmap(rect, picture, QRectF(picture.rect()))
        painter.setClipping(False)
        painter.setPen(QPen(QColor(c.accent if chosen else c.line), 2 if chosen else 1))
        painter.drawPath(path)
        self._paint_number(painter, rect, str(index.row() + 1), chosen)
        painter.restore()

    def _paint_number(self, painter: QPainter, rect: QRectF, text: str, chosen: bool) -> None:
        c = theme.colors()
        badge = QRectF(rect.left() + 4, rect.bottom() - BADGE - 3, BADGE, BADGE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(c.accent if chosen else c.panel))
        painter.drawEllipse(badge)
        font = QFont(painter.font())
        font.setPixelSize(10)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(c.on_accent if chosen else c.text))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)


class Keyframes(QListWidget):
    """The row.

    Signals:
        changed: keyframes came, went or moved. picked: the Keyframe that was clicked.
    """

    changed = Signal()
    picked = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._known: dict[int, Keyframe] = {}
        self._count = 0
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setItemDelegate(KeyframeDelegate(self))
        self.setFixedHeight(HEIGHT + 12)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setStyleSheet("QListWidget { background: transparent; border: none; }")
        self.setAccessibleName("Keyframes of the camera path")
        self.setToolTip("Click: look from there. Drag, or Ctrl with Left and Right: reorder. Delete: remove.")
        self.itemClicked.connect(lambda item: self.picked.emit(self._known[item.data(NUMBER)]))
        self.model().rowsMoved.connect(self.changed)

    def keyframes(self) -> tuple[Keyframe, ...]:
        """In order."""
        return tuple(self.keyframe(row) for row in range(self.count()))

    def keyframe(self, row: int) -> Keyframe:
        return self._known[self.item(row).data(NUMBER)]

    def add(self, keyframe: Keyframe) -> None:
        """Behind the chosen one."""
        self._count += 1
        self._known[self._count] = keyframe
        item = QListWidgetItem()
        item.setData(NUMBER, self._count)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Keyframe {self._count}")
        row = self.currentRow() + 1 if self.currentRow() >= 0 else self.count()
        self.insertItem(row, item)
        self.setCurrentRow(row)
        self.scrollToItem(item)
        self.changed.emit()

    def remove(self) -> None:
        """Take away the chosen one."""
        item = self.takeItem(self.currentRow())
        if item is not None:
            del self._known[item.data(NUMBER)]
            self.changed.emit()

    def remove_all(self) -> None:
        if self.count():
            self.clear()
            self._known.clear()
            self.changed.emit()

    def move_chosen(self, by: int) -> None:
        """Move the chosen one along the row."""
        row, to = self.currentRow(), self.currentRow() + by
        if row >= 0 and 0 <= to < self.count():
            item = self.takeItem(row)
            self.insertItem(to, item)
            self.setCurrentRow(to)
            self.changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        key = event.key()
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove()
        elif control and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.move_chosen(-1 if key == Qt.Key.Key_Left else 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentItem() is not None:
            self.picked.emit(self.keyframe(self.currentRow()))
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.count():
            painter = QPainter(self.viewport())
            painter.setPen(QColor(theme.colors().dim))
            painter.drawText(
                self.viewport().rect().adjusted(8, 0, 0, -8),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap,
                EMPTY,
            )
