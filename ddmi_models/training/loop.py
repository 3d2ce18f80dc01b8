"""The one training loop: both stages, every domain, one process or many (Hugging Face Accelerate)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ddmi_models.cancel import CancelToken
from ddmi_models.checkpoints.registry import find_model
from ddmi_models.checkpoints.store import ModelHeader, read_model
from ddmi_models.config import ModelConfig, StrictConfig, TextConfig
from ddmi_models.errors import BadConfig, BadData, EngineError
from ddmi_models.events import Event, Notice, Progress, Result
from ddmi_models.model import ModelParts, save_model
from ddmi_models.text.synonyms import read_as
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.objectives import Objective, caption_words
from ddmi_models.training.schedules import learning_rate_factor
from ddmi_models.training.stages import OBJECTIVES

STATE_FILE, MODEL_FILE, METRICS_FILE, CONFIG_FILE = "state.pt", "model.safetensors", "metrics.jsonl", "config.json"


def build_parts(config: TrainConfig) -> ModelParts:
    """The modules of a run: fresh, or with the weights of `start_from` where names and shapes agree.

    Raises:
        BadConfig: if neither an architecture nor a model to start from is given.
    """
    base = read_model(find_model(config.start_from).path) if config.start_from else None
    architecture = _architecture(config, base[0].config if base else None)
    torch.manual_seed(config.seed)
    parts = ModelParts(architecture)
    if base is not None:
        _warm_start(parts, base[1])
        if base[0].config.text is not None:
            _keep_words(parts, base[0].config.text, base[1])
    return parts


def _architecture(config: TrainConfig, base: ModelConfig | None) -> ModelConfig:
    architecture = config.model or base
    if architecture is None:
        raise BadConfig("The run has no architecture.", "Give the section `model`, or `start_from` an existing model.")
    own = {"unet": config.unet, "diffusion": config.diffusion, "text": config.text, "ranking": config.ranking}
    added: dict[str, StrictConfig] = {key: value for key, value in own.items() if value is not None}
    if config.text is not None and not config.text.words:
        known = base.text.words if base is not None and base.text is not None else ()
        words = tuple(sorted({*known, *caption_words(config.data)}))
        added["text"] = config.text.model_copy(update={"words": words, "synonyms": read_as(frozenset(words))})
    return architecture.model_copy(update=added)


def _warm_start(parts: ModelParts, tensors: dict[str, torch.Tensor]) -> None:
    own = parts.tensors()
    taken = {key: value for key, value in tensors.items() if key in own and own[key].shape == value.shape}
    if not taken:
        raise BadConfig("The model to start from has no weights of this architecture.", "Start from another one.")
    with torch.no_grad():
        for key, value in taken.items():
            own[key].copy_(value)


def _keep_words(parts: ModelParts, known: TextConfig, tensors: dict[str, torch.Tensor]) -> None:
    """Bring the words' embedding over where the new tower knows more words, so that it has another size."""
    if parts.text is not None and parts.text.config.words != known.words and parts.text.config.width == known.width:
        parts.text.take_embedding(tensors["text.transformer.token_embedding.weight"], known.words)


class Run:
    """A run's modules and files. Its folder holds config, metrics, the exact state and the model so far."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        from accelerate import Accelerator

        torch.set_num_threads(config.threads)
        self.config, self.folder = config, folder
        self.accelerator = Accelerator(mixed_precision=config.precision)
        self.parts = build_parts(config)
        if config.stage not in OBJECTIVES:
            raise BadConfig(f"The stage {config.stage!r} is not known.", f"Known are {', '.join(OBJECTIVES)}.")
        self.objective: Objective[Any] = OBJECTIVES[config.stage](config, self.parts)
        self.module: nn.Module = self.objective.trained().to(self.accelerator.device)
        trainable = [p for p in self.module.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            trainable, lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=config.weight_decay
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, config.steps, config.warmup)
        )
        self.average = AveragedModel(self.module, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=False)
        self.optimizer, self.scheduler = self.accelerator.prepare(optimizer), scheduler
        self.step, self.seconds, self.best = 0, 0.0, float("inf")

    def train_step(self) -> dict[str, float]:
        """One optimizer step over the whole batch."""
        self.module.train()
        world, rank, pieces = self.accelerator.num_processes, self.accelerator.process_index, self.config.accumulate
        size = self.config.batch // (world * pieces)
        figures: dict[str, float] = {}
        for piece in range(pieces):
            start = (rank * pieces + piece) * size
            with self.accelerator.autocast():
                loss, figures = self.objective.loss(
                    self.module, self.step, slice(start, start + size), self.accelerator.device
                )
            self.accelerator.backward(loss / pieces)
        self._share_gradients()
        norm = self.accelerator.clip_grad_norm_(self.module.parameters(), self.config.clip)
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update_parameters(self.module)
        self.step += 1
        return {"loss": float(loss.detach()), "gradient_norm": float(norm), **figures}

    def _share_gradients(self) -> None:
        """Average the gradients of all processes; the losses are methods of the modules, which DDP does not wrap."""
        if self.accelerator.num_processes == 1:
            return
        for parameter in self.module.parameters():
            if parameter.grad is not None:
                parameter.grad = self.accelerator.reduce(parameter.grad, reduction="mean")

    def save(self) -> None:
        """Write the exact state and the averaged model, each atomically."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }
        temporary = self.folder / f".{STATE_FILE}.{os.getpid()}"
        torch.save(state, temporary)
        temporary.replace(self.folder / STATE_FILE)
        self._save_model()

    def _save_model(self) -> None:
        own = self.module
        current = {key: value.clone() for key, value in own.state_dict().items()}
        own.load_state_dict(self.average.module.state_dict())
        try:
            stage: Literal["autoencoder", "full"] = "autoencoder" if self.parts.diffusion is None else "full"
            header = ModelHeader(
                name=self.config.name,
                config=self.parts.config,
                stage=stage,
                licence=self.config.licence,
                attribution=self.config.attribution,
                training={"steps": self.step, "minutes": round(self.seconds / 60, 1), "batch": self.config.batch},
            )
            save_model(self.folder / MODEL_FILE, header, self.parts)
        finally:
            own.load_state_dict(current)

    def resume(self) -> None:
        """Go on from the folder's state.

        Raises:
            BadData: if there is none, or it is not of this run's architecture.
        """
        path = self.folder / STATE_FILE
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.module.load_state_dict(state["module"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scheduler.load_state_dict(state["scheduler"])
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise BadData(
                f"The run in {self.folder} cannot be resumed: {error}.", "Start it anew with --from its model."
            ) from error
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]

    def validate(self) -> dict[str, float]:
        """Figures of the averaged weights on held-out data."""
        self.average.module.eval()
        return {
            f"validation_{k}": v
            for k, v in self.objective.validate(self.average.module, self.accelerator.device).items()
        }

    def log(self, figures: dict[str, Any]) -> None:
        """Append one JSON line to the run's metrics."""
        if self.accelerator.is_main_process:
            with (self.folder / METRICS_FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": self.step, "seconds": round(self.seconds, 1), **figures}) + "\n")


def run_training(
    config: TrainConfig, folder: Path, resume: bool = False, token: CancelToken | None = None
) -> Iterator[Event]:
    """Train until the steps or minutes are used up; yields Progress and ends with Result(path of the model file).

    Stopping through the token saves first, so that the run can be resumed.
    """
    token = token or CancelToken()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(f"The run's folder {folder} cannot be made: {error}.", "Choose another folder.") from None
    run = Run(config, folder)
    if resume:
        run.resume()
    yield from (Notice(line) for line in run.objective.notices())
    (folder / CONFIG_FILE).write_text(config.model_dump_json(indent=1), encoding="utf-8")
    yield from _loop(run, token)
    run.save()
    yield Result(folder / MODEL_FILE)


def _loop(run: Run, token: CancelToken) -> Iterator[Event]:
    config, before = run.config, time.monotonic()
    while run.step < config.steps and not (config.minutes and run.seconds > 60 * config.minutes):
        if token.cancelled:
            run.save()
            token.check()
        figures = run.train_step()
        now = time.monotonic()
        run.seconds, before = run.seconds + now - before, now
        if run.step % config.log_every == 0:
            run.log({**figures, "learning_rate": run.scheduler.get_last_lr()[0]})
            rate = run.seconds / run.step
            yield Progress(run.step, config.steps, f"loss {figures['loss']:.4g}", (config.steps - run.step) * rate)
        if run.step % config.save_every == 0:
            run.log(run.validate())
            run.save()
            before = time.monotonic()
