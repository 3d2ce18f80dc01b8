"""The fold "Levels": measured only while it is open, weighted as the gains, in the theme's colours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fake_engine import TIMEOUT, FakeEngine
from test_window import click, generate, open_studio, requests, shut

from ddmi_models.errors import BadInput
from ddmi_models.events import Failed, Result
from ddmi_models.requests import LevelSpectrum, MeasureLevels
from ddmi_studio import theme
from ddmi_studio.pages.levels_fold import LevelsFold
from ddmi_studio.studio import Studio

DECIBELS = (0.0, -10.0, -20.0)


def spectra() -> tuple[LevelSpectrum, ...]:
    """Level after level finer, and a tenth as strong."""
    return tuple(
        LevelSpectrum(cells, np.arange(1, cells // 2 + 1.0), np.full(cells // 2, 10 ** (decibels / 10)))
        for cells, decibels in zip((8, 16, 32), DECIBELS, strict=True)
    )


@pytest.fixture
def studio(qtbot, qapp, engine: FakeEngine) -> Iterator[Studio]:
    engine.answers[MeasureLevels] = lambda r, t: iter([Result(spectra())])
    studio = open_studio(qtbot, qapp, engine)
    yield studio
    shut(qtbot, studio)


def opened(qtbot, studio: Studio) -> LevelsFold:
    fold = studio.create.inspector.levels
    click(qtbot, fold.header)
    qtbot.waitUntil(lambda: fold.plot is not None and len(fold.plot.lines) == 3, timeout=TIMEOUT)
    return fold


def heights(fold: LevelsFold) -> list[float | None]:
    """Mean height of each curve in decibels; None where it is hidden."""
    assert fold.plot is not None
    return [float(np.mean(line.getData()[1])) if line.isVisible() else None for line in fold.plot.lines]


def test_levels_are_measured_while_the_fold_is_open(qtbot, studio, engine) -> None:
    generate(qtbot, studio, "avatars", 2)
    assert requests(engine, MeasureLevels) == []
    fold = opened(qtbot, studio)
    first, second = (entry.sample for entry in studio.session.samples.all)
    assert [r.sample for r in requests(engine, MeasureLevels)] == [studio.session.samples.current.sample]
    np.testing.assert_allclose(heights(fold), DECIBELS, atol=1e-9)
    assert [f"({cells})" in fold.legend.text() for cells in (8, 16, 32)] == [True] * 3
    studio.session.samples.step(1)
    qtbot.waitUntil(lambda: len(requests(engine, MeasureLevels)) == 2, timeout=TIMEOUT)
    assert {id(r.sample) for r in requests(engine, MeasureLevels)} == {id(first), id(second)}
    click(qtbot, fold.header)
    studio.session.samples.step(-1)
    qtbot.wait(50)
    assert len(requests(engine, MeasureLevels)) == 2


def test_curves_follow_the_gains(qtbot, studio) -> None:
    generate(qtbot, studio, "avatars")
    fold = opened(qtbot, studio)
    studio.session.render.set(studio.session.domain, gains=(0.1, 1.0, 0.0))
    assert heights(fold) == [pytest.approx(-20), pytest.approx(-10), None]
    studio.session.render.set(studio.session.domain, gains=(1.0, 1.0, 1.0))
    np.testing.assert_allclose(heights(fold), DECIBELS, atol=1e-9)


def test_curves_have_the_themes_colours(qtbot, qapp, studio) -> None:
    generate(qtbot, studio, "avatars")
    fold = opened(qtbot, studio)
    for mode, colours in (("light", theme.LIGHT), ("dark", theme.DARK)):
        theme.apply(qapp, mode)
        pens = [line.opts["pen"].color().name() for line in fold.plot.lines]
        assert pens == [colours.accent, colours.success, colours.warning]
        assert all(pen in fold.legend.text() for pen in pens)


def test_where_nothing_can_be_measured_the_plot_is_empty(qtbot, studio, engine) -> None:
    generate(qtbot, studio, "avatars", 2)
    fold = opened(qtbot, studio)
    engine.answers[MeasureLevels] = lambda r, t: iter([Failed(BadInput("Its model is gone."))])
    studio.session.samples.step(1)
    qtbot.waitUntil(lambda: fold.plot.lines == [], timeout=TIMEOUT)
    assert "Generate" in fold.legend.text()
