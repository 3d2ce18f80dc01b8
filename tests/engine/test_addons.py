"""Add-ons in use: on top of a model, in recipes and exported files, in the registry, from Python."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ddmi_models as ddmi
from ddmi_models.checkpoints import addons, registry
from ddmi_models.checkpoints.registry import find_model, models_dir
from ddmi_models.engine import Engine
from ddmi_models.errors import BadInput, UnknownModel
from ddmi_models.events import Notice
from ddmi_models.recipes import ADDONS_VERSION, recipe_from_json
from ddmi_models.requests import (
    Addon,
    Export,
    Generate,
    ImportModel,
    InspectFile,
    ListAddons,
    ListModels,
    OpenExport,
    Regenerate,
    RemoveModel,
    Vary,
    VerifyModel,
)
from tests import models
from tests.addons import BASE, add
from tests.engine.running import error, final, run


@pytest.fixture
def engine() -> Engine:
    """An engine, and in the registry a small model with the add-ons `hat` and `tie`."""
    models.write(models_dir(), "image")
    add("hat", 1)
    add("tie", 2)
    return Engine("cpu")


def drawn(engine: Engine, *used: Addon, seed: int = 3):
    return final(run(engine, Generate(BASE, seed=seed, addons=used)))[0]


def test_strength_decides_how_much_and_the_model_stays_as_it_is(engine: Engine) -> None:
    plain = drawn(engine)
    one = drawn(engine, Addon("hat"))
    both = drawn(engine, Addon("hat"), Addon("tie", 0.5))
    half = drawn(engine, Addon("hat", 0.5))
    latents = [sample.latents.packed for sample in (plain, one, both, half)]
    assert all(not np.allclose(a, b) for index, a in enumerate(latents) for b in latents[:index])
    again = drawn(engine)
    assert again.recipe == plain.recipe and again.latents.packed.tobytes() == plain.latents.packed.tobytes()
    none = drawn(engine, Addon("hat", 0.0), Addon("tie", 0.0))
    assert none.recipe.to_json() == plain.recipe.to_json()
    assert none.latents.packed.tobytes() == plain.latents.packed.tobytes()
    assert drawn(engine, Addon("hat")).latents.packed.tobytes() == one.latents.packed.tobytes()


def test_an_exported_file_makes_it_again(engine: Engine, tmp_path: Path) -> None:
    sample = drawn(engine, Addon("hat", 0.75), Addon("tie", 1.5))
    path = final(run(engine, Export(sample, tmp_path / "face.png", (32, 32))))
    opened = final(run(engine, OpenExport(path)))
    assert [(use.name, use.strength) for use in opened.recipe.addons] == [("hat", 0.75), ("tie", 1.5)]
    assert json.loads(opened.recipe.to_json())["version"] == ADDONS_VERSION
    assert opened.recipe == sample.recipe == recipe_from_json(sample.recipe.to_json())
    made = final(run(engine, Regenerate(opened.recipe)))
    assert made.latents.packed.tobytes() == sample.latents.packed.tobytes() and made.recipe == sample.recipe


def test_a_recipe_finds_its_add_on_by_content(engine: Engine) -> None:
    sample = drawn(engine, Addon("hat"))
    (models_dir() / "hat").rename(models_dir() / "cap")
    made = final(run(engine, Regenerate(sample.recipe)))
    assert made.latents.packed.tobytes() == sample.latents.packed.tobytes() and made.recipe.addons[0].name == "cap"
    final(run(engine, RemoveModel("cap")))
    add("hat", 9)
    events = run(engine, Regenerate(sample.recipe))
    assert "hat has changed since this was made" in " ".join(e.message for e in events if isinstance(e, Notice))
    final(run(engine, RemoveModel("hat")))
    assert "The add-on 'hat' of this recipe is not here" in error(run(engine, Regenerate(sample.recipe)))


def test_variations_keep_the_add_ons(engine: Engine) -> None:
    sample, plain = drawn(engine, Addon("hat")), drawn(engine)
    varied = final(run(engine, Vary(sample, seed=4, strength=0.7)))
    assert varied.recipe.addons == sample.recipe.addons
    assert final(run(engine, Vary(plain, seed=4, strength=0.7))).recipe.addons == ()
    made = final(run(engine, Regenerate(recipe_from_json(varied.recipe.to_json()))))
    assert made.latents.packed.tobytes() == varied.latents.packed.tobytes()


def test_what_cannot_be_used_is_one_clear_error(engine: Engine, tmp_path: Path) -> None:
    def said(*used: Addon, model: str = BASE) -> str:
        return error(run(engine, Generate(model, addons=used)))

    assert said(Addon("hut")) == "hut: no add-on of this name. There are: hat, tie."
    assert "strength -1 of hat is out of range" in said(Addon("hat", -1))
    assert "strength 2.5 of hat" in said(Addon("hat", 2.5))
    assert "asked for twice" in said(Addon("hat"), Addon("hat", 0.5))
    assert "is not an add-on" in said(Addon(str(find_model(BASE).path)))
    other = models.write(tmp_path, "shape")
    assert f"The add-on hat belongs to the model {BASE}, not to this" in said(Addon("hat"), model=str(other))
    changed = find_model(BASE).path
    changed.write_bytes(changed.read_bytes()[:-4] + b"\x01\x02\x03\x04")
    assert f"belongs to another version of {BASE}" in said(Addon("hat"))
    assert "hat is an add-on, not a model" in error(run(engine, Generate("hat")))


def test_the_registry_keeps_add_ons_apart_from_models(engine: Engine, tmp_path: Path) -> None:
    assert [info.name for info in final(run(engine, ListAddons()))] == ["hat", "tie"]
    assert {"hat", "tie"}.isdisjoint(info.name for info in final(run(engine, ListModels())))
    assert final(run(engine, VerifyModel("hat"))).base == BASE
    with pytest.raises(BadInput, match="already"), registry.new_model("HAT"):
        pass
    path = models_dir() / "hat" / registry.ADDON_FILE
    whole = path.read_bytes()
    path.write_bytes(whole[:-4] + b"\x01\x02\x03\x04")
    assert "is not the file that was added" in error(run(engine, VerifyModel("hat")))
    path.write_bytes(whole[:-10])
    assert [info.name for info in addons.list_addons()] == ["tie"] and "hat" in addons.addon_problems()[0]
    assert final(run(engine, RemoveModel("hat"))) == "hat" and not path.parent.exists()

    (tmp_path / "mine.safetensors").write_bytes(whole)
    found = final(run(engine, InspectFile(tmp_path / "mine.safetensors")))
    assert (found.name, found.addon_of, found.can_sample) == ("mine", BASE, False)
    assert "stay in fp32" in error(run(engine, ImportModel(tmp_path / "mine.safetensors", precision="fp16")))
    info = final(run(engine, ImportModel(tmp_path / "mine.safetensors")))
    assert (info.name, info.source, info.rank, info.licence) == ("mine", "imported", 2, "MIT")
    assert info.path.read_bytes() == whole
    used = drawn(engine, Addon(str(tmp_path / "mine.safetensors")))
    assert used.recipe.addons[0].sha256 == info.sha256


def test_from_python(engine: Engine) -> None:
    model = ddmi.load(BASE)
    plain, changed = model.sample(seed=3)[0], model.sample(seed=3, lora={"hat": 1, "tie": 0.5})[0]
    assert not np.array_equal(plain.latent, changed.latent)
    assert [use.name for use in changed.recipe.addons] == ["hat", "tie"]
    with pytest.raises(UnknownModel, match="no add-on"):
        model.sample(lora={"hut": 1})
