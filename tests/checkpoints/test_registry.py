"""Starters, imported models and files by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddmi_models.checkpoints import registry
from ddmi_models.checkpoints.hashes import file_sha256, hash_file
from ddmi_models.checkpoints.importer import import_model
from ddmi_models.checkpoints.official.layout import expected_shapes
from ddmi_models.config import ModelConfig
from ddmi_models.domains import DOMAINS
from ddmi_models.errors import BadCheckpoint, BadInput, CannotWrite, UnknownModel
from tests.checkpoints.helpers import write_tiny

LABELS = (("ddim", "DDIM"),)


def shapes_of(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    return expected_shapes(config, "autoencoder")


@pytest.fixture
def starters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An assets folder with the starters `avatars` and `furniture`, and an empty home."""
    monkeypatch.setenv("DDMI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(registry, "assets_dir", lambda: tmp_path / "assets")
    folder = tmp_path / "assets" / "starters"
    for name in ("avatars", "furniture"):
        write_tiny(folder / name / "model.safetensors")
    (folder / "avatars" / "card.md").write_text("# Faces\n", encoding="utf-8")
    (folder / "avatars" / "sheet.png").write_bytes(b"png")
    (folder / "unfinished").mkdir()
    return folder


def test_list_has_starters_first_then_imported(starters: Path, tmp_path: Path) -> None:
    import_model(write_tiny(tmp_path / "b.safetensors"), name="aa")
    found = registry.list_models(LABELS)
    assert [(m.name, m.source) for m in found] == [
        ("avatars", "starter"), ("furniture", "starter"), ("aa", "imported"),
    ]  # fmt: skip
    faces, furniture, _ = found
    assert (faces.card, faces.sheet) == ("# Faces\n", starters / "avatars" / "sheet.png")
    assert "A tiny model." in furniture.card
    assert "CC0" in furniture.card
    assert furniture.sheet is None
    assert faces.samplers == LABELS
    assert (faces.domain_label, faces.scales, faces.takes_text, faces.can_sample) == ("Image", (4, 8), False, False)


def test_labels_are_those_of_the_domains() -> None:
    assert {name: domain.label for name, domain in DOMAINS.items()} == registry.DOMAIN_LABELS


def test_broken_model_is_named_and_hides_no_other(starters: Path) -> None:
    (starters / "avatars" / "model.safetensors").write_bytes(b"broken")
    assert [m.name for m in registry.list_models()] == ["furniture"]
    (problem,) = registry.model_problems()
    assert "avatars" in problem
    with pytest.raises(BadCheckpoint):
        registry.find_model("avatars")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("avatar", "mean avatars"), ("Furnitur", "mean furniture"), ("qqq", "There are: avatars, furniture")],
)
def test_unknown_name_suggests_the_nearest(starters: Path, name: str, hint: str) -> None:
    with pytest.raises(UnknownModel, match=hint):
        registry.find_model(name)


def test_no_model_at_all_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDMI_HOME", str(tmp_path))
    monkeypatch.setattr(registry, "assets_dir", lambda: tmp_path)
    assert registry.list_models() == ()
    with pytest.raises(UnknownModel, match="ddmi models import"):
        registry.find_model("furniture")


def test_file_by_path(starters: Path, tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "mine.safetensors")
    info = registry.find_model(path)
    assert (info.name, info.source, info.path) == ("mine", "file", path)
    with pytest.raises(UnknownModel, match="no such file"):
        registry.find_model(tmp_path / "gone.safetensors")
    (tmp_path / "official.pt").write_bytes(b"")
    with pytest.raises(BadInput, match="ddmi models import"):
        registry.find_model(tmp_path / "official.pt")


def test_import_copies_the_file_byte_for_byte(starters: Path, tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "My model (1).safetensors")
    info = import_model(path)
    assert info.name == "My-model-1"
    assert info.path.read_bytes() == path.read_bytes()
    assert info.sha256 == hash_file(path)


def test_names_that_are_taken(starters: Path, tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.safetensors")
    import_model(path, name="mine")
    for name in ("mine", "MINE", "furniture"):
        with pytest.raises(BadInput, match=r"already.*--name"):
            import_model(path, name=name)
    assert [m.name for m in registry.list_models()] == ["avatars", "furniture", "mine"]


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a\\b", ".hidden", "end.", "nul", "COM1.x", "x" * 65, "a b", "ä", "a\n"]
)
def test_names_that_are_not_allowed(starters: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be called"):
        import_model(write_tiny(tmp_path / "m.safetensors"), name=name)


@given(st.text(max_size=90).filter(lambda text: "/" not in text and "\0" not in text))
def test_every_file_gives_an_allowed_name(stem: str) -> None:
    name = registry.name_from(Path("/folder") / f"x{stem}.pt")
    assert registry.check_name(name) == name


def test_failed_import_leaves_nothing(starters: Path, tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.safetensors")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BadCheckpoint, match="truncated"):
        import_model(path)
    assert list(registry.models_dir().iterdir()) == []


def test_home_that_cannot_be_written(starters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DDMI_HOME", str(tmp_path / "file"))
    with pytest.raises(CannotWrite):
        import_model(write_tiny(tmp_path / "m.safetensors"))


def test_remove(starters: Path, tmp_path: Path) -> None:
    import_model(write_tiny(tmp_path / "m.safetensors"), name="mine")
    assert registry.remove("mine") == "mine"
    assert list(registry.models_dir().iterdir()) == []
    with pytest.raises(BadInput, match="starter"):
        registry.remove("furniture")
    with pytest.raises(UnknownModel):
        registry.remove("mine")


def test_verify_finds_a_changed_file(starters: Path, tmp_path: Path) -> None:
    info = import_model(write_tiny(tmp_path / "m.safetensors"), name="mine")
    assert registry.verify("mine", shapes_of).name == "mine"
    write_tiny(info.path, seed=1)
    with pytest.raises(BadCheckpoint, match="not the file that was added"):
        registry.verify("mine", shapes_of)


def test_verify_finds_tensors_that_do_not_fit(starters: Path, tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.safetensors")
    with pytest.raises(BadCheckpoint, match=r"missing: one\.more"):
        registry.verify(path, lambda config: {**shapes_of(config), "one.more": (1,)})


def test_hash_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"one")
    first = file_sha256(path)
    assert first == file_sha256(path) == hash_file(path)
    path.write_bytes(b"other")
    assert file_sha256(path) == hash_file(path) != first
