"""The queue in the dock: a row a job, filled as far as it is."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ddmi_studio import theme
from ddmi_studio.pages.parts import IconButton, column, elided, label, scrolled
from ddmi_studio.state.queue import Queue, Row

ROW_HEIGHT = 26


class QueueRow(QWidget):
    """One job: what it is, how far, how fast, and its buttons."""

    def __init__(self, queue: Queue, row: Row) -> None:
        super().__init__()
        self._queue = queue
        self.row = row
        self.setFixedHeight(ROW_HEIGHT)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(0)
        layout.addStretch(1)
        self._buttons = 0
        if row.movable and row.running:
            name, tip = ("mdi6.play", "Go on") if queue.paused else ("mdi6.pause", "Pause the queue after this step")
            self.pause = self._button(name, tip)
            self.pause.clicked.connect(lambda: queue.set_paused(not queue.paused))
        elif row.movable:
            self._button("mdi6.chevron-up", "Earlier").clicked.connect(lambda: queue.move(row, -1))
            self._button("mdi6.chevron-down", "Later").clicked.connect(lambda: queue.move(row, 1))
        self.cancel = self._button("mdi6.close", "Cancel")
        self.cancel.clicked.connect(lambda: queue.cancel(row))

    def _button(self, name: str, tooltip: str) -> IconButton:
        button = IconButton(name, tooltip)
        button.setFixedSize(22, 22)
        layout = self.layout()
        if layout is not None:
            layout.addWidget(button)
        self._buttons += 1
        return button

    def text(self) -> str:
        return self.row.text(self._queue.paused)

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        path = QPainterPath()
        path.addRoundedRect(rect, 6, 6)
        painter.fillPath(path, QColor(colors.field))
        if self.row.running and self.row.fraction > 0:
            painter.setClipPath(path)
            fill = QColor(colors.accent)
            fill.setAlphaF(0.34 if theme.is_dark() else 0.26)
            painter.fillRect(QRectF(rect.x(), rect.y(), rect.width() * self.row.fraction, rect.height()), fill)
            painter.setClipping(False)
        painter.setPen(QPen(QColor(colors.line), 1))
        painter.drawPath(path)
        font = self.font()
        font.setPixelSize(12)
        painter.setFont(font)
        painter.setPen(QColor(colors.text if self.row.running else colors.dim))
        area = rect.adjusted(12, 0, -8 - 22 * self._buttons, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, elided(self, self.text(), int(area.width())))
        painter.end()


class QueuePanel(QWidget):
    """The rows, two of them in sight, the others by scrolling."""

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self._queue = queue
        self.rows: list[QueueRow] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        header = QHBoxLayout()
        header.addWidget(label("Queue", "section"))
        header.addStretch(1)
        self.hold = IconButton("mdi6.pause", "Pause the queue")
        self.hold.clicked.connect(lambda: queue.set_paused(not queue.paused))
        self.clear = IconButton("mdi6.playlist-remove", "Cancel everything that waits")
        self.clear.clicked.connect(queue.clear)
        for button in (self.hold, self.clear):
            button.setFixedSize(22, 22)
            header.addWidget(button)
        layout.addLayout(header)
        content, self._list = column(5)
        self._hint = label("", "hint")
        self._list.addWidget(self._hint)
        self._list.addStretch(1)
        area = scrolled(content)
        area.setFixedHeight(2 * ROW_HEIGHT + 6)
        layout.addWidget(area)
        queue.changed.connect(self._show)
        queue.row_changed.connect(self._show_row)
        theme.notifier().changed.connect(self.update)
        self._show()

    def _show(self) -> None:
        for widget in self.rows:
            self._list.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        rows = self._queue.rows()
        self.rows = [QueueRow(self._queue, row) for row in rows]
        for at, widget in enumerate(self.rows):
            self._list.insertWidget(at, widget)
            widget.show()
        paused = self._queue.paused
        self._hint.setVisible(not rows)
        self._hint.setText("The queue is paused." if paused else "Nothing is running. Ctrl+Enter makes a sample.")
        if paused:
            self.hold.set_icon("mdi6.play", "Go on with the queue")
        else:
            self.hold.set_icon("mdi6.pause", "Pause the queue")
        self.clear.setEnabled(any(r.movable and not r.running for r in rows))

    def _show_row(self, row: Row) -> None:
        for widget in self.rows:
            if widget.row is row:
                widget.update()
