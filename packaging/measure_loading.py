"""What of a training step goes into data: processor time that a batch and a step take, and the share of the time in
which a run waits for a batch although the next one is made in a thread.

python packaging/measure_loading.py PRESET DATA [--steps N] [--set KEY=VALUE]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from ddmi_models.training.folder import RunFolder
from ddmi_models.training.loop import build_parts
from ddmi_models.training.presets import parse_config, preset_text
from ddmi_models.training.processes import start_accelerator
from ddmi_models.training.run import Run
from ddmi_models.training.stages import OBJECTIVES, prepared


def main() -> None:
    """Measure one preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    fixed = [f"data.train={given.data}", "data.validation=null", f"steps={given.steps + 1}"]
    run = ready(given.preset, [*fixed, *given.settings])
    part = slice(0, run.config.batch)
    run.objective.given(0, part)
    batch, _ = average(lambda step: run.objective.given(step, part), given.steps)
    run.train_step()  # the first one warms up, and waits for its batch
    before = run.ahead.waited
    step, seconds = average(lambda _: run.train_step(), given.steps)
    waited = (run.ahead.waited - before) / (seconds * given.steps)
    print(
        f"{given.preset}, batch {run.config.batch}: made in {1e3 * batch:.1f} ms, a step takes {1e3 * step:.0f} ms; "
        f"in one thread data would take {batch / (batch + step):.2%}, a run waits {waited:.2%} of the time"
    )


def ready(preset: str, settings: list[str]) -> Run:
    """A run that has not begun."""
    config = parse_config(preset_text(preset), settings)
    torch.set_num_threads(config.threads)
    accelerator = start_accelerator(config)
    parts = build_parts(config).to(accelerator.device)
    folder = RunFolder(Path(tempfile.gettempdir()), writes=False)
    return Run(config, folder, accelerator, parts, prepared(OBJECTIVES[config.stage](config, parts)))


def average(work: Callable[[int], object], count: int) -> tuple[float, float]:
    """Processor time of this thread and time that passes, each in seconds a call."""
    started, clock = time.thread_time(), time.perf_counter()
    for number in range(count):
        work(number)
    return (time.thread_time() - started) / count, (time.perf_counter() - clock) / count


if __name__ == "__main__":
    main()
