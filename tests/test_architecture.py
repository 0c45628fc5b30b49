"""Lower floors never import higher ones, rooms and files form no circle, backends stand alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "qevd_bio"
FLOORS: Mapping[int, tuple[str, ...]] = {
    0: ("errors", "assets", "arrays", "skeleton", "files"),
    1: ("motion", "body", "tables", "weights"),
    2: ("engine", "exercises", "qevd", "capture"),
    3: ("feedback",),
    4: ("stages", "pipeline"),
    5: ("release", "verify", "audit", "views", "model", "synthetic", "demo", "environment"),
    7: ("cli",),
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
ENTRY_POINTS = {"__init__", "__main__"}
BACKENDS = ("monocular", "hsmr", "recorded")


def module_name(source: Path) -> str:
    parts = source.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_modules(source: Path) -> set[str]:
    """Name the modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        inside = [name.removeprefix("qevd_bio.") for name in names if name.startswith("qevd_bio.")]
        modules = {name for name in inside if name in SOURCES}
        # `from room import file` names the file, not the room's __init__.
        rooms = {name for name in modules if SOURCES[name].name == "__init__.py"}
        found |= modules - (rooms if modules - rooms else set())
    return found


IMPORTS = {name: imported_modules(path) for name, path in SOURCES.items()}


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Find one circle of a graph; empty where there is none."""
    done: set[str] = set()

    def follow(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return [*trail[trail.index(node) :], node]
        if node in done:
            return []
        for after in sorted(graph.get(node, ())):
            if found := follow(after, [*trail, node]):
                return found
        done.add(node)
        return []

    for start in sorted(graph):
        if found := follow(start, []):
            return found
    return []


def rooms_graph(depth: int = 1) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for name, imports in IMPORTS.items():
        room = ".".join(name.split(".")[:depth])
        others = {".".join(one.split(".")[:depth]) for one in imports}
        graph.setdefault(room, set()).update(others - {room})
    return graph


def test_a_circle_is_found_where_there_is_one() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_every_room_has_a_floor() -> None:
    rooms = {name.split(".")[0] for name in SOURCES} - ENTRY_POINTS
    assert rooms == set(FLOOR)


@pytest.mark.parametrize("name", sorted(set(SOURCES) - ENTRY_POINTS))
def test_imports_only_from_the_same_floor_or_below(name: str) -> None:
    floor = FLOOR[name.split(".")[0]]
    above = {one for one in IMPORTS[name] if FLOOR.get(one.split(".")[0], 0) > floor}
    assert not above, f"{name} is on floor {floor} and imports {sorted(above)}"


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle(IMPORTS) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert circle(rooms_graph()) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_imports_no_other(backend: str) -> None:
    home = f"capture.{backend}."
    others = tuple(f"capture.{one}." for one in BACKENDS if one != backend)
    for name, imports in IMPORTS.items():
        if name.startswith(home):
            strange = {one for one in imports if one.startswith(others)}
            assert not strange, f"{name} imports {sorted(strange)}"


def test_motion_imports_only_numpy_and_scipy() -> None:
    allowed = {"__future__", "numpy", "scipy", "qevd_bio"}
    for source in sorted((PACKAGE / "motion").rglob("*.py")):
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
