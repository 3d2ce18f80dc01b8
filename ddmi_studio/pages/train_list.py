"""The list of runs: where each stands, at a glance."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ddmi_models.requests import RunInfo
from ddmi_studio import theme
from ddmi_studio.state.queue import duration
from ddmi_studio.state.training import ACTIVE, Training

ROW = 66
INFO = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


def state_color(state: str) -> str:
    """The theme's colour of a run's state."""
    colors = theme.colors()
    return {
        "running": colors.accent, "waiting": colors.warning, "paused": colors.warning, "finished": colors.success,
        "failed": colors.danger, "crashed": colors.danger,
    }.get(state, colors.dim)  # fmt: skip


def progress_line(info: RunInfo) -> str:
    """How far a run is: step 1,200 of 5,500 · loss 0.1322 · 12 min left."""
    parts = [f"{info.step:,} of {info.steps:,}" if info.steps else "not started"]
    if info.loss is not None:
        parts.append(f"loss {info.loss:.4g}")
    if info.state in ACTIVE and info.seconds_left is not None:
        parts.append(f"{duration(max(info.seconds_left, 1))} left")
    return " · ".join(parts)


class RunDelegate(QStyledItemDelegate):
    """Paints a run: name, state, how far, and a bar."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colors, info = theme.colors(), index.data(INFO)
        view: QWidget = option.widget  # type: ignore[attr-defined]
        rect = QRectF(option.rect).adjusted(1, 2, -1, -2)  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = chosen or bool(state & QStyle.StateFlag.State_MouseOver)
        painter.setPen(QPen(QColor(colors.accent), 1) if chosen and view.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.selected if chosen else colors.raised) if lit else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        self._paint_texts(painter, rect.adjusted(12, 8, -12, -8), info, view.font())
        self._paint_bar(painter, rect.adjusted(12, 0, -12, -8), info)
        painter.restore()

    def _paint_texts(self, painter: QPainter, rect: QRectF, info: RunInfo, font: QFont) -> None:
        colors = theme.colors()
        small, bold = QFont(font), QFont(font)
        small.setPixelSize(11)
        bold.setWeight(QFont.Weight.DemiBold)
        width = QFontMetrics(small).horizontalAdvance(info.state)
        painter.setFont(small)
        painter.setPen(QColor(state_color(info.state)))
        top = Qt.AlignmentFlag.AlignTop
        painter.drawText(rect.adjusted(0, 1, 0, 0), top | Qt.AlignmentFlag.AlignRight, info.state)
        painter.setPen(QColor(colors.dim))
        line = QFontMetrics(small).elidedText(progress_line(info), Qt.TextElideMode.ElideRight, int(rect.width()))
        painter.drawText(rect.adjusted(0, 21, 0, 0), top, line)
        painter.setFont(bold)
        painter.setPen(QColor(colors.text))
        room = int(rect.width() - width - 10)
        painter.drawText(rect, top, QFontMetrics(bold).elidedText(info.name, Qt.TextElideMode.ElideRight, room))

    def _paint_bar(self, painter: QPainter, rect: QRectF, info: RunInfo) -> None:
        bar = QRectF(rect.left(), rect.bottom() - 3, rect.width(), 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.colors().track))
        painter.drawRoundedRect(bar, 1.5, 1.5)
        share = min(1.0, info.step / info.steps) if info.steps else 0.0
        if share > 0:
            bar.setWidth(max(3.0, bar.width() * share))
            painter.setBrush(QColor(state_color(info.state)))
            painter.drawRoundedRect(bar, 1.5, 1.5)


class RunList(QListWidget):
    """The runs; the one that is current is looked at."""

    def __init__(self, training: Training) -> None:
        super().__init__()
        self._training = training
        self.setItemDelegate(RunDelegate(self))
        self.setMouseTracking(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setStyleSheet("QListWidget { background: transparent; border: none; }")
        self.setAccessibleName("Training runs")
        self.currentItemChanged.connect(self._on_current)
        self.itemClicked.connect(lambda item: training.select(item.data(INFO).path))
        training.runs_changed.connect(self._show)
        training.selected.connect(self._select)
        theme.notifier().changed.connect(self.viewport().update)
        self._show()

    def infos(self) -> list[RunInfo]:
        """What is listed, in its order."""
        return [self.item(row).data(INFO) for row in range(self.count())]

    def _show(self) -> None:
        runs = self._training.runs
        with QSignalBlocker(self):
            while self.count() > len(runs):
                self.takeItem(self.count() - 1)
            while self.count() < len(runs):
                self.addItem(QListWidgetItem())
            for row, run in enumerate(runs):
                item = self.item(row)
                item.setData(INFO, run)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{run.name}, {run.state}, {progress_line(run)}")
                item.setToolTip("\n".join(part for part in (f"{run.name} · {run.stage}", run.message) if part))
        self._select(self._training.current)
        self.viewport().update()

    def _select(self, path: Path | None) -> None:
        row = next((row for row, run in enumerate(self.infos()) if run.path == path), -1)
        with QSignalBlocker(self):
            self.setCurrentRow(row)
        self.viewport().update()

    def _on_current(self, item: QListWidgetItem | None, _before: QListWidgetItem | None) -> None:
        if item is not None:
            self._training.select(item.data(INFO).path)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.count() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(QColor(theme.colors().dim))
            words = "No runs yet." if self._training.runs_known else "Looking for runs…"
            painter.drawText(self.viewport().rect().adjusted(12, 8, 0, 0), Qt.AlignmentFlag.AlignTop, words)
            painter.end()
