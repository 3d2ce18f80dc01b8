"""The filmstrip: thumbnails of this session's samples."""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSignalBlocker,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ddmi_models.requests import SampledRecipe, describe
from ddmi_studio import theme
from ddmi_studio.state.samples import Samples, SessionSample

SIDE = 80
PIXMAP = Qt.ItemDataRole.UserRole + 1
ENTRY = Qt.ItemDataRole.UserRole + 2


class ThumbnailDelegate(QStyledItemDelegate):
    """Paints a rounded thumbnail with its seed; the selected one has a frame in the accent colour."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(SIDE + 8, SIDE)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        colors = theme.colors()
        view: QWidget = option.widget  # type: ignore[attr-defined]
        corner = option.rect.topLeft()  # type: ignore[attr-defined]
        rect = QRectF(corner.x() + 1, corner.y() + 1, SIDE - 2, SIDE - 2)
        selected = index == view.currentIndex()  # type: ignore[attr-defined]
        path = QPainterPath()
        path.addRoundedRect(rect, 8, 8)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillPath(path, QColor(colors.raised))
        pixmap: QPixmap | None = index.data(PIXMAP)
        if pixmap is not None:
            painter.setClipPath(path)
            painter.drawPixmap(rect, pixmap, QRectF(pixmap.rect()))
            painter.setClipping(False)
        else:
            painter.setPen(QColor(colors.dim))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, "…")
        focused = selected and view.hasFocus()
        chosen = selected or bool(option.state & QStyle.StateFlag.State_Selected)  # type: ignore[attr-defined]
        color = colors.accent if chosen else colors.line
        painter.setPen(QPen(QColor(color), 2.5 if focused else 2 if selected else 1))
        painter.drawPath(path)
        painter.restore()


class Filmstrip(QListWidget):
    """The samples in a row: click shows one, double click takes over its recipe; more in the context menu. Several are
    chosen with Ctrl or Shift.

    Signals:
        reuse_wanted, copy_wanted, export_wanted, vary_wanted, combine_wanted: a SessionSample.
    """

    reuse_wanted = Signal(object)
    copy_wanted = Signal(object)
    export_wanted = Signal(object)
    vary_wanted = Signal(object)
    combine_wanted = Signal(object)

    def __init__(self, samples: Samples) -> None:
        super().__init__()
        self._samples = samples
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setItemDelegate(ThumbnailDelegate(self))
        self.setFixedHeight(SIDE + 12)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setStyleSheet("QListWidget { background: transparent; border: none; }")
        self.setAccessibleName("Samples of this session")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.itemDoubleClicked.connect(lambda item: self.reuse_wanted.emit(item.data(ENTRY)))
        self.currentItemChanged.connect(self._on_current)
        samples.added.connect(self._add)
        samples.removed.connect(self._remove)
        samples.thumbnail_changed.connect(self._show_thumbnail)
        samples.selected.connect(self._select)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.count() == 0:
            painter = QPainter(self.viewport())
            font = self.font()
            font.setPixelSize(11)
            painter.setFont(font)
            painter.setPen(QColor(theme.colors().dim))
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignTop, "Samples appear here as they are made.")
            painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.currentItem() is not None:
            self.scrollToItem(self.currentItem())

    def item_of(self, entry: SessionSample) -> QListWidgetItem | None:
        """The item of a sample."""
        return next((i for i in map(self.item, range(self.count())) if i.data(ENTRY) is entry), None)

    def chosen(self) -> list[SessionSample]:
        """The samples that are selected, in their order."""
        return [item.data(ENTRY) for item in map(self.item, range(self.count())) if item.isSelected()]

    def _add(self, entry: SessionSample) -> None:
        item = QListWidgetItem()
        item.setData(ENTRY, entry)
        item.setToolTip(_tooltip(entry))
        with QSignalBlocker(self):
            self.addItem(item)

    def _remove(self, entry: SessionSample) -> None:
        item = self.item_of(entry)
        if item is not None:
            with QSignalBlocker(self):
                self.takeItem(self.row(item))
            self._select(self._samples.current)

    def _show_thumbnail(self, entry: SessionSample) -> None:
        item = self.item_of(entry)
        if item is not None and entry.thumbnail is not None:
            item.setData(PIXMAP, to_pixmap(entry.thumbnail))

    def _select(self, entry: SessionSample | None) -> None:
        item = self.item_of(entry) if entry is not None else None
        with QSignalBlocker(self):
            if item is None:
                self.setCurrentIndex(QModelIndex())
            else:
                self.setCurrentItem(item, QItemSelectionModel.SelectionFlag.ClearAndSelect)
                self.scrollToItem(item)
        self.viewport().update()

    def _on_current(self, item: QListWidgetItem | None, _previous: QListWidgetItem | None) -> None:
        if item is not None:
            self._samples.select(item.data(ENTRY))
        self.viewport().update()

    def _open_menu(self, position: QPoint) -> None:
        item = self.itemAt(position)
        if item is None:
            return
        entry = item.data(ENTRY)
        menu = QMenu(self)
        menu.addAction("Use this recipe", lambda: self.reuse_wanted.emit(entry))
        menu.addAction("Copy recipe", lambda: self.copy_wanted.emit(entry))
        menu.addAction("Export…", lambda: self.export_wanted.emit(entry))
        menu.addSeparator()
        menu.addAction("Vary…", lambda: self.vary_wanted.emit(entry))
        menu.addAction("Combine with another…", lambda: self.combine_wanted.emit(entry))
        menu.addSeparator()
        menu.addAction("Remove from this session", lambda: self._samples.remove(entry))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(position))


def to_pixmap(pixels: object) -> QPixmap:
    """uint8 [h, w, 3] as a pixmap of its own."""
    import numpy as np

    array = np.ascontiguousarray(pixels, dtype=np.uint8)
    height, width, _ = array.shape
    return QPixmap.fromImage(QImage(array.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy())


def _tooltip(entry: SessionSample) -> str:
    recipe = entry.sample.recipe
    if not isinstance(recipe, SampledRecipe):
        return f"{describe(recipe)}\n{recipe.model} · {recipe.kind}"
    lines = [describe(recipe), f"{recipe.model} · {recipe.sampler}, {recipe.steps} steps"]
    if recipe.prompt:
        lines.append(f"guidance {recipe.guidance:g}" + (f", without: {recipe.negative}" if recipe.negative else ""))
    lines.append("Double click: use this recipe")
    return "\n".join(lines)
