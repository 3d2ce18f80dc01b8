"""Clips of any length, size and rate, and folders of frames, as the video encoder's input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image

from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.domains.video import VideoDomain
from ddmi_models.errors import BadInput
from ddmi_models.inputs.base import Given
from ddmi_models.inputs.pictures import PictureReader, load_picture, squared

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
FEWEST_FRAMES = 2

Timed = tuple[float, np.ndarray]
"""Seconds from the first frame, and a frame uint8 [R, R, 3]."""


class ClipReader(PictureReader):
    """The beginning of a clip, as long as the trained ones and at their rate; a shorter clip is taken whole, slower.

    The frames of a folder, in the order of their names, are taken to have the trained rate.
    """

    takes = "a clip"
    suffixes: ClassVar[tuple[str, ...]] = (".mp4", ".webm", ".gif", ".mov", ".avi", ".mkv", ".m4v")
    takes_folders = True

    def read(self, path: Path, domain: Domain, up: str | None, token: CancelToken) -> Given[torch.Tensor]:
        assert isinstance(domain, VideoDomain)
        clip, side = domain.clip, domain.config.autoencoder.resolution
        pictures = _numbered(path, clip.rate) if path.is_dir() else _decoded(path)
        frames = list(_until(pictures, domain.last_instant, side, token))
        if len(frames) < FEWEST_FRAMES:
            raise BadInput(f"{path.name} holds fewer than {FEWEST_FRAMES} frames.", "Give a clip that moves.")
        times = np.array([time for time, _ in frames])
        instants = np.linspace(0, min(domain.last_instant, times[-1]), clip.frames)
        chosen = np.abs(instants[:, None] - times).argmin(1)
        pixels = torch.from_numpy(np.stack([frames[index][1] for index in chosen])).float()
        batch = (pixels / 127.5 - 1).permute(3, 0, 1, 2)[None]
        return Given({"frames": batch}, batch)


def _until(
    pictures: Iterator[tuple[float, Image.Image]], last: float, side: int, token: CancelToken
) -> Iterator[Timed]:
    """The centred squares of the pictures up to the first one at or after `last` seconds."""
    for time, picture in pictures:
        token.check()
        yield time, np.asarray(squared(picture, side), np.uint8)
        if time >= last:
            return


def _numbered(folder: Path, rate: float) -> Iterator[tuple[float, Image.Image]]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in FRAME_SUFFIXES)
    for index, path in enumerate(paths):
        yield index / rate, load_picture(path)


def _decoded(path: Path) -> Iterator[tuple[float, Image.Image]]:
    """The frames of a file with their times, upright.

    Raises:
        BadInput: if it is no readable clip.
    """
    import av

    try:
        with av.open(str(path)) as film:
            if not film.streams.video:
                raise BadInput(f"{path.name} has no pictures in it.", "Give a clip.")
            rate, first = float(film.streams.video[0].average_rate or 1), None
            for index, frame in enumerate(film.decode(video=0)):
                time = index / rate if frame.time is None else float(frame.time)
                first = time if first is None else first
                picture = frame.to_image()
                yield time - first, picture.rotate(frame.rotation, expand=True) if frame.rotation else picture
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadInput(f"{path.name} is not a readable clip ({type(error).__name__}).", "It may be damaged.") from None
