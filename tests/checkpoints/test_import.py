"""Official files: every tensor is used or left out by name, and what is not known is asked for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.checkpoints import registry
from ddmi_models.checkpoints.importer import (
    convert_official,
    import_model,
    import_steps,
    inspect_official,
)
from ddmi_models.checkpoints.official.configure import configure
from ddmi_models.checkpoints.official.layout import Plan, expected_shapes, make_plan
from ddmi_models.checkpoints.official.standins import StorageRef, TensorRef
from ddmi_models.checkpoints.store import check_keys, read_model
from ddmi_models.errors import BadCheckpoint, BadConfig, BadInput, CannotWrite, EngineError
from ddmi_models.events import value_of
from tests.checkpoints.helpers import PARITY, unpack

MANIFESTS = sorted((PARITY / "manifests").glob("[dl]*.json"))
CHECKPOINTS = PARITY / "checkpoints"
PUBLISHED = ("afhq", "celebahq", "shapenet", "srn_cars")
TYPES = {"float32": "F32", "int64": "I64", "bool": "BOOL"}


def contents_of(manifest: Path) -> dict[str, Any]:
    """What a file of this manifest says it holds."""
    values = json.loads(manifest.read_text())
    contents: dict[str, Any] = {}
    for entry in values["_order_in_file"]:
        value = values[entry]
        if entry == "args":
            continue  # so that everything has to come from the tensors and the shipped configurations
        if entry in {"vaemodel", "model", "mlp", "pointnet", "diffusion", "ema"}:
            contents[entry] = {key: reference(*described) for key, described in value.items()}
        else:
            contents[entry] = 7 if value == "int" else value
    return contents


def reference(shape: list[int], dtype: str) -> TensorRef:
    strides = [1] * len(shape)
    for axis in reversed(range(len(shape) - 1)):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    storage = StorageRef("0", TYPES[dtype], shape[0] * strides[0] if shape else 1)
    return TensorRef(storage, 0, tuple(shape), tuple(strides))


def plan_and_check(contents: dict[str, Any]) -> Plan:
    plan = make_plan(contents)
    config = configure(plan.shapes, None, None, plan.stage)
    check_keys(expected_shapes(config, plan.stage), plan.shapes)
    return plan


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_every_key_of_the_published_files_is_used_or_left_out_by_name(manifest: Path) -> None:
    contents = contents_of(manifest)
    plan = plan_and_check(contents)
    named = set(plan.tensors) | set(plan.unused)
    for entry, value in contents.items():
        if entry in plan.unused:
            continue
        assert isinstance(value, dict), entry
        for key in value:
            ours = {"model": "vaemodel"}.get(entry, entry) + "." + key.removeprefix("ema_model.")
            ours = ours.replace("ema.", "diffusion.", 1) if key.startswith("ema_model.") else ours
            group = ".".join([entry, *key.split(".")[:1]]) + ".*" if entry == "ema" else f"{entry}.*"
            assert {ours, f"{entry}.{key}", group} & named, f"{entry}.{key}"
    assert all(plan.unused.values())


def test_manifests_of_both_stages_and_domains_are_there() -> None:
    found = {path.stem for path in MANIFESTS}
    assert found >= {f"{stage}-{name}" for stage in ("ldm", "d2c-vae") for name in PUBLISHED}


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("ldm-celebahq", {"multipliers": (1, 2, 4, 8), "model_channels": 256, "blocks": 2, "head_channels": 32}),
        ("ldm-afhq", {"multipliers": (1, 2, 4, 6), "model_channels": 224, "attention_factors": (2, 4, 8)}),
        ("ldm-shapenet", {"multipliers": (1, 2, 4, 6), "in_channels": 192, "head_channels": 32}),
    ],
)
def test_shipped_configuration_is_recognised_without_args(name: str, facts: dict[str, Any]) -> None:
    plan = make_plan(contents_of(PARITY / "manifests" / f"{name}.json"))
    config = configure(plan.shapes, None, None, plan.stage)
    assert config.unet is not None
    assert {key: getattr(config.unet, key) for key in facts} == facts
    if config.domain == "shape":
        assert config.point_encoder is not None
        assert (config.point_encoder.plane_resolution, config.point_encoder.padding) == (64, 0.1)
        assert (config.plane_order, config.iso, config.diffusion.steps) == (("xy", "xz", "yz"), 0.2, 200)
    else:
        assert (config.anchor_resolution, config.coordinate_net.noise, config.diffusion.steps) == (256, True, 50)


@pytest.mark.parametrize("name", ["ldm-skytimelapse", "d2c-vae-skytimelapse", "d2c-vae-skytimelapse_gan"])
def test_stages_of_videos_are_recognised(name: str) -> None:
    plan = make_plan(contents_of(PARITY / "manifests" / f"{name}.json"))
    config = configure(plan.shapes, None, None, plan.stage)
    assert config.clip is not None and config.video_encoder is not None
    assert (config.clip.frames, config.clip.crossed, config.plane_order) == (16, True, ("xy", "xt", "yt"))
    assert (config.video_encoder.channels, config.video_encoder.layers) == (384, 8)
    assert (config.autoencoder.multipliers, config.autoencoder.scales) == ((1, 2, 4, 8), (64, 128, 256))
    assert config.autoencoder.joint_resolutions == (32, 64, 128, 256)
    assert (config.autoencoder.attention, config.autoencoder.in_channels) == ("vanilla-multihead", 3)
    if config.unet is not None:
        assert (config.unet.head_channels, config.diffusion.steps) == (64, 200)


def test_both_second_stages_of_radiance_fields_are_recognised() -> None:
    told = {}
    for name in ("ldm-srn_cars", "ldm-srn_cars-as-released-stage2"):
        plan = make_plan(contents_of(PARITY / "manifests" / f"{name}.json"))
        told[name] = configure(plan.shapes, None, None, plan.stage)
    usable, literal = told.values()
    assert usable.autoencoder.joint and not literal.autoencoder.joint
    for config in told.values():
        assert config.radiance is not None and config.point_encoder is not None
        assert config.radiance.model_dump(include={"activation", "background", "pixel_corners"}) == {
            "activation": "identity", "background": "last_sample", "pixel_corners": True,
        }  # fmt: skip
        assert (config.radiance.skips, config.radiance.layers, config.radiance.samples) == ((2, 4), 6, 256)
        assert (config.plane_order, config.point_encoder.point_channels) == (("xy", "yz", "xz"), 6)


def test_sampling_of_rays_is_read_from_the_configuration_beside(tmp_path: Path) -> None:
    config = inspect_official(unpack("nerf-tiny", tmp_path), config=CHECKPOINTS / "nerf-tiny.yaml").config
    assert config.radiance is not None and config.radiance.samples == 24


def test_first_stage_of_shapes_packs_its_planes_in_its_own_order() -> None:
    plan = make_plan(contents_of(PARITY / "manifests" / "d2c-vae-shapenet.json"))
    config = configure(plan.shapes, None, None, plan.stage)
    assert config.plane_order == ("xy", "yz", "xz")
    assert config.unet is None


Change = Callable[[dict[str, Any]], None]


def without(entry: str, key: str) -> Change:
    return lambda contents: contents[entry].pop(key)


def with_more(entry: str, key: str) -> Change:
    return lambda contents: contents[entry].update({key: reference([1], "float32")})


CHANGES: dict[str, tuple[Change, str]] = {
    "decoder": (without("vaemodel", "decoder.conv_in.bias"), "missing: vaemodel.decoder.conv_in.bias"),
    "tap": (without("vaemodel", "decoder.up.1.hdbf.0.bias"), "missing: vaemodel.decoder.up.1.hdbf.0.bias"),
    "net": (without("mlp", "net_res1.fc_0.weight"), "mlp.net_res1.fc_0.weight"),
    "points": (without("pointnet", "fc_c.bias"), "missing: pointnet.fc_c.bias"),
    "radiance": (without("mlp", "sigma.bias"), "missing: mlp.sigma.bias"),
    "radiance has more": (with_more("mlp", "sigma.extra"), "not known: mlp.sigma.extra"),
    "clip": (without("vaemodel", "decoder.mid_attn.q.bias"), "missing: vaemodel.decoder.mid_attn.q.bias"),
    "clip has more": (with_more("vaemodel", "yz_token"), "not known: vaemodel.yz_token"),
    "more": (with_more("vaemodel", "decoder.conv_in.extra"), "not known: vaemodel.decoder.conv_in.extra"),
    "average": (without("ema", "ema_model.model.out.2.bias"), "missing: ema.ema_model.model.out.2.bias"),
    "average has more": (with_more("ema", "ema_model.extra"), "missing: diffusion.extra"),
    "copy": (without("ema", "online_model.betas"), "missing: ema.online_model.betas"),
    "state": (without("ema", "step"), "missing: ema.step"),
    "unknown state": (with_more("ema", "decay"), "not known: ema.decay"),
    "entry": (lambda contents: contents.pop("mlp"), "missing: mlp"),
    "unknown entry": (lambda contents: contents.update(lora=1), "not known: lora"),
    "size": (
        lambda contents: contents["vaemodel"].update({"encoder.conv_out.bias": reference([3], "float32")}),
        r"vaemodel.encoder.conv_out.bias ([3] instead of [256])",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_missing_and_extra_keys_are_listed(change: str) -> None:
    name = {"radiance": "srn_cars", "clip": "skytimelapse"}.get(change.split()[0], "shapenet")
    contents = contents_of(PARITY / "manifests" / f"ldm-{name}.json")
    alter, said = CHANGES[change]
    alter(contents)
    with pytest.raises(BadCheckpoint) as caught:
        plan_and_check(contents)
    assert said in str(caught.value)


def test_both_layouts_of_the_averaging_state_and_the_prefix_of_parallel_training() -> None:
    contents = contents_of(PARITY / "manifests" / "ldm-afhq.json")
    plain = plan_and_check(contents)
    contents["ema"].update(initted=reference([1], "float32"), step=reference([1], "int64"))
    contents["vaemodel"] = {f"module.{key}": value for key, value in contents["vaemodel"].items()}
    assert plan_and_check(contents).shapes == plain.shapes


@pytest.mark.parametrize(("name", "said"), [("image-tiny", ()), ("occupancy-tiny", ("plane_resolution", "padding"))])
def test_what_leaves_no_trace_is_asked_for_and_taken_from_a_file(
    tmp_path: Path, name: str, said: tuple[str, ...]
) -> None:
    path = unpack(f"{name}-stage1", tmp_path)
    with pytest.raises(BadCheckpoint) as caught:
        import_model(path)
    for key in ("ddconfig.resolution", "ddconfig.attn_type", *said, "--config"):
        assert key in str(caught.value)
    info = import_model(path, config=CHECKPOINTS / f"{name}.yaml", name="published")
    assert not info.can_sample
    header, _ = read_model(info.path)
    ours = tmp_path / "ours.yaml"
    ours.write_text(yaml.safe_dump(header.config.model_dump(mode="json")))
    assert inspect_official(path, config=ours).config == header.config


def test_configuration_of_the_point_encoder_may_be_in_the_same_file(tmp_path: Path) -> None:
    path = unpack("occupancy-tiny-stage1", tmp_path)
    values = yaml.safe_load((CHECKPOINTS / "occupancy-tiny.yaml").read_text())
    values["model"]["encoder_kwargs"] = {"plane_resolution": 16}
    values["data"]["padding"] = 0.25
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(values))
    encoder = inspect_official(path, config=tmp_path / "all.yaml").config.point_encoder
    assert encoder is not None
    assert (encoder.plane_resolution, encoder.padding) == (16, 0.25)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not valid YAML"),
        ("- 1", "holds no keys"),
        ("a: 1", "neither the sections"),
        ("model: 3", "not a section"),
    ],
)
def test_configuration_files_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(BadConfig, match=said):
        import_model(unpack("image-tiny-stage1", tmp_path), config=tmp_path / "c.yaml")


def test_wrong_configuration_lists_the_tensors_that_do_not_fit(tmp_path: Path) -> None:
    values = yaml.safe_load((CHECKPOINTS / "image-tiny.yaml").read_text())
    values["model"]["params"]["ddconfig"]["num_res_blocks"] = 2
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(BadCheckpoint, match=r"missing: .*vaemodel\.encoder\.down\.0\.block\.1\.conv1\.bias"):
        import_model(unpack("image-tiny", tmp_path), config=tmp_path / "c.yaml")


KNOWN = {"resolution": 32}
HEADS = {"unetconfig": {"num_head_channels": 16}}


def official(tmp_path: Path, **args: Any) -> Path:
    """A second-stage file of the authors' layout around the small first-stage one, with any configuration."""
    stored = torch.load(unpack("image-tiny-stage1", tmp_path), weights_only=True)
    nothing = {"w": torch.zeros(1)}
    contents = {
        "args": argparse.Namespace(**args),
        "vaemodel": stored["model"],
        "mlp": stored["mlp"],
        "diffusion": nothing,
        "ema": {
            "initted": torch.tensor(True),
            "step": torch.tensor(3),
            "ema_model.w": torch.zeros(1),
            "online_model.w": torch.zeros(1),
        },
    }
    torch.save(contents, tmp_path / "made.pt")
    return tmp_path / "made.pt"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"domain": "smell"}, "'smell', which is not known"),
        ({"DiT": True}, "DiT"),
        ({"ddconfig": {**KNOWN, "num_res_blocks": 10**9}, **HEADS}, "blocks beyond all reason"),
        ({"ddconfig": {**KNOWN, "ch_mult": [1] * 1000}, **HEADS}, "multipliers beyond all reason"),
        ({"ddconfig": {**KNOWN, "attn_type": "linear"}, **HEADS}, "cannot be used"),
    ],
)
def test_configurations_in_the_file_that_cannot_be_used(tmp_path: Path, args: dict[str, Any], said: str) -> None:
    with pytest.raises(BadCheckpoint, match=said):
        import_model(official(tmp_path, **args))


def test_text_file_and_foreign_archives(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"state_dict": {"w": torch.zeros(1)}}, tmp_path / "other.pt")
    torch.save({"w": torch.zeros(1)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for name, said in (("text", "not a checkpoint"), ("other", "no entry `vaemodel`"), ("old", "since version 1.6")):
        with pytest.raises(BadCheckpoint, match=said):
            import_model(tmp_path / f"{name}.pt")
    with pytest.raises(BadInput, match="no file"):
        import_model(tmp_path / "none.pt")


def test_damaged_tensor_is_found_and_leaves_nothing(tmp_path: Path) -> None:
    path = unpack("image-tiny", tmp_path)
    content = bytearray(path.read_bytes())
    with torch.serialization._open_zipfile_reader(str(path)) as reader:
        start = reader.get_record_offset("data/5")
    content[start] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadCheckpoint, match="checksum"):
        import_model(path)
    assert list(registry.models_dir().iterdir()) == []


def test_import_gives_the_same_bytes_under_any_name(tmp_path: Path) -> None:
    path = unpack("image-tiny", tmp_path)
    assert import_model(path, name="a").sha256 == import_model(path, name="b").sha256


def test_half_precision_import(tmp_path: Path) -> None:
    path = unpack("image-tiny", tmp_path)
    full = import_model(path, name="full")
    half = import_model(path, name="half", precision="fp16")
    assert half.path.stat().st_size < 0.65 * full.path.stat().st_size
    _, exact = read_model(full.path)
    _, rounded = read_model(half.path)
    assert torch.equal(rounded["diffusion.betas"], exact["diffusion.betas"])
    for key, value in exact.items():
        torch.testing.assert_close(rounded[key], value, rtol=1e-3, atol=1e-5)


def test_progress_and_cancel(tmp_path: Path) -> None:
    path = unpack("image-tiny", tmp_path)
    token = CancelToken()
    steps = import_steps(path, check=token.check)
    assert [next(steps)[0] for _ in range(5)] == [1, 2, 3, 4, 5]
    token.cancel()
    with pytest.raises(WorkCancelled):
        next(steps)
    assert list(registry.models_dir().iterdir()) == []
    seen = list(import_steps(path))
    assert [done for done, _ in seen] == list(range(1, seen[0][1] + 1))


def test_import_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    steps = import_steps(unpack("image-tiny", tmp_path))
    next(steps)
    steps.close()
    assert list(registry.models_dir().iterdir()) == []


def test_result_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite):
        value_of(convert_official(unpack("image-tiny", tmp_path), tmp_path / "none" / "x.safetensors"))


def test_errors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        import_model(official(tmp_path, domain="a\nb" * 1000))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
