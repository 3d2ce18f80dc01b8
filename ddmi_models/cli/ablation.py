"""`ddmi train --preset ablation`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ddmi_models.cli.session import Session, put_json, usage_error

PRESET = "ablation"


def ablate(
    data: Path | None,
    settings: list[str] | None,
    run: Path | None,
    device: str | None,
    as_json: bool,
    refused: bool,
) -> None:
    """Train the variants, or go on with them, and print the table. `refused`: options were given that it does not
    take."""
    from ddmi_models.requests import Ablate
    from ddmi_models.training.ablation.config import STAGES, ablation_config
    from ddmi_models.training.runs import runs_dir

    if refused:
        usage_error("An ablation takes --data, --set, --run, --device and --json only.")
    overrides = [*(settings or ()), *([f"data.train={data}"] if data is not None else [])]
    overrides += [f"{stage}.device={device}" for stage in STAGES if device is not None]
    config = ablation_config(overrides)
    table = Session("cpu").ask(Ablate(config.model_dump(mode="json"), run or runs_dir() / PRESET))
    if as_json:
        put_json(table)
    else:
        print("\n".join(_lines(table)))


def _lines(table: dict[str, Any]) -> list[str]:
    """The table in Markdown, and in which order each figure puts the variants."""
    columns = list(table["rows"][0])
    rows = [[_text(row[column]) for column in columns] for row in table["rows"]]
    lines = [_row(columns), _row(["---"] * len(columns)), *map(_row, rows), ""]
    for figure, order in table["best last"].items():
        agrees = "as expected" if order == table["expected"] else "not as expected"
        lines.append(f"{figure}: {' < '.join(order)} ({agrees})")
    return lines


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
