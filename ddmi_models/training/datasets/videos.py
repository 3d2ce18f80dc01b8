"""Video files, and folders of numbered frames: clips of a fixed number of frames."""

from __future__ import annotations

import re
from collections import defaultdict, deque
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


def _frames(path: Path, stride: int = 1) -> Iterator[Image | None]:
    """The frames of a video file one after another; None for those that the stride leaves out.

    Raises:
        BadItem: it is no video, or damaged.
    """
    import av

    try:
        with av.open(str(path)) as film:
            if not film.streams.video:
                raise BadItem("no pictures in it")
            film.streams.video[0].thread_type = "NONE"  # frames in parallel come from several files, not from one
            for index, frame in enumerate(film.decode(video=0)):
                yield frame.to_image() if index % stride == 0 else None
    except (av.FFmpegError, OSError, ValueError):
        raise BadItem("damaged or no video") from None


def _taken_of_file(item: Item, how: Preparation) -> Iterator[Image]:
    """The frames of a film that clips are made of, and those after them that say whether it is longer.

    Raises:
        BadItem: as `_frames`; it is too short for a clip.
    """
    count = 0
    for count, frame in enumerate(_frames(item.files[0], how.stride), start=1):
        if frame is not None:
            yield frame
        if count == _most_frames(how):
            return
    _check_length(count, how)


def _most_frames(how: Preparation) -> int:
    """Frames of a film that are looked at: those of all clips, and of one more."""
    return (MOST_CLIPS + 1) * how.frames * how.stride


def _check_length(frames: int, how: Preparation) -> None:
    """Raises: BadItem, where so many frames make no clip."""
    wanted = (how.frames - 1) * how.stride + 1
    if frames < wanted:
        stride = f" ({how.frames} at stride {how.stride})" if how.stride > 1 else ""
        raise BadItem(f"too short: {frames} frames, {wanted} wanted{stride}")


def _inspect_file(item: Item, how: Preparation) -> tuple[str, list[str]]:
    return _size(_taken_of_file(item, how)), []


def _size(frames: Iterator[Image]) -> str:
    """Of the last of some frames, at least one."""
    width, height = deque((frame.size for frame in frames), maxlen=1)[0]
    return f"{width}x{height}"


def _read_file(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    return _clips(_taken_of_file(item, how), how)


def _clips(frames: Iterator[Image], how: Preparation) -> tuple[Rows, list[str]]:
    """Clips one after another, without overlap, from frames for at least one; what is left at the end is dropped."""
    clips: list[NDArray[np.uint8]] = []
    current: list[NDArray[np.uint8]] = []
    for frame in frames:
        current.append(squared(frame, how.size))
        if len(current) == how.frames:
            if len(clips) == MOST_CLIPS:
                return {"frames": np.stack(clips)}, [f"only its first {MOST_CLIPS} clips are used"]
            clips.append(np.stack(current))
            current = []
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


def _taken_of_folder(item: Item, how: Preparation) -> Iterator[Image]:
    """As `_taken_of_file`, of a folder of frames.

    Raises:
        BadItem: it is too short for a clip; a frame is damaged, or of another size than the first.
    """
    _check_length(len(item.files), how)
    size: tuple[int, int] | None = None
    for path in item.files[: _most_frames(how) : how.stride]:
        frame = open_picture(path)
        if size not in (None, frame.size):
            raise BadItem("frames of different sizes")
        size = frame.size
        yield frame


def _inspect_folder(item: Item, how: Preparation) -> tuple[str, list[str]]:
    return _size(_taken_of_folder(item, how)), []


def _read_folder(item: Item, how: Preparation) -> tuple[Rows, list[str]]:
    return _clips(_taken_of_folder(item, how), how)


def _look_at_file(item: Item) -> NDArray[np.uint8]:
    frame = next(_frames(item.files[0]), None)
    if frame is None:
        raise BadItem("no frames in it")
    return squared(frame, LOOK)


VIDEO_FILES = Layout("video-files", "Video files", "video", _find_files, _inspect_file, _read_file, _look_at_file)
FRAME_FOLDERS = Layout(
    "frames", "Folders of frames", "video", _find_folders, _inspect_folder, _read_folder, picture_look
)
