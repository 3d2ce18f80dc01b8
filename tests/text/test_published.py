"""Published CLIP text towers: by name and local weights, never downloaded."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from ddmi_models.config import TextConfig
from ddmi_models.errors import BadCheckpoint, BadConfig, Unavailable
from ddmi_models.text.build import build_tower
from ddmi_models.text.published import PublishedTower

NAME, WIDTH = "ddmi-tiny", 24
PROMPTS = ["a round table with one leg", "an Octopus!"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path]:
    """A random CLIP model of open_clip, small but whole, and the file of its weights."""
    folder = tmp_path_factory.mktemp("clip")
    text = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}
    vision = {"image_size": 16, "layers": 1, "width": 64, "patch_size": 8}
    config = {"embed_dim": WIDTH, "vision_cfg": vision, "text_cfg": text}
    (folder / f"{NAME}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    torch.manual_seed(3)
    model = open_clip.create_model(NAME).eval()
    path = folder / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    return model, path


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def tower(path: Path | str, **changes: Any) -> PublishedTower:
    made = build_tower(TextConfig(**{"tower": NAME, "weights": str(path), "width": WIDTH, **changes}))
    assert isinstance(made, PublishedTower)
    return made


def test_features_are_those_of_open_clip(clip: tuple[torch.nn.Module, Path]) -> None:
    model, path = clip
    features = tower(path)(PROMPTS)
    tokens = open_clip.get_tokenizer(NAME)(PROMPTS)
    with torch.no_grad():
        assert torch.allclose(features.pooled, model.encode_text(tokens), atol=1e-5)
    assert features.tokens.shape == (2, 16, 16)
    assert features.mask.sum(1).tolist() == (tokens != 0).sum(1).tolist()


def test_weights_of_every_form_are_read(clip: tuple[torch.nn.Module, Path], tmp_path: Path) -> None:
    model, path = clip
    own = open_clip.create_model(NAME, force_custom_text=True)
    own.load_state_dict(
        {key if key.startswith(("visual.", "logit")) else f"text.{key}": v for key, v in model.state_dict().items()}
    )
    torch.save({"state_dict": own.state_dict()}, tmp_path / "custom.pt")
    expected = tower(path)(PROMPTS).pooled
    assert torch.equal(tower(tmp_path / "custom.pt")(PROMPTS).pooled, expected)


def test_a_model_file_names_the_weights_and_does_not_hold_them(clip: tuple[torch.nn.Module, Path]) -> None:
    made = tower(clip[1])
    made(PROMPTS)
    assert not made.state_dict() and not list(made.parameters())
    read = made.read("an Octopus, round")
    assert read.words == ("an", "octopus", "round") and not read.unknown


def test_weights_that_are_not_here_are_named_with_the_way_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    absent = build_tower(TextConfig(tower="ViT-B-32", weights="laion2b_s34b_b79k", width=512))
    with pytest.raises(Unavailable, match=r"ViT-B-32.*laion2b_s34b_b79k") as caught:
        absent(["a chair"])
    assert "open_clip.create_model('ViT-B-32', pretrained='laion2b_s34b_b79k')" in caught.value.hint
    with pytest.raises(Unavailable, match=r"nowhere\.pt"):
        tower(tmp_path / "nowhere.pt")(["a chair"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tower": "ViT-B-33"}, "no model 'ViT-B-33'"),
        ({"tower": "ViT-B-32", "weights": "mine"}, "no weights 'mine'"),
        ({"width": 32}, "24 channels, not 32"),
        ({"tower": "ViT-B-16-SigLIP"}, "not one of open_clip's own"),
    ],
)
def test_wrong_names_are_refused(changes: dict[str, Any], message: str, clip: tuple[torch.nn.Module, Path]) -> None:
    with pytest.raises(BadConfig, match=message):
        tower(clip[1], **changes)(["a chair"])


def test_half_a_name_is_refused() -> None:
    with pytest.raises(BadConfig, match="name and weights"):
        build_tower(TextConfig(tower=NAME))


def test_foreign_and_hostile_files_are_refused(clip: tuple[torch.nn.Module, Path], tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(BadCheckpoint, match="other weights"):
        tower(tmp_path / "foreign.safetensors")(["a chair"])
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    torch.save({"state_dict": Path("/")}, tmp_path / "hostile.pt")
    for name in ("broken.safetensors", "hostile.pt"):
        with pytest.raises(BadCheckpoint, match="cannot be read"):
            tower(tmp_path / name)(["a chair"])
