"""A run in memory: the modules, what a step does, and the state that is kept of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from ddmi_models.checkpoints.store import ModelHeader
from ddmi_models.errors import BadData, OutOfMemory, is_out_of_memory
from ddmi_models.files import atomic_file
from ddmi_models.model import ModelParts, save_model
from ddmi_models.training.ahead import Ahead, Place
from ddmi_models.training.averaging import averaging
from ddmi_models.training.config import TrainConfig
from ddmi_models.training.folder import BEST_FILE, RunFolder
from ddmi_models.training.guard import Diverged, Guard
from ddmi_models.training.lora import check_same_base, save_addon
from ddmi_models.training.memory import free_memory, halved
from ddmi_models.training.objectives import Objective
from ddmi_models.training.processes import largest, shares, sum_over_processes
from ddmi_models.training.schedules import learning_rate_factor

if TYPE_CHECKING:
    from accelerate import Accelerator

SCORES = ("reconstruction", "error", "alignment")
"""The first of these that a stage's validation gives decides which checkpoint is the best; smaller is better."""


class Run:
    """The modules of a run, and what happens to them.

    Attributes:
        step: steps done. seconds: spent in steps. best: lowest validation score so far.
        accumulate: parts in which a batch is computed; raised where memory does not suffice.
        notices: what the user should be told of the last step.
    """

    def __init__(
        self,
        config: TrainConfig,
        folder: RunFolder,
        accelerator: Accelerator,
        parts: ModelParts,
        objective: Objective[Any, Any],
    ) -> None:
        self.config, self.folder, self.accelerator = config, folder, accelerator
        self.parts, self.objective = parts, objective
        self.ahead: Ahead[Any] = Ahead(objective.given)
        self.module: nn.Module = objective.trained().to(accelerator.device)
        trainable = [p for p in self.module.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            trainable, lr=config.learning_rate, betas=(0.9, config.beta2), weight_decay=config.weight_decay
        )
        self.average = AveragedModel(self.module, multi_avg_fn=averaging(config), use_buffers=False)
        self.optimizer = accelerator.prepare(optimizer)
        self.guard = Guard()
        self.accumulate = config.accumulate
        self.step, self.seconds, self.best = 0, 0.0, float("inf")
        self._seconds_before = 0.0
        self.saved_step: int | None = None
        self.notices: list[str] = []

    @property
    def learning_rate(self) -> float:
        """Of the step that comes next."""
        return self.config.learning_rate * learning_rate_factor(self.step, self.config) * self.guard.factor

    @property
    def _largest_norm(self) -> float:
        return math.inf if self.config.clip is None else self.config.clip

    @property
    def waiting(self) -> float:
        """Share of the time of this process' steps in which it had no data to compute with."""
        return self.ahead.waited / max(self.seconds - self._seconds_before, 1e-9)

    def train_step(self) -> dict[str, float]:
        """One optimizer step over the whole batch; returns its figures.

        Raises:
            Diverged: if too many steps in a row gave no finite numbers.
            OutOfMemory: if a single item does not fit.
        """
        self.notices = []
        self.module.train()
        figures = self._gradients()
        norm = float(self.accelerator.clip_grad_norm_(self.module.parameters(), self._largest_norm))
        figures = {"loss": figures.pop("loss"), "gradient_norm": norm, **figures, "learning_rate": self.learning_rate}
        for group in self.optimizer.param_groups:
            group["lr"] = figures["learning_rate"]
        self._apply(finite=bool(np.isfinite([figures["loss"], norm]).all()), loss=figures["loss"])
        self._forget_gradients()
        self.step += 1
        return figures

    def _apply(self, finite: bool, loss: float) -> None:
        scaler = self.accelerator.scaler
        if finite or scaler is not None:  # the scaler of fp16 skips bad steps itself and lowers its scale
            self.optimizer.step()
        if finite:
            if self.step % self.config.ema_every == 0:
                self.average.update_parameters(self.module)
            if self.objective.adversary is not None:
                self.objective.adversary.apply(self._largest_norm, self.learning_rate / self.config.learning_rate)
            self.guard.good()
        elif scaler is None or not np.isfinite(loss):
            self.notices.append(self.guard.bad(self.step))

    def _trained_along(self) -> list[nn.Parameter]:
        """Everything that the loss brings gradients to."""
        adversary = self.objective.adversary
        return [*self.module.parameters(), *(adversary.module.parameters() if adversary is not None else ())]

    def _forget_gradients(self) -> None:
        for parameter in self._trained_along():
            parameter.grad = None

    def _gradients(self) -> dict[str, float]:
        """Gradients of the mean loss over the whole batch, of all processes, and the step's figures."""
        while True:
            totals = self._parts_of_batch()
            if totals is not None:
                break
            self._use_less_memory()
        if self.accelerator.num_processes > 1:
            sum_over_processes([p.grad for p in self._trained_along() if p.grad is not None])
            values = torch.tensor(list(totals.values()), dtype=torch.float32, device=self.accelerator.device)
            sum_over_processes([values])
            totals = dict(zip(totals, values.tolist(), strict=True))
            self._agree_on_parts()
        return totals

    def _agree_on_parts(self) -> None:
        """Compute as many parts from now on as the process that has least memory: the first one tells and saves it."""
        (parts,) = largest([self.accumulate], self.accelerator.device)
        if parts > self.accumulate:
            self.accumulate = int(parts)
            self._tell_parts("in another process ")

    def _parts_of_batch(self) -> dict[str, float] | None:
        """Compute this process' part of the batch, piece by piece; None if memory ran out."""
        self._seed()
        device, totals = self.accelerator.device, dict[str, float]()
        try:
            for part, following in self._places():
                share = (part.stop - part.start) / self.config.batch
                given = self.ahead.take((self.step, part), following)
                with self.accelerator.autocast():
                    loss, figures = self.objective.loss(self.module, given, self.step, part, device)
                self.accelerator.backward(loss * share)
                for key, value in {"loss": float(loss.detach()), **figures}.items():
                    totals[key] = totals.get(key, 0.0) + share * value
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None
        return totals

    def _places(self) -> Iterator[tuple[slice, Place | None]]:
        """The parts of the batch that this process computes, each with the place that comes after it."""
        processes, rank = self.accelerator.num_processes, self.accelerator.process_index
        parts = shares(self.config.batch, processes, rank, self.accumulate)
        for part, following in pairwise(parts):
            yield part, (self.step, following)
        yield parts[-1], (self.step + 1, parts[0]) if self.step + 1 < self.config.steps else None

    def _seed(self) -> None:
        """What a step draws from torch's own generators (dropout) depends on the step, not on what was before."""
        words = np.random.SeedSequence((self.config.seed, self.step, self.accelerator.process_index, 3))
        torch.manual_seed(int(words.generate_state(1, np.uint64)[0] >> 1))

    def _use_less_memory(self) -> None:
        items = -(-self.config.batch // self.accelerator.num_processes)  # of the largest share
        if self.accumulate >= items:
            raise OutOfMemory(
                "There is not enough memory for a single item of the batch.",
                "Make the crop, the points or the model smaller, or free memory.",
            )
        self._forget_gradients()
        free_memory()
        self.accumulate = min(2 * self.accumulate, items)
        self._tell_parts("")

    def _tell_parts(self, where: str) -> None:
        self.notices.append(
            f"Memory ran out {where}in step {self.step}: from now on a batch is computed in {self.accumulate} parts, "
            "with the same result."
        )

    def validate(self) -> dict[str, float]:
        """Figures of the averaged weights on held-out data; a new best is written.

        Raises:
            OutOfMemory: if a single item does not fit.
        """
        self.average.module.eval()
        figures = self._validated()
        score = next((figures[key] for key in SCORES if key in figures), None)
        settled = self.objective.settled(self.step)
        if score is not None and (score < self.best or not settled):
            self.best = score if settled else float("inf")
            self._save_model(self.folder.path / BEST_FILE, {"validation": round(score, 6)})
        return {f"validation_{key}": value for key, value in figures.items()}

    def _validated(self) -> dict[str, float]:
        while True:
            try:
                return self.objective.validate(self.average.module, self.accelerator.device)
            except (RuntimeError, MemoryError) as error:
                self.objective.at_once = halved(self.objective.at_once, error, "validate")

    def save(self) -> None:
        """Write the averaged model and then the exact state, each whole or not at all.

        Raises:
            CannotWrite: no space, no permission; the files of the last time are kept.
            Diverged: if the weights are not finite.
        """
        if not all(bool(p.isfinite().all()) for p in self.module.parameters()):
            raise Diverged(
                f"The weights are no finite numbers at step {self.step}.",
                "The last good state is kept. Start from it with a lower learning rate.",
            )
        if not self.folder.writes or self.saved_step == self.step:
            return
        self.folder.flush_metrics()
        self._save_model(self.folder.model, {})
        _write_state(self.folder.state, self._state())
        self.saved_step = self.step

    def _state(self) -> dict[str, Any]:
        scaler = self.accelerator.scaler
        return {
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "guard": self.guard.state(),
            "accumulate": self.accumulate,
            "objective": self.objective.state(),
        }

    def _save_model(self, path: Path, facts: dict[str, Any]) -> None:
        if not self.folder.writes:
            return
        training = {
            "steps": self.step, "minutes": round(self.seconds / 60, 1), "batch": self.config.batch, **facts,
        }  # fmt: skip
        if self.config.finetune == "lora":
            with self.averaged():
                save_addon(path, self.config, self.module, training)
            return
        stage: Literal["autoencoder", "full"] = "autoencoder" if self.parts.diffusion is None else "full"
        header = ModelHeader(
            name=self.config.name,
            config=self.parts.config,
            stage=stage,
            licence=self.config.licence,
            attribution=self.config.attribution,
            training=training,
        )
        with self.averaged():
            save_model(path, header, self.parts)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """While this lasts the modules hold the averaged weights."""
        current = {key: value.clone() for key, value in self.module.state_dict().items()}
        self.module.load_state_dict(self.average.module.state_dict())
        try:
            yield
        finally:
            self.module.load_state_dict(current)

    def resume(self) -> None:
        """Go on from the folder's state; a run that was killed before its first one begins again.

        Raises:
            BadData: if there is no run, or its state is not of this architecture.
        """
        path = self.folder.state
        if not path.is_file() and self.folder.config_path is not None:
            return
        if self.config.finetune == "lora":
            check_same_base(self.config, self.folder.model)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.module.load_state_dict(state["module"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            if state.get("scaler") is not None and self.accelerator.scaler is not None:
                self.accelerator.scaler.load_state_dict(state["scaler"])
            self.objective.load_state(state.get("objective", {}))
            self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
            self._seconds_before = self.seconds
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise BadData(
                f"The run in {self.folder.path} cannot be resumed: {reason}.", "Start it anew with --from its model."
            ) from error
        self.guard = Guard(**state.get("guard", {}))
        self.accumulate = max(self.config.accumulate, state.get("accumulate", 1))
        self.saved_step = self.step


def _write_state(path: Path, state: dict[str, Any]) -> None:
    with atomic_file(path) as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # torch puts its own error over that of a full disk
                raise error.__context__ from None
            raise
