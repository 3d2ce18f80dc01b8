"""What an import would take, told before it; published configurations by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ddmi_models.checkpoints import registry
from ddmi_models.checkpoints.importer import import_model, inspect_file
from ddmi_models.checkpoints.official.configure import configure
from ddmi_models.checkpoints.official.layout import expected_shapes, make_plan
from ddmi_models.errors import BadCheckpoint
from tests.checkpoints.helpers import PARITY, unpack
from tests.checkpoints.test_import import CHECKPOINTS, PUBLISHED, contents_of


def test_a_file_is_inspected_before_its_import(tmp_path: Path) -> None:
    path = unpack("image-tiny", tmp_path)
    found = inspect_file(path)
    assert (found.official, found.domain_label, found.can_sample, found.averaged) == (True, "Image", True, True)
    assert found.missing == () and "optimizer of the diffusion model" in found.left_out
    assert found.parameters == import_model(path).parameters
    assert found.file_bytes == path.stat().st_size
    native = inspect_file(registry.find_model("image-tiny").path)
    assert (native.official, native.parameters, native.domain_label) == (False, found.parameters, "Image")


def test_what_a_file_leaves_open_is_named_by_the_inspection(tmp_path: Path) -> None:
    path = unpack("image-tiny-stage1", tmp_path)
    found = inspect_file(path)
    assert not found.can_sample and "ddconfig.resolution" in found.missing
    assert set(PUBLISHED) <= set(found.configurations)
    told = inspect_file(path, CHECKPOINTS / "image-tiny.yaml")
    assert told.missing == () and told.domain_label == "Image"
    with pytest.raises(BadCheckpoint, match="does not fit its configuration"):
        inspect_file(path, Path("celebahq"))


def test_a_published_configuration_is_told_by_its_name() -> None:
    manifest = PARITY / "manifests" / "ldm-celebahq.json"
    plan = make_plan(contents_of(manifest))
    named, found = (configure(plan.shapes, None, told, plan.stage) for told in (Path("celebahq"), None))
    assert named.unet is not None and found.unet is not None
    assert named.autoencoder == found.autoencoder and named.unet.head_channels == found.unet.head_channels
    assert expected_shapes(named, plan.stage) == plan.shapes
