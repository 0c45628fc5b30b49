"""Lower floors never import higher ones."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "qevd_bio"
FLOOR = {
    "errors": 0,
    "assets": 0,
    "skeleton": 0,
    "files": 0,
    "motion": 1,
    "body": 1,
    "tables": 1,
    "exercises": 2,
    "qevd": 2,
    "capture": 2,
    "weights": 2,
    "engine": 2,
    "feedback": 3,
    "stages": 4,
    "dataset": 5,
    "synthetic": 5,
    "environment": 5,
    "cli": 6,
}


def imported_rooms(source: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "qevd_bio" else []
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "qevd_bio" and len(parts) > 1 and parts[1] in FLOOR:
                rooms.add(parts[1])
    return rooms


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_only_from_the_same_floor_or_below(source: Path) -> None:
    floor = FLOOR[source.relative_to(PACKAGE).parts[0]]
    above = {room for room in imported_rooms(source) if FLOOR[room] > floor}
    assert not above, f"{source} is on floor {floor} and imports {sorted(above)}"


def test_motion_imports_only_numpy_and_scipy() -> None:
    allowed = {"__future__", "numpy", "scipy", "qevd_bio"}
    import sys

    for source in sorted((PACKAGE / "motion").glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                tops = {node.module.split(".")[0]}
            elif isinstance(node, ast.Import):
                tops = {alias.name.split(".")[0] for alias in node.names}
            else:
                continue
            strange = tops - allowed - set(sys.stdlib_module_names)
            assert not strange, f"{source.name} imports {sorted(strange)}"
            assert "logging" not in tops and "pathlib" not in tops, source.name
