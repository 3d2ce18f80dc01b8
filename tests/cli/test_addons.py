"""`--lora`, and add-ons in `ddmi models`."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from ddmi_models.checkpoints.addons import find_addon
from tests.addons import BASE, add
from tests.training.small import image_data


def test_add_ons_are_used_and_managed_by_name(ddmi, tmp_path: Path) -> None:
    add("hat", 1)
    add("tie", 2)
    out = tmp_path / "face.png"
    asked = ("generate", BASE, "--seed", 3, "--out", out, "--resolution", 32, "--json")
    code, text, err = ddmi(*asked, "--lora", "hat:0.5", "--lora", "tie")
    assert code == 0, err
    used = json.loads(text)["samples"][0]["recipe"]["addons"]
    assert [(use["name"], use["strength"]) for use in used] == [("hat", 0.5), ("tie", 1.0)]
    code, text, err = ddmi(*asked, "--lora", "hat:3")
    assert (code, text) == (1, "") and "out of range" in err and len(err.splitlines()) == 1

    plain = out.with_name("plain.png")
    assert ddmi("generate", BASE, "--seed", 3, "--out", plain, "--resolution", 32)[0] == 0
    code, text, err = ddmi(
        "render", plain, "--lora", "hat:0.5", "--lora", "tie", "--out", out.with_name("b.png"), "--resolution", 32
    )
    assert code == 0 and out.with_name("b.png").read_bytes() == out.read_bytes(), err

    data = image_data(tmp_path / "data")
    measure = ("evaluate", BASE, "--metrics", "frechet", "--data", data, "--count", 8, "--json")
    plainly, adapted = (json.loads(ddmi(*measure, *more)[1]) for more in ((), ("--lora", "hat:2")))
    assert "addons" not in plainly and adapted["addons"][0]["name"] == "hat"
    assert plainly["figures"] != adapted["figures"]

    code, text, _ = ddmi("models", "list")
    rows = {line.split()[0]: line for line in text.splitlines()}
    assert "add-on" in rows["hat"] and "imported" in rows[BASE]
    listed = json.loads(ddmi("models", "list", "--json")[1])
    assert [row["name"] for row in listed["addons"]] == ["hat", "tie"]
    shown = ddmi("models", "show", "hat")[1]
    assert f"Add-on for: {BASE}" in shown and "--lora hat:1" in shown
    assert json.loads(ddmi("models", "show", "hat", "--json")[1])["base"] == BASE
    assert ddmi("models", "verify", "hat")[1].startswith("hat: whole")
    assert ddmi("models", "remove", "hat")[:2] == (0, "hat removed\n")


def test_a_finished_run_adds_its_add_on(ddmi, tmp_path: Path) -> None:
    data = image_data(tmp_path / "data")
    values = {
        "name": "discs", "stage": "diffusion", "finetune": "lora", "start_from": BASE, "steps": 2, "batch": 4,
        "sample_every": 2, "licence": "CC0",
        "data": {"train": str(data), "validation_share": 0, "target_resolutions": [16], "crop": 16},
    }  # fmt: skip
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(values))
    code, out, err = ddmi("train", tmp_path / "run.yaml", "--run", tmp_path / "run")
    assert code == 0 and err.splitlines()[-1] == "Added to the add-ons as 'discs'.", err
    info = find_addon("discs")
    assert info.path.read_bytes() == Path(out.strip()).read_bytes()
    assert info.sheet is not None and "Training set: data" in info.card and f"Add-on for: {BASE}" in info.card
    assert (info.base, info.licence) == (BASE, "CC0")
    code, _, err = ddmi("generate", BASE, "--lora", "discs", "--out", tmp_path / "a.png", "--resolution", 32)
    assert code == 0, err
    assert ddmi("train", tmp_path / "run.yaml")[2].splitlines()[-1] == "Added to the add-ons as 'discs-2'."
