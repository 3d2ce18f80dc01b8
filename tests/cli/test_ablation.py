"""`ddmi train --preset ablation`: variants that differ in what they should, a table, and going on after a stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.checkpoints.store import read_header
from ddmi_models.errors import BadConfig
from ddmi_models.events import Progress
from ddmi_models.training.ablation.config import AblationConfig, ablation_config
from ddmi_models.training.ablation.study import run_ablation
from ddmi_models.training.folder import read_metrics
from tests.training.small import image_config, image_data

DIFFUSION = {
    "unet": {
        "in_channels": 3, "out_channels": 3, "model_channels": 8, "multipliers": [1], "blocks": 1, "head_channels": 8,
        "groups": 4,
    },
    "diffusion": {"mixed_prediction": False, "target": "v", "normalised": True, "steps": 2},
    "steps": 4, "batch": 8, "log_every": 1,
}  # fmt: skip


def small_ablation(folder: Path, **changes: Any) -> AblationConfig:
    first = image_config(folder, steps=4).model_dump(mode="json")
    first = {key: first[key] for key in ("model", "data", "steps", "batch", "learning_rate", "log_every", "seed")}
    folders = {"train": folder, "validation": folder.with_name("held-out")}
    variants = ablation_config().model_dump(mode="json")["variants"]
    values = {"data": folders, "samples": 8, "variants": variants, "autoencoder": first, "diffusion": DIFFUSION}
    return AblationConfig.parse({**values, **changes})


def test_an_ablation_that_was_stopped_goes_on_to_its_table(
    tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    image_data(tmp_path / "held-out")
    config, folder = small_ablation(image_data(tmp_path / "data")), tmp_path / "ablation"
    stop_at(config, folder, "+ HDBF, autoencoder: loss")
    assert not (folder / "2-diffusion").exists()
    ready = (folder / "1-diffusion" / "model.safetensors").stat().st_mtime_ns

    values = config.model_dump(mode="json")
    settings = [f"--set={key}={json.dumps(value)}" for key, value in values.items()]
    code, out, err = command("train", "--preset", "ablation", "--run", folder, *settings, "--json")
    assert code == 0, err
    assert (folder / "1-diffusion" / "model.safetensors").stat().st_mtime_ns == ready
    check_runs(folder)
    check_table(json.loads(out))

    code, out, err = command("train", "--preset", "ablation", "--run", folder, *settings)  # nothing is done again
    assert (code, err) == (0, "") and "| + HDBF + CFC |" in out and "frechet, samples: " in out
    code, _, err = command("train", "--preset", "ablation", "--run", folder, *settings, "--set=samples=9")
    assert code == 1 and "other settings" in err
    code, _, err = command("train", "--preset", "ablation", "--detach")
    assert code == 2 and "--data, --set" in err


def stop_at(config: AblationConfig, folder: Path, label: str) -> None:
    token = CancelToken()
    with pytest.raises(WorkCancelled):
        for event in run_ablation(config, folder, token):
            if isinstance(event, Progress) and event.label.startswith(label) and event.step >= 2:
                token.cancel()


def check_runs(folder: Path) -> None:
    """The variants differ in what they should, and were trained alike."""
    nets = [read_header(folder / f"{n}-diffusion" / "model.safetensors").config for n in (1, 2, 3)]
    read = [(net.coordinate_net.scales, net.coordinate_net.fusion) for net in nets]
    assert read == [(1, "concat"), (3, "once"), (3, "concat")]
    assert [net.autoencoder.basis_resolutions for net in nets] == [(), (4, 8), (4, 8)]
    assert all(net.unet == nets[0].unet for net in nets)
    for stage in ("autoencoder", "diffusion"):
        steps = [[row["step"] for row in read_metrics(folder / f"{n}-{stage}") if "loss" in row] for n in (1, 2, 3)]
        assert steps == [[1, 2, 3, 4]] * 3


def check_table(table: dict[str, Any]) -> None:
    assert [row["variant"] for row in table["rows"]] == ["PE", "+ HDBF", "+ HDBF + CFC"] == table["expected"]
    assert {"32 px, dB", "frechet, samples"} <= set(table["best last"])
    for figure, order in table["best last"].items():
        values = {row["variant"]: row[figure] for row in table["rows"]}
        assert order == sorted(order, key=lambda name: values[name], reverse=figure.startswith("frechet"))


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("autoencoder.stps=7", "stps"),
        ("variants=[{name: a, scales: 9}, {name: b, scales: 1}]", "9 scales"),
        ("autoencoder.model=7", "autoencoder.model"),
        ("data.train=here", "both or neither"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_trained(setting: str, named: str) -> None:
    with pytest.raises(BadConfig, match=named):
        ablation_config([setting])


def test_avatars_are_drawn_where_no_data_are_given(tmp_path: Path) -> None:
    made = {"data": {"items": 8, "held_out": 4}, "samples": 4}
    stop_at(small_ablation(tmp_path, **made), tmp_path / "ablation", "PE, autoencoder: loss")
    for part, count in (("train", 8), ("held-out", 4)):
        manifest = json.loads((tmp_path / "ablation" / "data" / part / "manifest.json").read_text())
        assert (manifest["name"], manifest["count"]) == ("avatars", count)
