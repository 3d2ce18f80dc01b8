"""The Train page with the real engine: a folder becomes a model; bad values, empty folders and crashes are told."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import trimesh
import yaml
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from ddmi_models.checkpoints.registry import models_dir
from ddmi_models.training.alive import process_lives
from ddmi_models.training.folder import RunFolder
from ddmi_models.training.runs import list_runs, remember_run, runs_dir
from ddmi_studio.app import parse
from ddmi_studio.pages import dialogs
from ddmi_studio.pages.train import TrainPage
from ddmi_studio.pages.train_fields import SettingField
from ddmi_studio.state.run_series import RunSeries
from ddmi_studio.studio import Studio
from ddmi_studio.views import SCENES
from tests.training.small import image_config

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import models

TIMEOUT = 240_000  # milliseconds; torch has to be imported first, by the run's process too
MODEL = "small-image"


@contextmanager
def opened(qtbot, qapp) -> Iterator[Studio]:
    """The program, on its Train page."""
    studio = Studio(qapp, parse(["--threads", "1", "--theme", "dark"]), SCENES)
    studio.show()
    studio.window.activateWindow()
    try:
        qtbot.waitUntil(lambda: studio.session.models_known and studio.training.runs_known, timeout=TIMEOUT)
        show_page(qtbot, studio, "Train")
        qtbot.waitUntil(lambda: studio.training.guide is not None, timeout=TIMEOUT)
        yield studio
    finally:
        studio.window.close()
        studio.window.deleteLater()
        studio.deleteLater()
    assert studio.ended


@pytest.fixture
def studio(qtbot, qapp) -> Iterator[Studio]:
    with opened(qtbot, qapp) as studio:
        yield studio


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Eight discs and a file that is no picture."""
    folder = tmp_path / "discs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :32]
    for number in range(8):
        inside = (x - rng.uniform(8, 24)) ** 2 + (y - 12) ** 2 < rng.uniform(20, 60)
        colours = rng.integers(0, 255, (2, 3), np.uint8)
        Image.fromarray(np.where(inside[..., None], *colours)).save(folder / f"{number}.png")
    (folder / "letter.png").write_text("Dear Sir")
    return folder


def click(qtbot, widget) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def show_page(qtbot, studio: Studio, name: str) -> None:
    click(qtbot, next(button for button in studio.window.rail.buttons if button.text() == name))


def choose_folder(qtbot, studio: Studio, monkeypatch, folder: Path) -> None:
    monkeypatch.setattr(dialogs, "data_folder", lambda *_: folder)
    click(qtbot, studio.train.form_page.data.browse)
    qtbot.waitUntil(lambda: not studio.train.form_page.data.bar.isVisible(), timeout=TIMEOUT)


def field(page: TrainPage, path: str) -> SettingField:
    return page.form_page.fields.fields[path]


def fill(qtbot, page: TrainPage, **values: str) -> None:
    for name, text in values.items():
        found = field(page, name.replace("__", "."))
        if not found.isVisible():
            click(qtbot, page.form_page.fields.folds[name.rpartition("__")[0]].header)
        found.editor.selectAll()
        QTest.keyClicks(found.editor, text)


def pick_start(qtbot, page: TrainPage, name: str) -> None:
    """Choose a model to start from in the list that drops down."""
    picker = page.form_page.start_from
    click(qtbot, picker)
    rows = picker.popup.list
    (row,) = rows.findItems(name, Qt.MatchFlag.MatchExactly)
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=rows.visualItemRect(row).center())


def state(studio: Studio) -> str:
    return studio.train.run.state.text()


def wait_for_state(qtbot, studio: Studio, wanted: str) -> None:
    qtbot.waitUntil(lambda: state(studio) == wanted, timeout=TIMEOUT)
    assert studio.train.list.infos()[0].state == wanted


def generate(qtbot, studio: Studio) -> str:
    """Make a sample on the Create page; returns the name of its model."""
    show_page(qtbot, studio, "Create")
    before = len(studio.session.samples.all)
    click(qtbot, studio.create.recipe.generate)
    qtbot.waitUntil(lambda: len(studio.session.samples.all) > before, timeout=TIMEOUT)
    return studio.session.samples.all[-1].sample.recipe.model


def plotted(run) -> int:
    """Points of the loss on the screen; none before the plots are made."""
    return run.plots.loss.count() if hasattr(run.plots, "loss") else 0


def start_run(qtbot, studio: Studio, monkeypatch, pictures: Path) -> None:
    """Choose a folder, look at its summary, pick a model to start from, fill in the form, press Start."""
    page = studio.train
    choose_folder(qtbot, studio, monkeypatch, pictures)
    data = page.form_page.data
    assert data.title.text() == "Folder of pictures" and "8 of 9 items" in data.facts.text()
    assert data.thumbnails.count() == 8 and data.problems.text().startswith("letter.png: damaged")
    pick_start(qtbot, page, MODEL)
    fill(qtbot, page, name="mine", steps="100000", batch="4", log_every="1")
    fill(qtbot, page, data__target_resolutions="16")
    qtbot.waitUntil(page.form_page.start.isEnabled, timeout=TIMEOUT)
    click(qtbot, page.form_page.start)
    wait_for_state(qtbot, studio, "running")


def test_a_folder_becomes_a_model(qtbot, qapp, monkeypatch, pictures):
    models.write(models_dir(), "image")
    with opened(qtbot, qapp) as studio:
        start_run(qtbot, studio, monkeypatch, pictures)
        run = studio.train.run
        qtbot.waitUntil(lambda: plotted(run) > 2, timeout=TIMEOUT)
    (info,) = list_runs()
    assert process_lives(info.pid, info.process_started), "the run survives the window"
    try:
        with opened(qtbot, qapp) as studio:
            pause_and_finish(qtbot, studio)
    finally:
        (left,) = list_runs()
        if process_lives(left.pid, left.process_started):
            psutil.Process(left.pid).kill()
        qtbot.waitUntil(lambda: bool(list_runs()) and not psutil.pid_exists(left.pid), timeout=TIMEOUT)


def end_after(run: Path, steps: int) -> None:
    """Shorten a run that rests, so that the test does not depend on how fast it trains."""
    config = run / "config.yaml"
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"steps": steps}))


def pause_and_finish(qtbot, studio: Studio) -> None:
    run = studio.train.run
    wait_for_state(qtbot, studio, "running")
    qtbot.waitUntil(lambda: plotted(run) > 2, timeout=TIMEOUT)
    click(qtbot, run.sample)
    qtbot.waitUntil(lambda: run.strip.count() > 0, timeout=TIMEOUT)
    first = run.strip.visualItemRect(run.strip.item(0)).center()
    qtbot.mouseClick(run.strip.viewport(), Qt.MouseButton.LeftButton, pos=first)
    assert (
        run.strip.enlarged.isVisible() and run.strip.enlarged.picture.width() > 3 * run.strip.enlarged.picture.height()
    )
    QTest.keyClick(run.strip.enlarged, Qt.Key.Key_Escape)
    qtbot.waitUntil(run.toggle.isEnabled, timeout=TIMEOUT)
    click(qtbot, run.toggle)
    wait_for_state(qtbot, studio, "paused")
    info = studio.train.list.infos()[0]
    assert info.step == info.saved_step > 0
    qtbot.waitUntil(lambda: not process_lives(info.pid, info.process_started), timeout=TIMEOUT)
    studio.session.pick_model(MODEL)
    assert generate(qtbot, studio) == MODEL
    show_page(qtbot, studio, "Train")
    end_after(info.path, info.step + 3)
    assert run.toggle.text() == "&Resume"
    click(qtbot, run.toggle)
    wait_for_state(qtbot, studio, "finished")
    steps, _ = studio.training.shown.series.points("loss")
    assert steps == list(range(1, info.step + 1)) + steps[info.step :], "neither gaps nor doubles"
    qtbot.waitUntil(run.use.isVisible, timeout=TIMEOUT)
    assert "mine" in [model.name for model in studio.session.models]
    click(qtbot, run.use)
    assert studio.create.isVisible() and studio.create.recipe.picker.current() == "mine"
    assert generate(qtbot, studio) == "mine"


def test_bad_values_are_told_as_they_are_typed(qtbot, studio, monkeypatch, pictures):
    form = studio.train.form_page
    assert not form.start.isEnabled() and form.reason.text() == "Choose a folder of data first."
    choose_folder(qtbot, studio, monkeypatch, pictures)
    qtbot.waitUntil(form.start.isEnabled, timeout=TIMEOUT)
    assert all(one.toolTip() for one in form.fields.fields.values())
    fill(qtbot, studio.train, steps="many")
    steps = field(studio.train, "steps")
    qtbot.waitUntil(lambda: steps.problem.isVisible(), timeout=TIMEOUT)
    assert steps.problem.text() == "Has to be a whole number." and steps.editor.property("invalid")
    assert not form.start.isEnabled() and form.reason.text() == "Steps: has to be a whole number."
    fill(qtbot, studio.train, steps="20", seed="-1")
    qtbot.waitUntil(lambda: form.reason.text() == "Seed: has to be at least 0.", timeout=TIMEOUT)
    assert not steps.problem.isVisible() and not steps.editor.property("invalid")
    fill(qtbot, studio.train, seed="1", register_as="x y")
    name = field(studio.train, "register_as")
    qtbot.waitUntil(lambda: name.problem.isVisible(), timeout=TIMEOUT)
    assert name.problem.text().startswith("A model cannot be called 'x y'.")
    fill(qtbot, studio.train, register_as="free", data__target_resolutions="64, 0")
    sizes = field(studio.train, "data.target_resolutions")
    qtbot.waitUntil(lambda: sizes.problem.text() == "Has to be above 0.", timeout=TIMEOUT)
    sizes.editor.clear()
    qtbot.waitUntil(lambda: sizes.problem.text() == "Needs 1 or more values.", timeout=TIMEOUT)
    assert not form.start.isEnabled() and not name.problem.isVisible()
    fill(qtbot, studio.train, data__target_resolutions="64")
    qtbot.waitUntil(form.start.isEnabled, timeout=TIMEOUT)
    assert form.reason.text().startswith("20 steps of 64 items, out of 8")


def test_what_validates_is_told(qtbot, studio, monkeypatch, pictures):
    for number in range(8, 24):
        Image.new("RGB", (32, 24), (10 * number, 0, 0)).save(pictures / f"{number}.png")
    data = studio.train.form_page.data
    choose_folder(qtbot, studio, monkeypatch, pictures)
    assert data.validation.text() == "2 of 24 items are held out to validate"
    fill(qtbot, studio.train, data__validation_share="0.25")
    assert data.validation.text().startswith("6 of 24 items")
    fill(qtbot, studio.train, data__validation_share="0")
    assert data.validation.text() == "Nothing is held out to validate" and data.validation.isVisible()
    fill(qtbot, studio.train, data__validation=str(pictures))
    assert data.validation.text() == f"Validates on {pictures}"
    told = field(studio.train, "data.validation").problem
    qtbot.waitUntil(lambda: "would be trained on too" in told.text(), timeout=TIMEOUT)
    (pictures / "val").mkdir()
    (pictures / "0.png").rename(pictures / "val" / "0.png")
    choose_folder(qtbot, studio, monkeypatch, pictures)
    assert data.validation.text() == "Validates on the part val" and "23 of 24 items" in data.facts.text()


def test_films_are_looked_through_as_the_stride_says(qtbot, studio, monkeypatch, tmp_path):
    form, data = studio.train.form_page, studio.train.form_page.data
    for name, frames in (("short", 5), ("long", 40)):
        (tmp_path / "films" / name).mkdir(parents=True)
        for number in range(frames):
            Image.new("RGB", (16, 16), (5 * number, 0, 0)).save(tmp_path / "films" / name / f"frame{number}.png")
    choose_folder(qtbot, studio, monkeypatch, tmp_path / "films")
    assert "1 of 2 items" in data.facts.text() and data.problems.text() == "short: too short: 5 frames, 16 wanted."
    fill(qtbot, studio.train, name="mine", data__stride="3")
    qtbot.waitUntil(lambda: "0 of 2 items" in data.facts.text(), timeout=TIMEOUT)
    assert "long: too short: 40 frames, 46 wanted (16 at stride 3)." in data.problems.text()
    assert not form.start.isEnabled() and form.reason.text() == "Nothing in this folder can be used."
    assert studio.training_form.values["name"] == "mine"
    fill(qtbot, studio.train, data__stride="2")
    qtbot.waitUntil(lambda: "1 of 2 items" in data.facts.text() and form.start.isEnabled(), timeout=TIMEOUT)
    assert studio.training_form.values["data.stride"] == "2"


def test_data_of_another_kind_have_other_models_to_start_from(qtbot, studio, monkeypatch, pictures, tmp_path):
    form = studio.train.form_page
    choose_folder(qtbot, studio, monkeypatch, pictures)
    qtbot.waitUntil(form.start.isEnabled, timeout=TIMEOUT)
    meshes = tmp_path / "meshes"
    meshes.mkdir()
    trimesh.creation.box().export(meshes / "box.off")
    for folder, start in ((meshes, "furniture"), (pictures, "avatars")):
        choose_folder(qtbot, studio, monkeypatch, folder)
        qtbot.waitUntil(lambda start=start: form.start_from.current() == start, timeout=TIMEOUT)


def test_a_model_to_start_from_that_has_gone_is_given_up(qtbot, qapp, monkeypatch, pictures):
    models.write(models_dir(), "image")
    with opened(qtbot, qapp) as studio:
        form = studio.train.form_page
        choose_folder(qtbot, studio, monkeypatch, pictures)
        pick_start(qtbot, studio.train, MODEL)
        qtbot.waitUntil(form.start.isEnabled, timeout=TIMEOUT)
        shutil.rmtree(models_dir() / MODEL)
        show_page(qtbot, studio, "Create")
        show_page(qtbot, studio, "Train")
        qtbot.waitUntil(lambda: studio.training_form.start == "avatars", timeout=TIMEOUT)
        assert form.start_from.current() == "avatars"


def test_what_few_need_is_folded_by_itself(qtbot, studio, monkeypatch, pictures):
    choose_folder(qtbot, studio, monkeypatch, pictures)
    fields = studio.train.form_page.fields
    qtbot.waitUntil(lambda: "processes" in fields.fields, timeout=TIMEOUT)
    processes, threads = field(studio.train, "processes"), field(studio.train, "threads")
    click(qtbot, fields.folds[""].header)
    assert threads.isVisible() and not processes.isVisible()
    click(qtbot, fields.folds["rare"].header)
    assert processes.isVisible() and [*fields.folds][-1] == "rare"


def test_what_is_trained_decides_the_settings(qtbot, studio, monkeypatch, pictures):
    form = studio.train.form_page
    choose_folder(qtbot, studio, monkeypatch, pictures)
    qtbot.waitUntil(form.start.isEnabled, timeout=TIMEOUT)
    assert (form.stage.value(), form.start_from.current()) == ("diffusion", "avatars")
    assert not any(path.startswith(("model.", "unet.", "kl.", "lora.")) for path in form.fields.fields)
    click(qtbot, form.mode.button("lora"))
    qtbot.waitUntil(lambda: "lora.rank" in form.fields.fields and form.start.isEnabled(), timeout=TIMEOUT)
    click(qtbot, form.stage.button("autoencoder"))
    pick_start(qtbot, studio.train, "Fresh weights")
    qtbot.waitUntil(form.start.isEnabled, timeout=TIMEOUT)
    assert not form.mode.isVisible() and {"model.autoencoder.width", "kl.end"} <= set(form.fields.fields)
    usual = field(studio.train, "steps").editor.text()
    click(qtbot, form.length.button("quick"))
    assert int(field(studio.train, "steps").editor.text()) == int(usual) // 10
    click(qtbot, form.length.button("overnight"))
    form.preset.setCurrentText("paper-cifar10-autoencoder")
    form.preset.activated.emit(form.preset.currentIndex())
    qtbot.waitUntil(lambda: studio.training_form.preset == "paper-cifar10-autoencoder", timeout=TIMEOUT)
    assert form.length.value() == "usual" and field(studio.train, "steps").editor.text() == "500000"
    assert [size.key for size in studio.training_form.sizes()] == ["usual", "quick", "paper-gpus"]
    form.preset.setCurrentText("avatars-autoencoder")
    form.preset.activated.emit(form.preset.currentIndex())
    config = studio.training_form.config()
    assert config["stage"] == "autoencoder" and config["start_from"] is None and config["model"]["domain"] == "image"


def test_a_folder_without_data_is_told(qtbot, studio, tmp_path):
    folder = tmp_path / "nothing"
    folder.mkdir()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    studio.train.dropEvent(QDropEvent(QPointF(600, 300), copy, data, left, none))
    form = studio.train.form_page
    qtbot.waitUntil(lambda: form.data.title.text() == "This folder cannot be used", timeout=TIMEOUT)
    assert "nothing is empty" in form.data.problems.text() and "is empty" in form.reason.text()
    assert not form.start.isEnabled() and not form.plan.isVisible()


def finished(pictures: Path, name: str, level: float) -> Path:
    """A run of 40 steps that has ended."""
    book = RunFolder(runs_dir() / name)
    book.create(image_config(pictures, 40))
    book.start_metrics(0)
    for step in range(1, 41):
        book.add_metrics(step, step / 2, {"loss": level + 1 / step, "gradient_norm": 1.0, "learning_rate": 1e-3})
    loss = level + 1 / 40
    book.tell(state="finished", stage="autoencoder", step=40, steps=40, saved_step=40, loss=loss, device="cpu")
    return book.path


def test_runs_are_compared_and_removed(qtbot, studio, monkeypatch, pictures):
    one, two = finished(pictures, "one", 0.1), finished(pictures, "two", 5.0)
    view, training = studio.train.run, studio.training
    qtbot.waitUntil(lambda: len(training.runs) == 2, timeout=TIMEOUT)
    training.select(one)
    qtbot.waitUntil(lambda: plotted(view) == 40, timeout=TIMEOUT)
    view.compare.runs.aboutToShow.emit()
    (action,) = view.compare.runs.actions()
    assert action.text().startswith("two") and not action.isChecked()
    action.trigger()
    plot = view.plots.loss
    qtbot.waitUntil(lambda: plot.legend.isVisible() and "two" in plot.legend.text(), timeout=TIMEOUT)
    box = plot.plot.getPlotItem().vb  # finds its range when it is painted
    qtbot.waitUntil(lambda: box.viewRange()[1][0] < 0.5 and box.viewRange()[1][1] > 5, timeout=TIMEOUT)
    training.select(two)
    qtbot.waitUntil(lambda: not plot.legend.isVisible(), timeout=TIMEOUT)  # not beside itself

    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    click(qtbot, view.remove)
    assert two.exists() and not training.busy
    click(qtbot, view.remove)
    qtbot.waitUntil(lambda: [run.path for run in training.runs] == [one], timeout=TIMEOUT)
    assert not two.exists() and training.current == one and not training.compared
    assert not view.compare.isVisible()


def test_a_run_without_figures_is_not_compared(qtbot, studio, pictures):
    one = finished(pictures, "one", 0.1)
    bare = RunFolder(runs_dir() / "bare")
    bare.create(image_config(pictures, 40))
    bare.tell(state="failed", stage="autoencoder", steps=40, device="cpu")
    view, training = studio.train.run, studio.training
    qtbot.waitUntil(lambda: len(training.runs) == 2, timeout=TIMEOUT)
    training.select(one)
    qtbot.waitUntil(lambda: plotted(view) == 40, timeout=TIMEOUT)
    assert not view.compare.isVisible()
    training.select(bare.path)
    qtbot.waitUntil(view.compare.isVisible, timeout=TIMEOUT)
    view.compare.runs.aboutToShow.emit()
    assert [action.text().split()[0] for action in view.compare.runs.actions()] == ["one"]


def test_what_a_run_does_before_its_first_step_is_told(qtbot, studio, pictures):
    book = RunFolder(runs_dir() / "encodes")
    book.create(image_config(pictures, 40))
    book.claim("running", stage="diffusion", steps=40, device="cpu")
    book.tell(message="Encoding the data: 64 of 1,536.")
    view, training = studio.train.run, studio.training
    qtbot.waitUntil(lambda: len(training.runs) == 1, timeout=TIMEOUT)
    training.select(book.path)
    qtbot.waitUntil(lambda: view.facts.text().endswith("on cpu · Encoding the data: 64 of 1,536."), timeout=TIMEOUT)


def test_runs_of_one_name_are_compared_side_by_side(qtbot, studio, pictures, tmp_path):
    one = finished(pictures, "one", 0.1)
    twins = [finished(pictures, str(tmp_path / place / "twin"), level) for place, level in (("a", 2.0), ("b", 5.0))]
    for twin in twins:
        remember_run(twin)
    view, training = studio.train.run, studio.training
    qtbot.waitUntil(lambda: len(training.runs) == 3, timeout=TIMEOUT)
    training.select(one)
    qtbot.waitUntil(lambda: plotted(view) == 40, timeout=TIMEOUT)
    view.compare.runs.aboutToShow.emit()
    for action in view.compare.runs.actions():
        action.trigger()
    legend = view.plots.loss.legend
    qtbot.waitUntil(lambda: all(f"twin ({twin.parent})" in legend.text() for twin in twins), timeout=TIMEOUT)


@pytest.fixture
def crashed(pictures: Path) -> Path:
    """A run whose process died at step 40."""
    book = RunFolder(runs_dir() / "lost")
    book.create(image_config(pictures, 100))
    book.start_metrics(0)
    for step in range(1, 41):
        book.add_metrics(step, step / 2, {"loss": 1 / step, "gradient_norm": 1.0, "learning_rate": 1e-3})
    book.log("Saved at step 20.")
    book.tell(
        state="running", stage="autoencoder", step=40, steps=100, saved_step=20, loss=0.025, device="cpu",
        pid=2**22 - 1, process_started=1.0, host=socket.gethostname(),
    )  # fmt: skip
    return book.path


def test_a_crashed_run_is_shown_as_crashed(qtbot, crashed, studio):
    run = studio.train.run
    wait_for_state(qtbot, studio, "crashed")
    qtbot.waitUntil(lambda: "Saved at step 20." in run.words.toPlainText(), timeout=TIMEOUT)
    assert run.trouble.isVisible() and run.trouble_title.text() == "The process of this run has died."
    assert "step 20" in run.trouble_body.text() and run.mend.isEnabled() and run.toggle.text() == "&Resume"
    assert not run.sample.isVisible() and run.plots.loss.count() == 40
    assert run.plots.speed.count() == 39 and studio.training.shown.series.rate()[1][0] == 2 * 8
    QTest.keyClick(studio.train, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert studio.train.form_page.isVisible()


def test_a_finished_first_stage_leads_to_the_second(qtbot, qapp, crashed, pictures, tmp_path):
    model = shutil.copy(models.write(tmp_path, "image"), crashed / "model.safetensors")
    RunFolder(crashed).tell(state="finished", step=100)
    with opened(qtbot, qapp) as studio:
        wait_for_state(qtbot, studio, "finished")
        qtbot.waitUntil(studio.train.run.next.isVisible, timeout=TIMEOUT)
        click(qtbot, studio.train.run.next)
        form = studio.train.form_page
        qtbot.waitUntil(form.start.isEnabled, timeout=TIMEOUT)
        assert (form.stage.value(), form.start_from.current()) == ("diffusion", str(model))
        assert studio.training_form.folder == pictures and studio.training_form.config()["start_from"] == str(model)


def test_series_follow_a_run_that_was_resumed():
    rows = [{"step": step, "loss": float(step), "seconds": 0.5 * step} for step in range(1, 9)]
    series = RunSeries(batch=4)
    assert series.known() == 0 and series.take(rows[:3], 0)
    assert series.known() == 2 and series.take(rows[2:6], 2) and series.points("loss")[0] == [1, 2, 3, 4, 5, 6]
    assert series.rate() == ([2, 3, 4, 5, 6], [8.0] * 5)
    assert not series.take([], series.known()), "rows were dropped"
    assert not series.take([{"step": 9, "loss": 1.0}], series.known())
    validated = {"step": 7, "seconds": 3.5, "validation_error": 0.5}
    assert series.take([rows[5], validated], series.known()) and series.validation() == ([7], [0.5])
    smooth = series.smoothed()[1]
    assert smooth[0] == 1 and all(a < b < c for a, b, c in zip(smooth, smooth[1:], [2, 3, 4, 5, 6], strict=False))
