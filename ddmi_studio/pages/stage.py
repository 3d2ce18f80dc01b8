"""The middle of the Create page: the current domain's view under its tool bar; the welcome before the first sample."""

from __future__ import annotations

from typing import Any, cast

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from ddmi_models.errors import EngineError
from ddmi_models.events import Failed
from ddmi_studio.pages.banner import Banner
from ddmi_studio.pages.parts import label, rule
from ddmi_studio.pages.welcome import Welcome
from ddmi_studio.state.messages import problem
from ddmi_studio.state.renders import Renders
from ddmi_studio.state.samples import SessionSample
from ddmi_studio.state.scene import SceneView
from ddmi_studio.state.session import Session

HEADER_HEIGHT = 44


class Stage(QWidget):
    """Holds one view a domain, made when it is first needed, and passes what it asks for to the renders.

    Signals:
        spin_wanted: the view's button for a turntable clip. flight_wanted: that for a clip along the camera path.
    """

    spin_wanted = Signal()
    flight_wanted = Signal()

    def __init__(self, session: Session, renders: Renders) -> None:
        super().__init__()
        self._session = session
        self._renders = renders
        self.views: dict[str, SceneView] = {}
        self._tools: dict[str, QWidget] = {}
        self._previewing = False
        self.welcome = Welcome(session)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.welcome)
        self._title = label("", "subtitle")
        self._header = QWidget()
        self._tool_stack = QStackedWidget()
        self._tool_stack.addWidget(QWidget())
        self._lay_out()
        self.banner = Banner(self.stack)
        self.stack.currentChanged.connect(self.banner.raise_)  # the stack puts a new page on top of everything
        self._connect()

    def _lay_out(self) -> None:
        self._header.setProperty("role", "panel")
        self._header.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._header.setFixedHeight(HEADER_HEIGHT)
        row = QHBoxLayout(self._header)
        row.setContentsMargins(20, 0, 12, 0)
        row.setSpacing(16)
        row.addWidget(self._title)
        row.addWidget(self._tool_stack)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._header)
        layout.addWidget(rule())
        layout.addWidget(self.stack, 1)

    def _connect(self) -> None:
        session, renders = self._session, self._renders
        session.domain_changed.connect(self._show_domain)
        session.samples.selected.connect(self._show_sample)
        session.render.changed.connect(self._show_settings)
        session.render.shot_changed.connect(self._show_shot)
        # Soon, not now: the button answers before a first view is made.
        session.generating.connect(lambda: QTimer.singleShot(0, self, self._show_empty))
        session.preview.connect(self._show_preview)
        session.preview_ended.connect(self._end_preview)
        session.message.connect(self.banner.show_message)
        session.message_cleared.connect(self.banner.dismiss)
        renders.rendered.connect(self._show_rendered)
        renders.failed.connect(lambda view: self._each("render_failed", view))
        renders.timing.connect(lambda text: self._each("set_timing", text))

    def current(self) -> SceneView | None:
        """The view of the current domain, if it has been made."""
        return self.views.get(self._session.domain)

    def _view(self, domain: str) -> SceneView | None:
        if domain not in self.views:
            try:
                view = self._session.scenes[domain].build()
            except EngineError as error:
                self._session.message.emit(problem(Failed(error), "Samples can still be made and exported."))
                return None
            self._adopt(domain, view)
        return self.views[domain]

    def _adopt(self, domain: str, view: SceneView) -> None:
        self.views[domain] = view
        self.stack.addWidget(cast(QWidget, view))
        self._tools[domain] = view.tools()
        self._tool_stack.addWidget(self._tools[domain])
        view.render_wanted.connect(self._renders.wish)
        for name, heard in (
            ("spin_wanted", self.spin_wanted),
            ("flight_wanted", self.flight_wanted),
            ("shot_changed", lambda values: self._session.render.set_shot(domain, **values)),
            ("clip_changed", lambda clip, moving: self._session.render.set(domain, moving, clip=clip)),
        ):
            signal: Any = getattr(view, name, None)
            if signal is not None:
                signal.connect(heard)
        view.set_settings(self._session.render.settings(domain), False)
        self._show_shot(domain)
        self.banner.raise_()

    def _show_domain(self, domain: str) -> None:
        self._title.setText(self._session.scenes[domain].label)
        entry = self._session.samples.current
        if self._session.samples.all or self._previewing or domain in self.views:
            self._bring_up(domain)
            view = self.current()
            if view is not None and (entry is None or entry.domain != domain):
                view.set_sample(None)

    def _bring_up(self, domain: str) -> SceneView | None:
        view = self._view(domain)
        if view is not None:
            self.stack.setCurrentWidget(cast(QWidget, view))
            self._tool_stack.setCurrentWidget(self._tools[domain])
        return view

    def _show_sample(self, entry: SessionSample | None) -> None:
        if entry is None:
            view = self.current()
            if view is not None:
                view.set_sample(None)
            return
        view = self._bring_up(entry.domain)
        if view is not None:
            view.set_sample(entry.sample)

    def _show_settings(self, domain: str, moving: bool) -> None:
        view = self.views.get(domain)
        if view is not None:
            view.set_settings(self._session.render.settings(domain), moving)

    def _show_shot(self, domain: str) -> None:
        show: Any = getattr(self.views.get(domain), "set_shot", None)
        if show is not None:
            show(self._session.render.shot(domain))

    def _show_empty(self) -> None:
        """A first sample is on its way: its view comes up instead of the welcome."""
        if not self._session.samples.all:
            self._previewing = True
            view = self._bring_up(self._session.domain)
            if view is not None:
                view.set_sample(None)

    def _show_preview(self, image: Any) -> None:
        view = self._bring_up(self._session.domain)
        if view is not None:
            self._previewing = True
            view.show_preview(image)

    def _end_preview(self) -> None:
        self._previewing = False
        for view in self.views.values():
            view.end_preview()
        if not self._session.samples.all:
            self.stack.setCurrentWidget(self.welcome)

    def _show_rendered(self, view: object, rendered: object, final: bool) -> None:
        self._each("show_rendered", view, rendered, final)

    def _each(self, method: str, *arguments: object) -> None:
        current = self.current()
        if current is not None:
            getattr(current, method)(*arguments)

    def release(self) -> None:
        """Before the window closes."""
        self.banner.dismiss()
        for view in self.views.values():
            view.release()
