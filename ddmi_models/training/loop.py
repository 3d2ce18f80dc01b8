"""The one training loop: both stages, every domain, one process or many (Hugging Face Accelerate)."""

from __future__ import annotations

import contextlib
import json
import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import torch

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.checkpoints.registry import find_model
from ddmi_models.checkpoints.store import read_model
from ddmi_models.config import ModelConfig, TextConfig
from ddmi_models.errors import BadConfig, BadData, CannotWrite, EngineError, OutOfMemory
from ddmi_models.events import Event, Notice, Preview, Progress, Result
from ddmi_models.model import ModelParts
from ddmi_models.text.synonyms import read_as
from ddmi_models.text.tower import TextTower
from ddmi_models.training.architecture import architecture_values
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.control import ACTIONS, asked, done, ending_asked
from ddmi_models.training.data import preparing_data
from ddmi_models.training.environment import changed_data, data_description, environment, refuse_reserved
from ddmi_models.training.folder import BEST_FILE, DATA_FILE, ENVIRONMENT_FILE, RunFolder
from ddmi_models.training.objectives import caption_words
from ddmi_models.training.pace import Pace
from ddmi_models.training.pictures import picture_of, png
from ddmi_models.training.processes import any_process, start_accelerator
from ddmi_models.training.run import Run
from ddmi_models.training.stages import OBJECTIVES

EMBEDDING = "text.transformer.token_embedding.weight"
FRESH_NAMED = 3
"""How many tensors that start afresh are named."""


def build_parts(config: TrainConfig, tell: Callable[[str], object] = lambda line: None) -> ModelParts:
    """The modules of a run: fresh, or with the weights of `start_from` where names and shapes agree.

    Args:
        tell: gets a line about weights that do not.

    Raises:
        BadConfig: if neither an architecture nor a model to start from is given, or nothing to fine-tune.
    """
    if config.finetune != "full" and config.start_from is None:
        raise BadConfig(
            f"finetune: {config.finetune} changes a model that is there, and none is named.", "Name it with --from."
        )
    base = read_model(find_model(config.start_from).path) if config.start_from else None
    architecture = _architecture(config, base[0].config if base else None)
    torch.manual_seed(config.seed)
    parts = ModelParts(architecture)
    if base is not None:
        fresh = _warm_start(parts, base[1])
        if base[0].config.text is not None and _keep_words(parts, base[0].config.text, base[1]):
            fresh = [key for key in fresh if key != EMBEDDING]
        if fresh:
            named = ", ".join(fresh[:FRESH_NAMED]) + (", ..." if len(fresh) > FRESH_NAMED else "")
            count = len(parts.tensors())
            tell(f"{len(fresh)} of {count} tensors are not in the model to start from, or of other sizes: {named}.")
    return parts


def _domain(config: TrainConfig) -> str | None:
    """What is trained; None where there is no architecture, which `build_parts` tells."""
    if config.model is not None:
        return config.model.domain
    return find_model(config.start_from).domain if config.start_from else None


def _architecture(config: TrainConfig, base: ModelConfig | None) -> ModelConfig:
    values = architecture_values(config, base)
    if config.text is not None and config.text.tower is None and not config.text.words:
        known = base.text.words if base is not None and base.text is not None else ()
        words = tuple(sorted({*known, *caption_words(config.data)}))
        values["text"] = config.text.model_copy(update={"words": words, "synonyms": read_as(frozenset(words))})
    return ModelConfig.parse(values)


def _warm_start(parts: ModelParts, tensors: dict[str, torch.Tensor]) -> list[str]:
    """Take the weights that fit; returns the names of those that do not, in the parts that both models have."""
    own = parts.tensors()
    taken = {key: value for key, value in tensors.items() if key in own and own[key].shape == value.shape}
    if not taken:
        raise BadConfig("The model to start from has no weights of this architecture.", "Start from another one.")
    with torch.no_grad():
        for key, value in taken.items():
            own[key].copy_(value)
    known = {key.split(".")[0] for key in tensors}
    return [key for key in own if key not in taken and key.split(".")[0] in known]


def _keep_words(parts: ModelParts, known: TextConfig, tensors: dict[str, torch.Tensor]) -> bool:
    """Bring the words' embedding over where the new tower knows more words, so that it has another size; whether that
    was done."""
    tower = parts.text
    if not isinstance(tower, TextTower) or known.words in ((), tower.config.words):
        return False
    if tower.config.width != known.width:
        return False
    tower.take_embedding(tensors[EMBEDDING], known.words)
    return True


class RunPaused(WorkCancelled):
    """The run was asked to pause: its state is saved, its process ends."""


def run_training(
    config: TrainConfig, folder: Path, resume: bool = False, token: CancelToken | None = None
) -> Iterator[Event]:
    """Train until the steps or minutes are used up; yields Progress, Preview and Notice, and ends with Result(path of
    the model file).

    Stopping through the token or a request in the folder (see `control`) saves first. After that, or after a crash,
    `resume` goes on from the last state: on one device with as many threads, to the same weights as without a break.

    Raises:
        BadData, BadConfig, BadInput, Unavailable: where the run cannot begin, or its data vanish on the way.
        CannotWrite, OutOfMemory, Diverged: where it cannot go on; the last good state is kept.
        WorkCancelled: when it was stopped or paused.
    """
    torch.set_num_threads(config.threads)
    accelerator = start_accelerator(config)
    book = RunFolder(folder, accelerator.is_main_process)
    if resume and book.config_path is None:
        raise BadData(f"The run in {folder} cannot be resumed: there is none.", "Name the folder of a run.")
    book.create(config)
    with book.locked(), _ending_told(book):
        book.clean()
        refuse_reserved(config.data.train)
        book.claim("running", stage=config.stage, steps=config.steps, device=str(accelerator.device))
        book.log("Reads the data.")  # if it is killed here, the last line must not be that of an earlier process
        token, domain, lines = token or CancelToken(), _domain(config), list[str]()
        check = partial(_check_before_steps, book, token)
        if domain is not None:
            yield from _shown(book, preparing_data(config.data, domain, check))
        parts = build_parts(config, lines.append).to(accelerator.device)  # the data are encoded there too
        objective = OBJECTIVES[config.stage](config, parts)
        yield from _shown(book, objective.prepare(check))
        run = Run(config, book, accelerator, parts, objective)
        yield from _begin(run, resume, lines)
        yield from _loop(run, token)
        yield from _checkpoint(run)
        book.end("finished")
    yield Result(book.model)


@contextlib.contextmanager
def _ending_told(book: RunFolder) -> Iterator[None]:
    """Write into the folder how the run ended."""
    try:
        yield
    except RunPaused:
        book.end_as_asked("paused")
        raise
    except EngineError as error:
        book.end("failed", str(error))
        raise
    except Exception as error:
        book.end("failed", f"Something unexpected went wrong ({type(error).__name__}: {error}).")
        with contextlib.suppress(CannotWrite):
            book.log(traceback.format_exc())
        raise
    except BaseException:  # stopped, interrupted, or nobody asks for the next event
        book.end_as_asked("stopped")
        raise


def _shown(book: RunFolder, work: Iterable[Progress]) -> Iterator[Progress]:
    """The progress of what comes before the first step; it stands in the folder too, while it lasts."""
    for progress in work:
        book.tell(now=False, message=f"{progress.label}: {progress.step:,} of {progress.total:,}.")
        yield progress
    book.tell(message="")


def _check_before_steps(book: RunFolder, token: CancelToken) -> None:
    """Before the first step there is nothing to save. Raises: RunPaused, WorkCancelled, if that is asked for."""
    token.check()
    if not book.writes:
        return
    if ending := ending_asked(book.path):
        raise RunPaused if ending == "paused" else WorkCancelled
    done(book.path, "save")


def _begin(run: Run, resume: bool, told: Iterable[str]) -> Iterator[Event]:
    """Bring the folder and the run to the step at which it starts.

    Args:
        told: what was noticed before.
    """
    book = run.folder
    lines = [*told, *run.objective.notices(), *run.objective.data_notices()]
    if resume:
        run.resume()
        lines += [line for line in [_data_notice(run)] if line]
    else:
        for older in (book.state, book.path / BEST_FILE):
            if book.writes:
                older.unlink(missing_ok=True)
    book.start_metrics(run.step)
    book.write_json(ENVIRONMENT_FILE, environment(run.accelerator.device))
    if not resume or not (book.path / DATA_FILE).is_file():
        book.write_json(DATA_FILE, data_description(run.config.data))
    book.log(f"Starts at step {run.step} of {run.config.steps} on {run.accelerator.device}.")
    book.tell(step=run.step, saved_step=run.step, seconds=run.seconds, best=_number(run.best))
    yield from _told(run, lines)


def _data_notice(run: Run) -> str:
    """What to say where the data are not those that the run began with."""
    try:
        before = json.loads((run.folder.path / DATA_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    changed = changed_data(before, data_description(run.config.data))
    return (
        f"The data have changed since the run began ({', '.join(changed)}): it does not repeat exactly."
        if changed
        else ""
    )


def _told(run: Run, lines: Iterable[str]) -> Iterator[Event]:
    for line in lines:
        run.folder.log(line)
        yield Notice(line)


def _loop(run: Run, token: CancelToken) -> Iterator[Event]:
    config, book, pace = run.config, run.folder, Pace()
    while run.step < config.steps and not (config.minutes and run.seconds > 60 * config.minutes):
        yield from _requests(run, token)
        started = time.monotonic()
        figures = _step(run)
        run.seconds += time.monotonic() - started
        pace.step(time.monotonic() - started)
        yield from _told(run, run.notices)
        started = time.monotonic()
        if run.step % config.log_every == 0:
            book.add_metrics(run.step, run.seconds, figures)
            yield Progress(run.step, config.steps, f"loss {figures['loss']:.4g}", _seconds_left(run, pace))
        if run.step % (config.sample_every or config.save_every) == 0:
            yield from _picture(run)  # before the state, or a run killed in between would lack it
        if run.step % config.save_every == 0:
            yield from _checkpoint(run)
        book.tell(
            now=run.step == config.steps,
            step=run.step,
            seconds=run.seconds,
            seconds_left=_seconds_left(run, pace),
            loss=_number(figures["loss"]),
        )
        pace.between(time.monotonic() - started)


def _step(run: Run) -> dict[str, float]:
    try:
        return run.train_step()
    except (BadData, OutOfMemory):  # the weights are still those of the last step
        run.save()
        raise


def _seconds_left(run: Run, pace: Pace) -> float | None:
    left = pace.seconds_left(run.config.steps - run.step)
    if left is None or run.config.minutes is None:
        return left
    return max(0.0, min(left, 60 * run.config.minutes - run.seconds))


def _requests(run: Run, token: CancelToken) -> Iterator[Event]:
    """Do what the run is asked for between two steps; all processes agree on it.

    Raises:
        RunPaused, WorkCancelled: if it was asked to pause or stop, after saving.
    """
    book = run.folder
    found = asked(book.path) if book.writes else ()
    flags = [action in found for action in ACTIONS]
    flags[ACTIONS.index("stop")] |= token.cancelled
    if run.accelerator.num_processes > 1:
        flags = any_process(flags, run.accelerator.device)
    wanted = {action for action, flag in zip(ACTIONS, flags, strict=True) if flag}
    if wanted & {"save", "pause", "stop"}:
        run.save()
        book.tell(step=run.step, saved_step=run.step, seconds=run.seconds)
    if "sample" in wanted:
        yield from _picture(run)
    for ending, error in (("pause", RunPaused), ("stop", WorkCancelled)):
        if ending in wanted:
            yield from _told(run, [f"Saved at step {run.step}."])
            raise error
    done(book.path, *found)


def _checkpoint(run: Run) -> Iterator[Event]:
    """Validate and save, unless this step is saved already."""
    if run.saved_step == run.step:
        return
    try:
        figures = run.validate()
    except OutOfMemory:
        run.save()
        raise
    if figures:
        run.folder.add_metrics(run.step, run.seconds, figures)
    run.save()
    run.folder.tell(step=run.step, saved_step=run.step, seconds=run.seconds, best=_number(run.best))
    run.folder.log(f"Saved at step {run.step}; {run.waiting:.1%} of the time so far went into waiting for data.")
    yield from ()


def _picture(run: Run) -> Iterator[Event]:
    """Write a picture of what the run makes now; a picture that fails is no reason to stop."""
    if not run.folder.writes:
        return
    try:
        picture = picture_of(run)
    except Exception as error:  # noqa: BLE001 - see above
        run.folder.log(traceback.format_exc())
        yield from _told(run, [f"No picture of step {run.step} ({type(error).__name__}: {error})."])
        return
    if picture is not None:
        path = run.folder.write_sample(run.step, png(picture))
        run.folder.tell(sample=path.name if path else "")
        yield Preview(0, picture)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
