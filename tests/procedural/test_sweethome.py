"""Real models: reading a library, standing models upright, making thin open shells solid, shards."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ddmi_models.errors import BadData, BadInput
from ddmi_models.training.procedural import data_maker, write_shards
from ddmi_models.training.procedural.real_shards import DRAWS, SHELL, level_of
from ddmi_models.training.procedural.sweethome import (
    CATALOGUE,
    RESERVED_LIBRARIES,
    TRAINING_LIBRARIES,
    entries,
    kind_of,
    load_mesh,
)

# A closed box of 40 x 60 x 80 along x, y, z, and an open upright sheet on its rear edge (z = 0).
BOX = """v 0 0 0\nv 40 0 0\nv 40 60 0\nv 0 60 0\nv 0 0 80\nv 40 0 80\nv 40 60 80\nv 0 60 80
f 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 4 8 7 3\nf 1 5 8 4\nf 2 3 7 6
v 0 60 0\nv 40 60 0\nv 40 100 0\nv 0 100 0\nf 9 10 11 12
"""
ROWS = """license=Free to use
id#1=x#1
name#1=Wooden chair
category#1=Living room
model#1=/a/chair.obj
width#1=40
depth#1=80
height#1=100
creator#1=Somebody
id#2=x#2
name#2=Street lamp
category#2=Exterior
model#2=/a/lamp.obj
width#2=40
depth#2=80
height#2=300
id#3=x#3
name#3=Armchair
category#3=Office
model#3=/a/chair.obj
modelRotation#3=0 0 1 0 1 0 -1 0 0
width#3=80
depth#3=40
height#3=100
"""


def write_library(folder: Path, name: str) -> None:
    with zipfile.ZipFile(folder / f"{name}.sh3f", "w") as archive:
        archive.writestr(CATALOGUE, ROWS)
        archive.writestr("a/chair.obj", BOX)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    write_library(tmp_path, "Small")
    return tmp_path


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Libraries of all the package's names, two pieces of furniture in each."""
    for name in (*TRAINING_LIBRARIES, *RESERVED_LIBRARIES):
        write_library(tmp_path, name)
    return tmp_path


def test_a_library_gives_furniture_of_our_kinds_with_credit(library: Path) -> None:
    chair, armchair = entries(library, ("Small",))
    assert (chair.kind, chair.name, chair.credit) == ("chair", "Wooden chair", "Somebody, Small, Free to use")
    assert armchair.kind == "armchair"


def test_models_stand_in_the_frame(library: Path) -> None:
    chair, armchair = entries(library, ("Small",))
    np.testing.assert_allclose(load_mesh(chair).extents, (0.4, 1.0, 0.8), atol=1e-6)
    turned = load_mesh(armchair)
    np.testing.assert_allclose(turned.extents, (0.8, 1.0, 0.4), atol=1e-6)
    upper = turned.vertices[turned.vertices[:, 1] > 0.2]
    np.testing.assert_allclose(upper[:, 0], upper[0, 0], atol=1e-6)  # what stood behind (-z) now stands aside (x)


def test_bodies_become_solid_and_sheets_get_a_thickness(library: Path) -> None:
    level = level_of(load_mesh(entries(library, ("Small",))[0]))
    inside, sheet, before, outside = (0.0, -0.2, 0.0), (0.0, 0.3, -0.4), (0.0, 0.3, 0.0), (0.4, 0.4, 0.4)
    values = level.at(np.array([inside, sheet, before, outside]).T)
    assert (values < 0).tolist() == [True, True, False, False]
    assert values[2] == pytest.approx(0.2 - SHELL, abs=0.012)
    mesh = level.mesh()
    assert mesh.volume == pytest.approx(0.4 * 0.6 * 0.8, rel=0.2)
    np.testing.assert_allclose(mesh.extents, np.array((0.4, 1.0, 0.8)) + 2 * SHELL, atol=0.012)


def test_shards_of_variants(package: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert list(write_shards(data_maker("real-furniture", package), out, 4, DRAWS - 2)) == [(4, 4)]
    with np.load(out / "shard-00000.npz") as shard:
        assert shard["cloud"].shape == (4, 2048, 3)
        assert shard["kinds"].tolist() == ["chair", "chair", "armchair", "armchair"]
        assert shard["credits"][0] == "Somebody, Scopia, Free to use"
        assert "a wooden chair" in json.loads(shard["captions"][0])
        assert not np.array_equal(shard["points"][0], shard["points"][1])
        share = np.unpackbits(shard["occupancy"], axis=1).mean(axis=1)
        assert ((share > 0.2) & (share < 0.7)).all()
        sizes = np.ptp(shard["cloud"].astype(float), axis=1).max(axis=1)
        assert ((sizes > 0.9) & (sizes <= 1.001)).all()


def test_a_set_has_so_many_variants_of_each_model_and_then_further_ones(package: Path) -> None:
    maker = data_maker("real-furniture", package)
    models = 2 * len(TRAINING_LIBRARIES)
    assert maker.usual_count() == models * DRAWS
    first, later = maker.arrays(range(1)), maker.arrays(range(models * DRAWS, models * DRAWS + 1))
    assert first["credits"] == later["credits"] and not np.array_equal(first["points"], later["points"])


def test_the_reserved_set_takes_its_own_libraries_and_says_what_it_is_for(package: Path, tmp_path: Path) -> None:
    maker = data_maker("real-furniture-reserved", package)
    credits = {str(maker.arrays(range(k, k + 1))["credits"][0]) for k in range(0, maker.usual_count(), DRAWS)}
    assert {credit.split(", ")[1] for credit in credits} == set(RESERVED_LIBRARIES)
    list(write_shards(maker, tmp_path / "out", 1, 0))
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["for_training"] is False


def test_drawn_sets_have_no_source(package: Path) -> None:
    with pytest.raises(BadInput, match="no source"):
        data_maker("furniture", package)


def test_names_are_sorted_into_kinds() -> None:
    names = {"Coffee table": "coffee table", "Sofa 2 seats": "sofa", "Table tennis": None, "Wardrobe": "cabinet"}
    assert {name: kind_of(name) for name in names} == names


def test_reserved_libraries_are_not_trained_on() -> None:
    assert not set(TRAINING_LIBRARIES) & set(RESERVED_LIBRARIES)


def test_a_missing_library_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="sweethome3d-furniture"):
        entries(tmp_path)
