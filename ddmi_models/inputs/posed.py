"""Posed pictures of an object as the radiance field encoder's input: coloured points that all silhouettes leave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from ddmi_models.cameras import Camera
from ddmi_models.cancel import CancelToken
from ddmi_models.domains.base import Domain
from ddmi_models.domains.nerf import NerfDomain
from ddmi_models.errors import BadInput, BadItem
from ddmi_models.events import value_of
from ddmi_models.inputs.base import Comparison, Given, InputReader
from ddmi_models.inputs.coloured import points_of_array
from ddmi_models.inputs.pictures import PictureReader, load_picture, squared
from ddmi_models.inputs.surfaces import CLOUD_POINTS, SEED, check_up
from ddmi_models.planes import BasisFields
from ddmi_models.posed.carving import carve
from ddmi_models.posed.files import (
    INTRINSICS,
    POINTS,
    TRAINING_TRANSFORMS,
    TRANSFORMS,
    PosedFile,
    check_cameras,
    into_cube,
    pose_of,
    spread,
    srn_files,
    transforms_files,
)
from ddmi_models.rendering.radiance import render_radiance
from ddmi_models.rendering.rays import occupancy_grid
from ddmi_models.rendering.renderer import Decoded
from ddmi_models.requests import RadianceView

CARVED_PIXELS, MOST_VIEWS = 128, 64
"""Side of the pictures that are carved from, and how many, evenly over all."""

COMPARED_PIXELS, COMPARED_VIEWS = 64, 8
LEAST_SIDE = 0.5
"""Longest side of an object in units of its cameras below which it is enlarged, as it would be lost in the cube."""

LAYOUT = "Give a transforms.json, or a folder with one or with rgb, pose and intrinsics.txt."


@dataclass(frozen=True, eq=False)
class Shots:
    """Pictures uint8 [V, S, S, 3], poses [V, 4, 4] in units of the cube (z up), and the angle across in radians."""

    pictures: np.ndarray
    poses: np.ndarray
    angle: float


class PosedReader(InputReader[Shots]):
    """A transforms.json with its pictures, or a folder as in SRN Cars. They have z up unless told otherwise.

    Coloured points are taken from a pointcloud.npz beside them, else carved: the background has to be white or clear.
    """

    takes = "posed pictures"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    takes_folders = True

    def check(self, path: Path) -> None:
        super().check(path)
        self.files(path)

    def files(self, path: Path) -> tuple[Path, ...]:
        table, found = _found(path)
        poses = [pose_of(each.path) for each in found] if table.name == INTRINSICS else []
        return (table, *(each.path for each in found), *poses, *_points_beside(table))

    def read(self, path: Path, domain: Domain, up: str | None, token: CancelToken) -> Given[Shots]:
        check_up(up or "z")
        table, found = _found(path)
        rng = np.random.default_rng(SEED)
        chosen = spread(found, min(len(found), MOST_VIEWS))
        poses = np.stack([each.pose for each in chosen])
        try:
            pictures, angles = _squares(chosen, token)
            check_cameras(poses, angles)
            beside = [np.concatenate(points_of_array(points), axis=1) for points in _points_beside(table)]
            points = beside[0] if beside else carve(pictures, poses, float(angles[0]), rng, CLOUD_POINTS, token.check)
            points, poses = into_cube(points, poses, LEAST_SIDE)
        except BadItem as error:
            raise BadInput(f"{_name(path)} cannot be used: {error}.") from None
        if up == "y":
            points, poses = _stood_up(points, poses)
        cloud = rng.permutation(points)[np.resize(np.arange(len(points)), CLOUD_POINTS)].astype(np.float32)
        return Given({"cloud": torch.from_numpy(cloud)[None]}, Shots(pictures, poses, float(angles[0])))

    def compare(self, given: Given[Shots], domain: Domain, fields: BasisFields, token: CancelToken) -> Comparison:
        assert isinstance(domain, NerfDomain)
        shots, decoded = given.reference, Decoded(domain, fields)
        grid = occupancy_grid(domain, fields, token)
        errors = []
        looks = spread(range(len(shots.poses)), min(len(shots.poses), COMPARED_VIEWS))
        for index in looks:
            camera = Camera.at(_in_world(shots.poses, domain)[index], shots.angle)
            view = RadianceView(COMPARED_PIXELS, COMPARED_PIXELS, camera)
            made = value_of(render_radiance(decoded, view, grid, token)).pixels
            errors.append(np.square(made.astype(float) - _halved(shots.pictures[index])).mean())
        psnr = float(-10 * np.log10(max(np.mean(errors) / 255**2, 1e-10)))
        return Comparison({"psnr": psnr}, f"PSNR {psnr:.1f} dB over {len(looks)} of the given views")


def _name(path: Path) -> str:
    return path.name or str(path)


def _found(path: Path) -> tuple[Path, list[PosedFile]]:
    """The file that holds or heads the cameras, and the posed pictures.

    Raises:
        BadInput: where there are none.
    """
    table = path
    if path.is_dir():
        names = (TRANSFORMS, TRAINING_TRANSFORMS, INTRINSICS)
        present = [path / name for name in names if (path / name).is_file()]
        if not present:
            raise BadInput(_why_not(path), LAYOUT)
        table = present[0]
    try:
        if table.name != INTRINSICS:
            return table, transforms_files(table)
        pictures = sorted(each for each in (path / "rgb").glob("*") if each.suffix.lower() in PictureReader.suffixes)
        if not pictures:
            raise BadItem("there are no pictures in rgb")
        return table, srn_files(table, pictures)
    except BadItem as error:
        raise BadInput(f"{_name(path)} cannot be used: {error}.", LAYOUT) from None


def _why_not(folder: Path) -> str:
    if not any(folder.iterdir()):
        return f"The folder {folder} is empty."
    return f"The folder {folder} holds no camera poses."


def _points_beside(table: Path) -> list[Path]:
    """The file of coloured points, if there is one."""
    return [table.parent / name for name in POINTS if (table.parent / name).is_file()][:1]


def _squares(files: list[PosedFile], token: CancelToken) -> tuple[np.ndarray, np.ndarray]:
    """Squares uint8 [V, S, S, 3] around the pictures' principal points, and the angles [V] across them.

    Raises:
        BadInput: a picture is missing or damaged. BadItem: for a lens that cannot be used.
    """
    squares, angles = [], []
    for each in files:
        token.check()
        if not each.path.is_file():
            raise BadInput(
                f"The picture {each.path} is missing.", "Its pose is given; put it back or take the pose out."
            )
        picture = load_picture(each.path)
        window, angle = each.lens.window(*picture.size)
        squares.append(np.asarray(squared(picture, CARVED_PIXELS, window)))
        angles.append(angle)
    return np.stack(squares), np.array(angles)


def _stood_up(points: np.ndarray, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coloured points and poses with y up, turned so that z is."""
    turn = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    turned = poses.copy()
    turned[:, :3] = turn @ poses[:, :3]
    return np.concatenate([points[:, :3] @ turn.T, points[:, 3:]], axis=1), turned


def _in_world(poses: np.ndarray, domain: NerfDomain) -> np.ndarray:
    """Poses of the cube in a model's world. That of published models is known by their cameras' distance alone."""
    scale = domain.cube_scale
    if domain.radiance.background == "last_sample":
        scale = domain.radiance.camera_distance / float(np.linalg.norm(poses[:, :3, 3], axis=1).mean())
    moved = poses.copy()
    moved[:, :3, 3] *= scale
    return moved


def _halved(picture: np.ndarray) -> np.ndarray:
    """A picture at the size of comparison, averaged."""
    side = CARVED_PIXELS // COMPARED_PIXELS
    return picture.reshape(COMPARED_PIXELS, side, COMPARED_PIXELS, side, 3).astype(float).mean(axis=(1, 3))
