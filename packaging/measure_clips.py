"""How long the window ever waits while a clip plays and its frames are rendered, and how many frames are seen.

xvfb-run -a .venv/bin/python packaging/measure_clips.py MODEL
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QApplication

from ddmi_studio.app import parse
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES
from ddmi_studio.views.video_view import VideoStage

SECONDS = 8.0
"""Of each case."""


def watch(app: QApplication, view: VideoStage, hand: Callable[[float], object]) -> tuple[float, float, int]:
    """Turn the event loop for a while; `hand` is told how far it is, from 0 to 1.

    Returns:
        The longest turn in seconds, the longest in seconds of the window's own thread, and how many of the clip's
        frames the play head was on.
    """
    start = last = time.perf_counter()
    longest, own, seen = 0.0, 0.0, set()
    while last < start + SECONDS:
        before = time.thread_time()
        hand((last - start) / SECONDS)
        app.processEvents()
        longest, own = max(longest, time.perf_counter() - last), max(own, time.thread_time() - before)
        seen.add(view.head.index)
        time.sleep(0.001)
        last = time.perf_counter()
    return longest, own, len(seen)


def main(model: str) -> None:
    app = QApplication(sys.argv[:1])
    studio = Studio(app, parse(["--model", model]), SCENES)
    studio.window.resize(1440, 900)
    studio.show()
    render, session = studio.session.render, studio.session
    while session.form.model is None or session.form.model.name != model:
        app.processEvents()
    session.generate()
    while session.samples.current is None:
        app.processEvents()
    view = studio.create.stage.current()
    assert isinstance(view, VideoStage)
    watch(app, view, lambda _share: None)  # the page settles

    def size(share: float) -> None:
        render.set("video", True, resolution=round(64 * 16**share))

    def scrub(share: float) -> None:
        view.seek(round(share * (view.head.count - 1)))

    cases: tuple[tuple[str, int, float, Callable[[float], object]], ...] = (
        ("played at 256 px, 8 fps", 256, 8.0, lambda _share: None),
        ("played at 1024 px, 60 fps", 1024, 60.0, lambda _share: None),
        ("size dragged from 64 to 1024 px", 64, 24.0, size),
        ("scrubbed at 512 px", 512, 24.0, scrub),
    )
    for name, side, rate, hand in cases:
        clip = render.settings("video").clip
        assert clip is not None
        render.set("video", resolution=side, clip=replace(clip, rate=rate))
        longest, own, seen = watch(app, view, hand)
        turns = f"longest turn {longest:.3f} s, most work of the window itself in one {own:.3f} s"
        print(f"{name}: {turns}; {seen} of {view.head.count} frames shown", flush=True)
    os._exit(0)  # what is still rendered has nothing to finish


if __name__ == "__main__":
    main(sys.argv[1])
