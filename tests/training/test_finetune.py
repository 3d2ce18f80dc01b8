"""Fine-tuning: each way changes what it names and nothing else; add-ons hold what was learned, and resume exactly."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.checkpoints.addons import read_addon
from ddmi_models.checkpoints.registry import find_model
from ddmi_models.checkpoints.store import ModelHeader
from ddmi_models.errors import BadCheckpoint, BadConfig, BadData
from ddmi_models.events import Notice, Progress
from ddmi_models.model import ModelParts, adapted, load_model, save_model
from ddmi_models.training.config import LoraConfig, TrainConfig
from ddmi_models.training.control import ask
from ddmi_models.training.folder import run_info
from ddmi_models.training.latent_objectives import SecondStage
from ddmi_models.training.loop import RunPaused, run_training
from ddmi_models.training.lora import add_adapters, layers
from ddmi_models.training.presets import parse_config
from tests import models
from tests.training.small import ITEMS, image_config, image_data, shape_data
from tests.training.test_run import figures, finish, weights

ENCODING = ("vaemodel.encoder.", "vaemodel.quant_conv", "pointnet.")


def tuning(base: Path, data: Path, finetune: str, **changes: Any) -> TrainConfig:
    values = {
        "name": "tuned", "stage": "diffusion", "start_from": str(base), "finetune": finetune, "steps": 3, "batch": 8,
        "data": {
            "train": str(data), "validation_share": 0, "target_resolutions": [16], "crop": 16, "cloud_points": 64,
            "query_points": 64,
        },
        "learning_rate": 1e-2, "warmup": 1, "log_every": 1, "ema": 0.5, "sample_every": 1000, "seed": 3,
    }  # fmt: skip
    return TrainConfig.parse({**values, **changes})


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small model with text, and data with captions in its words."""
    folder = tmp_path_factory.mktemp("shape")
    return models.write(folder, "shape"), shape_data(folder / "data")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("image")
    return models.write(folder, "image"), image_data(folder / "data")


def changed(base: Path, after: Path) -> set[str]:
    one, other = weights(base), weights(after)
    assert one.keys() == other.keys()
    return {key for key in one if not torch.equal(one[key], other[key])}


def starting(keys: Iterable[str], prefixes: tuple[str, ...]) -> set[str]:
    return {key for key in keys if key.startswith(prefixes)}


def test_full_second_stage_changes_denoiser_and_text(shape: tuple[Path, Path], tmp_path: Path) -> None:
    base, data = shape
    moved = changed(base, finish(tuning(base, data, "full"), tmp_path / "run"))
    assert moved == starting(moved, ("diffusion.model.", "text.")) and starting(moved, ("text.",))


def test_weights_that_do_not_fit_are_named(image: tuple[Path, Path], tmp_path: Path) -> None:
    base, data = image
    values = load_model(base).config.model_dump(mode="json")
    values["coordinate_net"]["width"] *= 2
    config = image_config(data, steps=1, start_from=str(base), model={k: v for k, v in values.items() if v is not None})
    told = [event.message for event in run_training(config, tmp_path / "run") if isinstance(event, Notice)]
    (line,) = [line for line in told if "not in the model to start from" in line]
    assert "mlp." in line and "vaemodel" not in line


def test_a_run_that_encodes_its_data_is_paused_there(shape: tuple[Path, Path], tmp_path: Path) -> None:
    base, data = shape
    config, folder = tuning(base, data, "diffusion"), tmp_path / "run"
    run = run_training(config, folder)
    progress = next(event for event in run if isinstance(event, Progress))
    assert progress.label == "Encoding the data" and progress.total == ITEMS
    ask(folder, "pause")
    with pytest.raises(RunPaused):
        list(run)
    assert run_info(folder).state == "paused" and not list((folder / "control").iterdir())
    finish(config, folder, resume=True)
    assert run_info(folder).step == config.steps


def test_diffusion_changes_the_unet_alone(shape: tuple[Path, Path], tmp_path: Path) -> None:
    base, data = shape
    moved = changed(base, finish(tuning(base, data, "diffusion"), tmp_path / "run"))
    assert moved and moved == starting(moved, ("diffusion.model.",))
    trained = starting(weights(base), ("diffusion.model.",))
    assert {key for key in trained if key.endswith(".weight")} <= moved


def test_decoder_changes_what_comes_after_the_latent(image: tuple[Path, Path], tmp_path: Path) -> None:
    base, data = image
    moved = changed(base, finish(tuning(base, data, "decoder", stage="autoencoder"), tmp_path / "run"))
    after = {key for key in weights(base) if key.startswith(("vaemodel.", "mlp.")) and not key.startswith(ENCODING)}
    assert moved and moved <= after and {key for key in after if key.endswith("conv_out.weight")} <= moved


def test_lora_changes_nothing_and_fits_on_the_model(shape: tuple[Path, Path], tmp_path: Path) -> None:
    base, data = shape
    before = base.read_bytes()
    config = tuning(base, data, "lora", lora={"rank": 2, "alpha": 4, "targets": ["convolutions"]}, licence="MIT")
    events = list(run_training(config, tmp_path / "run"))
    assert any(isinstance(e, Notice) and "stay as they are" in e.message for e in events)
    assert base.read_bytes() == before
    header, factors = read_addon(tmp_path / "run" / "model.safetensors")
    assert (header.base, header.base_sha256) == ("model", find_model(base).sha256)
    assert (header.rank, header.alpha, header.domain, header.licence) == (2, 4, "shape", "MIT")
    assert header.training["steps"] == 3
    assert all(len(down) == 2 == up.shape[1] and bool(up.any()) for down, up in factors.values())
    own = weights(base)
    assert all(own[f"{layer}.weight"].ndim == 4 and ".attn" not in layer for layer in factors)


@pytest.mark.parametrize("domain", ["image", "shape", "video", "nerf"])
def test_an_added_update_is_the_trained_one(domain: str) -> None:
    targets = ("attention", "text_attention", "feed_forward", "convolutions", "embeddings")
    parts = ModelParts(models.config(domain))
    parts.load_tensors(models.parts(domain).tensors())
    assert parts.diffusion is not None
    stage = SecondStage(parts.diffusion, parts.text, None)
    kinds = {kind for _, kind in layers(stage)}
    assert kinds == set(targets) - (set() if domain == "shape" else {"text_attention", "feed_forward"})
    add_adapters(stage, LoraConfig(rank=3, alpha=6, targets=targets), seed=1)
    trained = {name for name, p in stage.named_parameters() if p.requires_grad}
    assert trained and all(".lora_" in name for name in trained)
    torch.manual_seed(2)
    with torch.no_grad():
        for name, parameter in stage.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(0, 0.1)
    pairs = {}
    for name in trained:
        if ".lora_A." in name:
            other = name.replace(".lora_A.", ".lora_B.")
            pairs[name.split(".lora_A.")[0]] = (stage.get_parameter(name), stage.get_parameter(other))
    base = base_model(domain)
    with torch.no_grad():
        merged = adapted(base, [(pairs, 2.0)])
        x, t = torch.randn(2, *parts.domain.layout.shape), torch.tensor([5, 700])
        text = parts.encode_text(["a chair"]).expand(2) if parts.text is not None else None
        own, other = (d.eval().network_output(x, t, text) for d in (merged.denoiser, stage.diffusion))
        plain = base.denoiser.network_output(x, t, text)
    assert torch.allclose(own, other, atol=1e-4 * float(own.std()))
    assert not torch.allclose(own, plain, atol=1e-2 * float(own.std()))


def base_model(domain: str):
    from ddmi_models.checkpoints.store import ModelHeader
    from ddmi_models.model import Model

    header = ModelHeader(name=domain, config=models.config(domain))
    return Model(header, models.parts(domain), Path("none"), torch.device("cpu"))


def test_a_resumed_run_writes_the_same_add_on(image: tuple[Path, Path], tmp_path: Path) -> None:
    base, data = image
    config = tuning(base, data, "lora", steps=6, save_every=2)
    finish(config, tmp_path / "whole")
    token = CancelToken()
    with pytest.raises(WorkCancelled):
        for event in run_training(config, tmp_path / "torn", token=token):
            if isinstance(event, Progress) and event.step == 3:
                token.cancel()
    torch.manual_seed(99)
    finish(config, tmp_path / "torn", resume=True)
    one, other = (read_addon(tmp_path / run / "model.safetensors")[1] for run in ("whole", "torn"))
    assert one.keys() == other.keys()
    assert all(torch.equal(a, b) for key in one for a, b in zip(one[key], other[key], strict=True))
    losses = [[row["loss"] for row in figures(tmp_path / run) if "loss" in row] for run in ("whole", "torn")]
    assert losses[0] == losses[1] and len(losses[0]) == 6


def test_a_run_is_not_resumed_beside_another_model(image: tuple[Path, Path], tmp_path: Path) -> None:
    _, data = image
    base = models.write(tmp_path, "image")
    finish(tuning(base, data, "lora", steps=1), tmp_path / "run")
    base.write_bytes(base.read_bytes()[:-4] + b"\x01\x02\x03\x04")
    with pytest.raises(BadData, match="has changed since this run began"):
        finish(tuning(base, data, "lora", steps=2), tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"finetune": "decoder"}, "finetune: decoder belongs to the stage autoencoder"),
        ({"finetune": "lora", "stage": "autoencoder"}, "finetune: lora belongs to the stage diffusion"),
        ({"finetune": "diffusion", "stage": "alignment"}, "finetune: diffusion belongs to the stage diffusion"),
        ({"finetune": "lora", "text": {}}, "the section `text` would change it"),
        ({"finetune": "lora", "lora": {"rank": 0}}, "lora.rank"),
        ({"finetune": "lora", "lora": {"targets": ["everything"]}}, "lora.targets"),
        ({"finetune": "lora", "lora": {"targets": []}}, "lora.targets"),
        ({"finetune": "lora", "lora": {"ranks": 4}}, "lora.ranks"),
        ({"finetune": "some"}, "finetune"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(changes: dict[str, Any], message: str) -> None:
    values = {"name": "x", "stage": "diffusion", "start_from": "avatars", "data": {"train": "data"}, "steps": 1}
    with pytest.raises(BadConfig) as caught:
        TrainConfig.parse({**values, **changes})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_an_add_on_needs_a_whole_model_and_layers_that_are_there(image: tuple[Path, Path], tmp_path: Path) -> None:
    base, data = image
    first = finish(tuning(base, data, "decoder", stage="autoencoder", steps=1), tmp_path / "first")
    assert find_model(first).can_sample  # the denoiser is kept
    with pytest.raises(BadConfig, match="finetune: lora changes a model that is there, and none is named"):
        finish(tuning(base, data, "lora", start_from=None), tmp_path / "nothing")
    with pytest.raises(BadConfig, match=r"lora needs a model that can sample\. Name a whole one"):
        config, bare = models.config("image").model_copy(update={"unet": None}), tmp_path / "bare.safetensors"
        save_model(bare, ModelHeader(name="bare", config=config, stage="autoencoder"), ModelParts(config))
        finish(tuning(bare, data, "lora"), tmp_path / "bare")
    with pytest.raises(BadConfig, match="has none of text_attention"):
        finish(tuning(base, data, "lora", lora={"targets": ["text_attention"]}), tmp_path / "run")
    finish(tuning(base, data, "lora", steps=1), tmp_path / "addon")
    with pytest.raises(BadCheckpoint, match="is an add-on, not a model"):
        finish(tuning(tmp_path / "addon" / "model.safetensors", data, "full"), tmp_path / "again")


def test_older_names_are_read() -> None:
    values = "name: x\nstage: {}\nstart_from: y\ndata: {{train: d}}\nsteps: 1\n{}"
    assert parse_config(values.format("autoencoder", "decoder_only: true")).finetune == "decoder"
    assert parse_config(values.format("diffusion", "decoder_only: false\ntrain_text: false")).finetune == "diffusion"
    assert parse_config(values.format("diffusion", "decoder_only: false\ntrain_text: true")).finetune == "full"
