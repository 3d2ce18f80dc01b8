"""Video files, and folders of numbered frames: clips of a fixed number of frames."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ddmi_models.errors import BadItem
from ddmi_models.training.datasets.images import ENDINGS as PICTURE_ENDINGS
from ddmi_models.training.datasets.images import open_picture, picture_look, squared
from ddmi_models.training.datasets.layout import (
    Item,
    Layout,
    Preparation,
    Rows,
    Tree,
)
from ddmi_models.training.datasets.looks import LOOK

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".mp4", ".webm", ".avi", ".mov", ".mkv", ".m4v", ".gif")
MOST_CLIPS = 64
"""Clips taken of one film at most, so that a long one fits in memory and does not outweigh the others."""
LEAST_FRAMES = 2


def _find_files(tree: Tree) -> list[Item]:
    return [Item(tree.label(path), (path,)) for path in tree.ending(ENDINGS)]


def _frames(path: Path) -> Iterator[Image]:
    """The frames of a video file one after another.

    Raises:
        BadItem: it is no video, or damaged.
    """
    import av

    try:
        with av.open(str(path)) as film:
            if not film.streams.video:
                raise BadItem("no pictures in it")
            film.streams.video[0].thread_type = "NONE"  # frames in parallel come from several files, not from one
            for frame in film.decode(video=0):
                yield frame.to_image()
    except (av.FFmpegError, OSError, ValueError):
        raise BadItem("damaged or no video") from None


def _inspect_file(item: Item) -> str:
    count, size = 0, (0, 0)
    for frame in _frames(item.files[0]):
        count, size = count + 1, frame.size
    if count < LEAST_FRAMES:
        raise BadItem("fewer than two frames")
    return f"{size[0]}x{size[1]}"


def _read_file(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    return _clips((squared(frame, how.size) for frame in _every(_frames(item.files[0]), how.stride)), how)


def _every(frames: Iterator[Image], stride: int) -> Iterator[Image]:
    return (frame for index, frame in enumerate(frames) if index % stride == 0)


def _clips(frames: Iterator[NDArray[np.uint8]], how: Preparation) -> tuple[Rows, list[str]]:
    """Clips one after another, without overlap; what is left at the end is dropped."""
    clips: list[NDArray[np.uint8]] = []
    current: list[NDArray[np.uint8]] = []
    for frame in frames:
        current.append(frame)
        if len(current) == how.frames:
            if len(clips) == MOST_CLIPS:
                return {"frames": np.stack(clips)}, [f"only its first {MOST_CLIPS} clips are used"]
            clips.append(np.stack(current))
            current = []
    if not clips:
        raise BadItem(f"{len(current)} frames at stride {how.stride} make no clip of {how.frames}")
    return {"frames": np.stack(clips)}, []


def _find_folders(tree: Tree) -> list[Item]:
    """Folders of at least two pictures whose names differ in a number alone."""
    groups: dict[Path, list[Path]] = defaultdict(list)
    for path in tree.ending(PICTURE_ENDINGS):
        groups[path.parent].append(path)
    items = []
    for parent, paths in groups.items():
        stems = {re.sub(r"\d+$", "", path.stem) for path in paths}
        if len(paths) >= LEAST_FRAMES and len(stems) == 1 and all(path.stem[-1].isdecimal() for path in paths):
            items.append(Item(tree.label(parent), tuple(paths)))
    return items


def _inspect_folder(item: Item) -> str:
    sizes = {open_picture(path).size for path in item.files}
    if len(sizes) > 1:
        raise BadItem("frames of different sizes")
    width, height = sizes.pop()
    return f"{width}x{height}"


def _read_folder(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    return _clips((squared(open_picture(path), how.size) for path in item.files[:: how.stride]), how)


def _look_at_file(item: Item) -> NDArray[np.uint8]:
    frame = next(_frames(item.files[0]), None)
    if frame is None:
        raise BadItem("no frames in it")
    return squared(frame, LOOK)


VIDEO_FILES = Layout("video-files", "Video files", "video", _find_files, _inspect_file, _read_file, _look_at_file)
FRAME_FOLDERS = Layout(
    "frames", "Folders of frames", "video", _find_folders, _inspect_folder, _read_folder, picture_look
)
