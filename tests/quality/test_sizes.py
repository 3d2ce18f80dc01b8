"""Functions and modules stay short: about 40 lines, about 400 lines."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUNCTION_LINES = 50
MODULE_LINES = 450


def sources() -> list[Path]:
    return [path for package in ("ddmi_models", "ddmi_studio", "packaging") for path in (ROOT / package).rglob("*.py")]


def test_functions_are_short() -> None:
    long = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{path.relative_to(ROOT)}: {node.name} has {lines} lines")
    assert sources() and not long, "\n".join(long)


def test_modules_are_short() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    long = [f"{path} has {lines} lines" for path, lines in lengths.items() if lines > MODULE_LINES]
    assert lengths and not long, "\n".join(long)
