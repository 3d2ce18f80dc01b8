"""The question whether a window can be opened, with and without a display."""

from __future__ import annotations

import pytest

from ddmi_studio.display import missing_display


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    return monkeypatch


def test_the_display_of_the_tests_is_found() -> None:
    assert missing_display() is None


def test_without_display_the_command_line_is_named_in_one_line(no_display: pytest.MonkeyPatch) -> None:
    message = missing_display()
    assert message is not None
    assert "ddmi generate" in message
    assert "\n" not in message


@pytest.mark.parametrize("display", [":4321", ":", "nonsense", "localhost:4321.0"])
def test_a_display_that_does_not_answer_is_named(no_display: pytest.MonkeyPatch, display: str) -> None:
    no_display.setenv("DISPLAY", display)
    message = missing_display()
    assert message is not None
    assert display in message


def test_platforms_without_display_need_none(no_display: pytest.MonkeyPatch) -> None:
    no_display.setenv("QT_QPA_PLATFORM", "offscreen")
    assert missing_display() is None
