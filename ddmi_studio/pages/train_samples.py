"""Pictures of a run by step, the newest last; a click enlarges one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
)

from ddmi_studio import theme
from ddmi_studio.pages.parts import IconButton, label

HEIGHT = 78
CAPTION = 18
LARGEST = QSize(1000, 560)
PATH = Qt.ItemDataRole.UserRole
PICTURE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex


def step_of(path: Path) -> int:
    """The step of a picture's file name."""
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0


class PictureDelegate(QStyledItemDelegate):
    """Paints a picture with its step under it."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        picture: QPixmap = index.data(PICTURE)
        width = round(HEIGHT * picture.width() / max(1, picture.height()))
        return QSize(max(40, width) + 10, HEIGHT + CAPTION)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colors = theme.colors()
        area: QRect = option.rect  # type: ignore[attr-defined]
        rect = QRect(area.left(), area.top(), area.width() - 10, HEIGHT)
        state = option.state  # type: ignore[attr-defined]
        lit = state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Selected)
        path = QPainterPath()
        path.addRoundedRect(rect.toRectF().adjusted(1, 1, -1, -1), 6, 6)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setClipPath(path)
        painter.drawPixmap(rect, index.data(PICTURE))
        painter.setClipping(False)
        painter.setPen(QPen(QColor(colors.accent if lit else colors.line), 1.5 if lit else 1))
        painter.drawPath(path)
        font = QFont(option.font)  # type: ignore[attr-defined]
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(QColor(colors.dim))
        caption = QRect(rect.left(), rect.bottom() + 2, rect.width(), CAPTION)
        painter.drawText(caption, Qt.AlignmentFlag.AlignCenter, f"{step_of(index.data(PATH)):,}")
        painter.restore()


class SampleStrip(QListWidget):
    """The pictures in a row. Click, Return or Space enlarges."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: tuple[Path, ...] = ()
        self.enlarged: Enlarged | None = None
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMouseTracking(True)
        self.setItemDelegate(PictureDelegate(self))
        self.setFixedHeight(HEIGHT + CAPTION + 14)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("QListWidget { background: transparent; border: none; }")
        self.setAccessibleName("Pictures of the run by step")
        self.itemClicked.connect(lambda item: self.enlarge(self.row(item)))

    def set_paths(self, paths: tuple[Path, ...]) -> None:
        """Show these files; those that are shown already are not read again."""
        if paths == self.paths:
            return
        same = paths[: len(self.paths)] == self.paths
        if not same:
            self.clear()
        new = paths[len(self.paths) :] if same else paths
        self.paths = paths
        for path in new:
            picture = QPixmap(str(path))
            if picture.isNull():
                continue  # being written, or gone
            item = QListWidgetItem()
            item.setData(PATH, path)
            item.setData(PICTURE, picture)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Step {step_of(path)}")
            item.setToolTip(f"Step {step_of(path):,}. Click to enlarge.")
            self.addItem(item)
        if new and self.count():
            self.scrollToItem(self.item(self.count() - 1))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.currentRow() >= 0:
            self.enlarge(self.currentRow())
        else:
            super().keyPressEvent(event)

    def enlarge(self, row: int) -> None:
        """Show a picture large."""
        self.enlarged = Enlarged(self, row)
        self.enlarged.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.enlarged.open()


class Enlarged(QDialog):
    """One picture, large; the arrow keys go to the steps before and after."""

    def __init__(self, strip: SampleStrip, row: int) -> None:
        super().__init__(strip.window())
        self._strip = strip
        self.row = row
        self.caption = label("", "title")
        self.picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.before = IconButton("mdi6.chevron-left", "Earlier (Left)")
        self.after = IconButton("mdi6.chevron-right", "Later (Right)")
        self.before.clicked.connect(lambda: self.go(-1))
        self.after.clicked.connect(lambda: self.go(1))
        top = QHBoxLayout()
        top.addWidget(self.caption, 1)
        for button in (self.before, self.after):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            top.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 20)
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetFixedSize)
        layout.addLayout(top)
        layout.addWidget(self.picture)
        self._show()

    def go(self, by: int) -> None:
        """Show an earlier or later picture."""
        self.row = min(max(self.row + by, 0), self._strip.count() - 1)
        self._show()

    def _show(self) -> None:
        item = self._strip.item(self.row)
        self.setWindowTitle(f"Step {step_of(item.data(PATH)):,}")
        self.caption.setText(self.windowTitle())
        ratio = self.devicePixelRatioF()
        pixmap = item.data(PICTURE).scaled(
            LARGEST * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        pixmap.setDevicePixelRatio(ratio)
        self.picture.setPixmap(pixmap)
        self.picture.setFixedSize(pixmap.deviceIndependentSize().toSize())
        self.before.setEnabled(self.row > 0)
        self.after.setEnabled(self.row < self._strip.count() - 1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if by is None:
            super().keyPressEvent(event)
        else:
            self.go(by)
