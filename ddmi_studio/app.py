"""The composition root: builds everything, hands it over, shows the window.

Torch is imported by the engine in the lane's thread and vispy by the first shape view, so the window shows at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ddmi_models.devices import share_processor
from ddmi_studio.display import missing_display


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments of `ddmi-studio`."""
    parser = argparse.ArgumentParser(prog="ddmi-studio", description="Generate images and shapes, at any resolution.")
    parser.add_argument("file", nargs="?", type=Path, help="an exported file, a latent or a model to open")
    parser.add_argument("--model", help="name of the model to start with")
    parser.add_argument("--prompt", help="prompt to start with")
    parser.add_argument("--seed", type=int, help="seed to start with; it is locked")
    parser.add_argument("--theme", choices=("system", "dark", "light"), help="for this start only")
    parser.add_argument("--device", help="auto, cpu, cuda[:n] or mps, for this start only")
    parser.add_argument("--threads", type=int, help="processor threads, for this start only")
    return parser.parse_args(list(arguments))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the studio; returns the exit code."""
    options = parse(sys.argv[1:] if argv is None else argv)
    problem = missing_display()
    if problem is not None:
        print(problem, file=sys.stderr)
        return 1
    share_processor()
    from PySide6.QtCore import QCoreApplication, Qt, QTimer
    from PySide6.QtWidgets import QApplication

    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    QCoreApplication.setApplicationName("DDMI Studio")
    app = QApplication(sys.argv[:1])
    from ddmi_studio.studio import Studio
    from ddmi_studio.views import SCENES

    studio = Studio(app, options, SCENES)
    signal.signal(signal.SIGINT, lambda *_: studio.window.close())
    awake = QTimer(interval=200)  # lets Python see Ctrl-C while Qt waits for events
    awake.timeout.connect(lambda: None)
    awake.start()
    studio.show()
    code = app.exec()
    awake.stop()
    if not studio.ended:
        os._exit(code)  # a library call that cannot be interrupted still runs; nothing half-written depends on it
    return code
