"""`ddmi train` and `ddmi runs`: runs as processes of their own, the queue of a device, the finished model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from PIL import Image

from ddmi_models.checkpoints.registry import find_model, models_dir
from ddmi_models.checkpoints.store import read_header
from ddmi_models.cli import session
from ddmi_models.errors import EngineError
from ddmi_models.events import Notice, Result
from ddmi_models.training.alive import process_lives
from ddmi_models.training.folder import RunFolder, run_info
from ddmi_models.training.latent_objectives import DiffusionObjective
from ddmi_models.training.objectives import AutoencoderObjective
from ddmi_models.training.process import NICENESS, conduct
from ddmi_models.training.queue import queue_folder
from ddmi_models.training.runs import ask_run, runs_dir
from tests.training.small import image_config, image_data
from tests.waiting import wait_for

UNET = {
    "in_channels": 3, "out_channels": 3, "model_channels": 8, "multipliers": [1], "head_channels": 8, "groups": 4,
}  # fmt: skip


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `small.yaml`, whose paths are relative to it."""
    image_data(tmp_path / "data")
    values = image_config(Path("data"), steps=3).model_dump(mode="json", exclude_unset=True)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "_debug", False)
    return tmp_path


@pytest.fixture
def ddmi(work: Path, command):
    """The command line, in the folder of `work`."""
    return command


def state_of(ddmi, name: str) -> str:
    code, out, _ = ddmi("runs", "list", "--json")
    assert code == 0
    return {run["name"]: run["state"] for run in json.loads(out)["runs"]}[name]


def test_a_run_lives_in_its_own_process(ddmi, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = ddmi("train", "small.yaml", "--detach", "--set", "steps=1000000", "--json")
    assert code == 0, err
    started = json.loads(out)
    folder, pid = Path(started["path"]), started["pid"]
    try:
        assert folder == runs_dir() / "image" and pid != os.getpid()
        monkeypatch.chdir("/")  # a run does not depend on where it was started
        shares = Path(f"/proc/{pid}/autogroup")  # Linux's, where its sessions share a processor
        assert not shares.exists() or f"nice {NICENESS}" in shares.read_text()
        code, out, err = ddmi("runs", "sample", "image")
        assert code == 0, err
        with Image.open(out.strip()) as picture:
            assert picture.width > picture.height > 90
        assert ddmi("runs", "save", folder)[1].strip() == str(folder / "model.safetensors")
        assert state_of(ddmi, "image") == "running" and find_model(folder / "model.safetensors").domain == "image"

        code, out, _ = ddmi("runs", "pause", "image", "--json")
        paused = json.loads(out)
        assert (code, paused["state"]) == (0, "paused") and paused["step"] == paused["saved_step"] > 0
        wait_for(lambda: not process_lives(pid, started["process_started"]))
        assert not list(queue_folder("cpu").glob("*.ticket"))  # the device is free

        code, out, err = ddmi("runs", "resume", "image", "--json")
        assert code == 0, err
        pid = json.loads(out)["pid"]
        wait_for(lambda: run_info(folder).step > paused["step"])
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: run_info(folder).state == "crashed")
        code, out, _ = ddmi("runs", "show", "image")
        assert code == 0 and "crashed" in out and "Starts at step" in out and "Last figures: step" in out
        assert ddmi("runs", "stop", "image")[0] == 0 and state_of(ddmi, "image") == "stopped"
    finally:
        end(pid)


def test_runs_are_removed_and_nothing_else(ddmi, work: Path) -> None:
    assert ddmi("train", "small.yaml", "--run", "mine", "--register", "kept")[0] == 0
    (work / "mine" / "notes.md").write_text("mine")
    code, out, err = ddmi("runs", "remove", "mine", "--json")
    assert code == 0 and json.loads(out) == {"removed": "mine"}, err
    assert [path.name for path in (work / "mine").iterdir()] == ["notes.md"]
    assert json.loads(ddmi("runs", "list", "--json")[1])["runs"] == [] and find_model("kept").domain == "image"
    assert ddmi("runs", "remove", "mine")[0] == 1

    assert ddmi("train", "small.yaml", "--run", "other")[0] == 0
    RunFolder(work / "other").claim("running", stage="autoencoder", steps=3, device="cpu")
    RunFolder(work / "other").tell(pid=1, process_started=psutil.Process(1).create_time())
    code, _, err = ddmi("runs", "remove", "other")
    assert code == 1 and "is running already" in err and (work / "other" / "model.safetensors").exists()


def end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_for(lambda: run_is_gone(pid))


def run_is_gone(pid: int) -> bool:
    from ddmi_models.training.runs import list_runs

    list_runs()  # takes notice of processes that ended
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_finished_models_are_added_under_a_free_name(ddmi, work: Path) -> None:
    code, out, err = ddmi("train", "small.yaml", "--run", "first", "--register", "mine", "--json")
    assert code == 0 and "'mine'" in err
    assert json.loads(out) == {"model": str(work / "first" / "model.safetensors"), "run": str(work / "first")}
    info = find_model("mine")
    assert info.source == "imported" and "Training set: data" in info.card and "Steps: 3" in info.card
    before = info.path.read_bytes()

    code, _, err = ddmi("train", "small.yaml", "--register", "mine")
    assert code == 1 and err == "Error: register_as: there is a model called 'mine' already. Choose another name.\n"
    assert ddmi("train", "--resume", "first")[0] == 0  # finished already: nothing is added twice
    assert [path.name for path in models_dir().iterdir()] == ["mine"] and info.path.read_bytes() == before
    assert state_of(ddmi, "first") == "finished"  # a run with a folder of its own is listed as well


def test_full_models_are_added_by_themselves_and_start_from_runs(ddmi, work: Path) -> None:
    assert ddmi("train", "small.yaml", "--run", "first")[0] == 0
    assert not models_dir().exists()  # a first stage alone cannot be sampled from
    values = {
        "name": "mine", "stage": "diffusion", "start_from": "first", "data": {"train": "data"}, "steps": 2, "batch": 4,
        "unet": UNET,
        "diffusion": {"normalised": True, "mixed_prediction": False, "steps": 2}, "sample_every": 2,
    }  # fmt: skip
    (work / "second.yaml").write_text(yaml.safe_dump(values))
    assert ddmi("train", "second.yaml")[0] == 0
    assert ddmi("train", "second.yaml")[2].splitlines()[-1] == "Added to the models as 'mine-2'."
    assert ddmi("train", "second.yaml", "--no-register")[0] == 0
    assert sorted(path.name for path in models_dir().iterdir()) == ["mine", "mine-2"]
    assert find_model("mine").can_sample and find_model("mine").sheet is not None
    tuned = ("train", "small.yaml", "--from", "mine", "--set", "model=null", "--set", "name=tuned")
    assert ddmi(*tuned)[0] == 0 and ddmi(*tuned, "--set", "finetune=decoder", "--set", "name=softer")[0] == 0
    names = sorted(path.name for path in models_dir().iterdir())
    assert names == ["mine", "mine-2", "softer"]  # `tuned` has an encoder that its denoiser does not know
    assert sorted(path.name for path in runs_dir().iterdir() if path.is_dir() and not path.name.startswith(".")) == [
        "mine", "mine-2", "mine-3", "softer", "tuned",
    ]  # fmt: skip


def test_of_a_first_stage_the_best_is_added_and_of_a_second_the_last(
    ddmi, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in (AutoencoderObjective, DiffusionObjective):
        scores = iter((1.0, 2.0, 3.0))
        key = "reconstruction" if kind is AutoencoderObjective else "error"
        monkeypatch.setattr(kind, "validate", lambda *_, scores=scores, key=key: {key: next(scores)})
    even = ("--set", "save_every=1", "--set", "kl.start=0.01", "--set", "kl.end=0.01")
    assert ddmi("train", "small.yaml", "--run", "first", "--register", "first", *even)[0] == 0
    second = ("--from", "first", "--set", "stage=diffusion", "--set", "model=null", "--set", f"unet={json.dumps(UNET)}")
    code, _, err = ddmi("train", "small.yaml", "--register", "second", "--set", "save_every=1", *second)
    assert code == 0, err
    steps = [read_header(find_model(name).path).training["steps"] for name in ("first", "second")]
    assert steps == [1, 3] and "Checkpoint: best in validation" in find_model("first").card


def test_runs_of_a_device_wait_for_one_another(work: Path) -> None:
    from ddmi_models.cancel import CancelToken, WorkCancelled
    from ddmi_models.training import control

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        ticket(other.pid, work / "other")
        config = image_config(work / "data", steps=2)
        run = conduct(config, work / "run", False, CancelToken())
        event = next(run)
        assert isinstance(event, Notice) and event.message == "Waits for other on cpu."
        assert run_info(work / "run").state == "waiting"
        with pytest.raises(EngineError, match="waiting already"):  # as seen by a second process
            pretend_other_process(work / "run")
            list(conduct(config, work / "run", True, CancelToken()))
        for action in ("save", "sample"):
            with pytest.raises(
                EngineError, match=f"nothing to {action} yet: run waits for its device. Waits for other"
            ):
                list(ask_run(work / "run", action))
        next(run)
        other.kill()
    assert isinstance(list(run)[-1], Result) and run_info(work / "run").state == "finished"

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        ticket(other.pid, work / "other")
        run = conduct(config, work / "second", False, CancelToken())
        next(run)
        control.ask(work / "second", "pause")
        with pytest.raises(WorkCancelled):
            list(run)
        assert run_info(work / "second").state == "paused" and len(list(queue_folder("cpu").glob("*.ticket"))) == 1
        other.kill()


def ticket(pid: int, run: Path) -> None:
    """The place in the queue of another process' run."""
    import psutil

    queue_folder("cpu").mkdir(parents=True, exist_ok=True)
    values = {"pid": pid, "started": psutil.Process(pid).create_time(), "run": str(run)}
    (queue_folder("cpu") / "00000001.ticket").write_text(json.dumps(values))


def pretend_other_process(folder: Path) -> None:
    import psutil

    parent = psutil.Process().ppid()
    RunFolder(folder).tell(pid=parent, process_started=psutil.Process(parent).create_time())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("runs", "show", "nothing"), 1, "There is no run nothing."),
        (("runs", "pause", "done"), 1, "is finished, so it cannot pause"),
        (("runs", "resume", "done"), 1, "is finished"),
        (("train", "small.yaml", "--run", "done"), 1, "holds a run already"),
        (("train", "small.yaml", "--data", "nowhere"), 1, "data.train: there is no nowhere"),
        (("train", "small.yaml", "--from", "nothing"), 1, "nothing: no model of this name"),
        (("train", "small.yaml", "--data", "no: #where"), 1, "data.train: there is no no: #where"),
        (("train", "small.yaml", "--set", "batch=-1"), 1, "batch"),
        (("train", "small.yaml", "--set", "batch={"), 1, "batch is not YAML"),
        (("train", "--resume", "done", "--set", "batch=1"), 2, "own settings"),
        (("train",), 2, "--preset"),
    ],
)
def test_what_cannot_be_done_is_one_line(ddmi, work: Path, arguments: tuple, code: int, message: str) -> None:
    book = RunFolder(work / "done")
    book.create(image_config(work / "data", steps=1))
    book.end("finished")
    found, out, err = ddmi(*arguments)
    assert (found, out) == (code, "") and message in err and len(err.strip().splitlines()) == 1
    assert not runs_dir().exists()


def test_following_prints_every_row_and_the_end(ddmi, work: Path) -> None:
    assert ddmi("train", "small.yaml", "--run", "run")[0] == 0
    _, out, _ = ddmi("runs", "follow", "run", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["step"] for row in rows[:-1]] == [1, 2, 3] and rows[-1]["state"] == "finished"
    assert ddmi("runs", "follow", "run")[1].splitlines()[-1].startswith("run  finished  step 3 of 3")
