"""Pictures are the field evaluated anew at their own resolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ddmi_models.cancel import CancelToken, WorkCancelled
from ddmi_models.coords import image_points
from ddmi_models.domains.base import Query
from ddmi_models.errors import BadInput
from ddmi_models.events import Partial, Progress
from ddmi_models.rendering.tiles import centred_window, effective_resolution, render_picture, to_bytes
from ddmi_models.requests import ImageView
from tests import models
from tests.rendering.solids import drained, sampled

TOKEN = CancelToken()


def picture(view: ImageView, seed: int = 3) -> np.ndarray:
    decoded, _ = sampled("image", seed)
    return drained(render_picture(decoded.domain, decoded.fields, view, TOKEN, seed))[1].pixels


def test_picture_equals_the_field_evaluated_whole() -> None:
    decoded, _ = sampled("image")
    query = Query(image_points(150, 150), 0.25)  # anchor 16 over 150, clamped to the trained range
    with torch.inference_mode():
        whole = to_bytes(decoded.domain.evaluate(decoded.fields, query)[0]).reshape(150, 150, 3)
    ours = picture(ImageView(150, 150))
    assert np.abs(ours.astype(int) - whole).max() <= 1
    assert ours.std() > 5


def test_larger_picture_is_not_a_scaled_bitmap() -> None:
    small, large = picture(ImageView(32, 32)), picture(ImageView(256, 256))
    for filter in (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
        scaled = np.asarray(Image.fromarray(small).resize((256, 256), filter), int)
        assert np.abs(scaled - large).mean() > 1


def test_window_is_the_same_field() -> None:
    whole = picture(ImageView(200, 200))
    part = picture(ImageView(100, 50, (0.0, -0.5, 1.0, 0.0)))
    assert np.abs(part.astype(int) - whole[50:100, 100:]).max() <= 1


def test_wide_picture_is_a_centred_window() -> None:
    assert centred_window(100, 50) == (-1.0, -0.5, 1.0, 0.5)
    whole, wide = picture(ImageView(100, 100)), picture(ImageView(100, 50, centred_window(100, 50)))
    assert np.abs(wide.astype(int) - whole[25:75]).max() <= 1


def test_scale_follows_the_zoom() -> None:
    view = ImageView(100, 100)
    assert effective_resolution(view) == 100
    assert effective_resolution(replace(view, window=(-0.5, -0.5, 0.0, 0.0))) == 400


def test_coarser_pictures_come_first() -> None:
    decoded, _ = sampled("image")
    seen, result = drained(render_picture(decoded.domain, decoded.fields, ImageView(400, 200), TOKEN, partials=True))
    sizes = [event.value.pixels.shape[:2] for event in seen if isinstance(event, Partial)]
    assert sizes == [(25, 50), (66, 133)]
    assert result.pixels.shape == (200, 400, 3)
    steps = [event for event in seen if isinstance(event, Progress)]
    assert steps[-1].step == steps[-1].total == 400 * 200


def test_grain_stays_in_place_when_one_zooms() -> None:
    decoded, _ = noisy_sample()
    view = ImageView(64, 64, grain=1.0)

    def shown(v: ImageView, seed: int = 1) -> np.ndarray:
        return drained(render_picture(decoded.domain, decoded.fields, v, TOKEN, seed))[1].pixels.astype(int)

    grainy, plain = shown(view), shown(replace(view, grain=0.0))
    assert np.abs(grainy - plain).mean() > 1
    assert np.array_equal(grainy, shown(view))
    assert not np.array_equal(grainy, shown(view, seed=2))
    part = shown(replace(view, width=32, height=32, window=(-1.0, -1.0, 0.0, 0.0)))
    assert np.abs(part - grainy[:32, :32]).max() <= 1


def noisy_sample():
    from ddmi_models.domains import build_domain
    from ddmi_models.rendering.renderers import Decoded

    plain = models.config("image")
    config = plain.model_copy(update={"coordinate_net": plain.coordinate_net.model_copy(update={"noise": True})})
    torch.manual_seed(0)
    domain = build_domain(config).eval()
    for name, parameter in domain.named_parameters():
        if name.endswith("noise.weight"):
            parameter.data.fill_(0.3)
    with torch.inference_mode():
        return Decoded(domain, domain.decode(torch.randn(1, *domain.layout.shape)), 1), None


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (ImageView(0, 5), "0x5 pixels"),
        (ImageView(5, -1), "5x-1 pixels"),
        (ImageView(5, 5, (0.5, 0.0, 0.5, 1.0)), "empty"),
        (ImageView(5, 5, grain=1.0), "no grain"),
        (ImageView(5, 5, gains=(1.0,)), "1 gains"),
    ],
)
def test_impossible_views_are_refused(view: ImageView, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        picture(view)


def test_cancelling_stops_between_chunks() -> None:
    decoded, _ = sampled("image")
    token = CancelToken()
    work = render_picture(decoded.domain, decoded.fields, ImageView(400, 400), token)
    next(work)
    token.cancel()
    with pytest.raises(WorkCancelled):
        next(work)
