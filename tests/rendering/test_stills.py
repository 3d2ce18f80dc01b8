"""Ray-cast pictures show the shape: where it is, from where one looks, lit and shadowed."""

from __future__ import annotations

import numpy as np
import pytest

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.rendering.stills import Camera, Stage, contact_sheet, quick_still, render_turntable
from tests.rendering.solids import ball, surface, table, union

TOKEN = CancelToken()


def object_mask(picture: np.ndarray) -> np.ndarray:
    """Pixels of the warm material; the backdrop is grey."""
    colours = picture.astype(int)
    return colours[..., 0] - colours[..., 2] > 25


def test_sphere_is_a_lit_disc_in_the_middle() -> None:
    picture = Stage(surface(ball(), 40), TOKEN).still(80, 80, TOKEN)
    mask = object_mask(picture)
    rows, columns = np.nonzero(mask)
    assert abs(rows.mean() - 39.5) < 1.5 and abs(columns.mean() - 39.5) < 1.5
    expected = np.pi * (rows.max() - rows.min() + 1) ** 2 / 4
    assert mask.sum() == pytest.approx(expected, rel=0.05)
    light = picture.sum(2)
    assert light[rows.min() + 8, 34] > light[rows.max() - 4, 44] + 60  # lit from above on the left


def test_wide_picture_is_not_stretched() -> None:
    stage = Stage(surface(ball(), 32), TOKEN, rays=0)
    square, wide = stage.still(60, 60, TOKEN), stage.still(100, 60, TOKEN)
    assert np.abs(wide[:, 20:80].astype(int) - square).mean() < 1


def test_table_has_a_top_and_one_leg_and_stands_in_its_shadow() -> None:
    stage = Stage(surface(table(), 64), TOKEN)
    picture = stage.still(96, 96, TOKEN)
    widths = object_mask(picture).sum(1)
    rows = np.nonzero(widths)[0]
    top, middle = widths[rows[0] : rows[0] + 20].max(), widths[(rows[0] + rows[-1]) // 2]
    assert top > 4 * middle > 0
    shade = stage.floor_light
    assert shade[36, 36] < shade[0, 0] - 0.2


def test_camera_goes_around() -> None:
    stage = Stage(surface(union(ball((-0.2, 0, 0), 0.2), ball((0.25, 0, 0), 0.1)), 40), TOKEN, rays=0)

    def columns(azimuth: float) -> np.ndarray:
        return np.nonzero(object_mask(stage.still(60, 60, TOKEN, Camera(azimuth, 0.0))))[1]

    front, back, side = columns(0.0), columns(180.0), columns(90.0)
    assert front.mean() < 29 and back.mean() > 30  # the large ball is on the left, then on the right
    assert np.ptp(side) < np.ptp(front)


def test_turntable_comes_around() -> None:
    frames = list(render_turntable(surface(table(), 24), (32, 24), 4, TOKEN))
    assert len(frames) == 4 and frames[0].shape == (24, 32, 3)
    assert all(frame.dtype == np.uint8 for frame in frames)


def test_quick_still_shows_the_object() -> None:
    picture = quick_still(surface(ball(), 16), 40, TOKEN)
    assert picture.shape == (40, 40, 4) and 0.2 < (picture[..., 3] == 255).mean() < 0.9
    assert picture[20, 20, :3].max() > 100 and not picture[0, 0].any(), "nothing is behind the object"


def test_contact_sheet_places_pictures_row_by_row() -> None:
    pictures = [np.full((4, 6, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = contact_sheet(pictures, columns=2, gap=1)
    assert sheet.shape == (11, 15, 3)
    assert [sheet[2, 2, 0], sheet[2, 9, 0], sheet[7, 2, 0], sheet[7, 9, 0]] == [10, 20, 30, 255]


def test_cancelling_stops_the_picture() -> None:
    token = CancelToken()
    stage = Stage(surface(ball(), 16), token, rays=0)
    token.cancel()
    with pytest.raises(WorkCancelled):
        stage.still(64, 64, token)
