"""Training data that anyone can make again: `ddmi data make NAME`."""

from __future__ import annotations

from pathlib import Path

from ddmi_models.errors import BadInput
from ddmi_models.training.procedural.avatars import avatar_arrays
from ddmi_models.training.procedural.car_shards import car_arrays, npz_files, npz_place, srn_files, srn_place
from ddmi_models.training.procedural.furniture_shards import furniture_arrays
from ddmi_models.training.procedural.layouts import write_layout
from ddmi_models.training.procedural.real_shards import REAL_SETS, real_maker
from ddmi_models.training.procedural.shards import DataMaker, FileLayout, write_shards
from ddmi_models.training.procedural.skies import sky_arrays, sky_files, sky_place

DATA_MAKERS: dict[str, DataMaker] = {
    maker.name: maker
    for maker in (
        DataMaker("avatars", 1, 256, avatar_arrays, "Faces drawn as vector graphics, 128 px"),
        DataMaker("furniture", 1, 256, furniture_arrays, "Parametric furniture with captions and exact occupancy"),
        *map(real_maker, REAL_SETS),
        DataMaker(
            "skies",
            1,
            128,
            sky_arrays,
            "Time-lapse skies, 16 frames of 64 px",
            layouts={"skytimelapse": FileLayout(sky_place, sky_files)},
            options=("size",),
        ),
        DataMaker(
            "cars",
            1,
            32,
            car_arrays,
            "Parametric coloured cars, 24 views of 64 px and coloured surface points",
            layouts={"srn": FileLayout(srn_place, srn_files), "npz": FileLayout(npz_place, npz_files)},
            options=("size", "views"),
        ),
    )
}


def data_maker(name: str, source: Path | None = None) -> DataMaker:
    """The maker of a data set.

    Args:
        source: folder of the libraries that a set of real models is read from; None: where Debian puts them.

    Raises:
        BadInput: for an unknown name, or a source for a set that is drawn by the program.
    """
    if name not in DATA_MAKERS:
        raise BadInput(f"There is no data set {name!r}.", f"There are {', '.join(DATA_MAKERS)}.")
    if source is None:
        return DATA_MAKERS[name]
    if name not in REAL_SETS:
        raise BadInput(f"{name} is drawn by the program, from no source.", "Leave --source out.")
    return real_maker(name, source)


__all__ = ["DATA_MAKERS", "DataMaker", "data_maker", "write_layout", "write_shards"]
