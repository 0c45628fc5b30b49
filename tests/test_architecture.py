"""Lower floors never import higher ones, there are no import cycles, backends are independent."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.import_graph import (
    IMPORTS,
    PACKAGE,
    PAGE,
    SOURCES,
    circle,
    room_imports,
    room_lines,
    with_table,
)

FLOORS: Mapping[int, tuple[str, ...]] = {
    0: ("errors", "choices", "frame_progress", "assets", "arrays", "skeleton", "files"),
    1: ("motion", "muscles", "body", "tables", "weights", "llm"),
    2: ("engine", "exercises", "qevd", "capture"),
    3: ("feedback", "facts", "features", "verdicts"),
    4: ("stages", "pipeline"),
    5: (
        "released",
        "release",
        "verify",
        "audit",
        "views",
        "model",
        "generator",
        "training",
        "evaluation",
        "ablation",
        "annotate",
        "synthetic",
        "demo",
        "environment",
    ),
    6: ("review", "coach"),
    7: ("cli",),
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
ENTRY_POINTS = {"__init__", "__main__"}
BACKENDS = sorted(path.parent.name for path in PACKAGE.glob("capture/*/backend.py"))
MOST_LINES, MOST_LINES_OF_A_PART = 4500, 3000
ROOMS_OF_PARTS = frozenset({"capture"})


def test_a_circle_is_found_where_there_is_one() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_every_room_has_a_floor() -> None:
    rooms = {name.split(".")[0] for name in SOURCES} - ENTRY_POINTS
    assert rooms == set(FLOOR)


def test_imports_only_from_the_same_floor_or_below() -> None:
    above = [
        f"{name} is on floor {floor} and imports {one}"
        for name in sorted(set(SOURCES) - ENTRY_POINTS)
        for floor in (FLOOR[name.split(".")[0]],)
        for one in sorted(IMPORTS[name])
        if FLOOR.get(one.split(".")[0], 0) > floor
    ]
    assert above == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle(IMPORTS) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert circle(room_imports(parts=False)) == []


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


def test_rooms_stay_small_enough_to_know() -> None:
    rooms: dict[str, int] = {}
    for part, lines in room_lines().items():
        rooms[part.split("/")[0]] = rooms.get(part.split("/")[0], 0) + lines
        if part.split("/")[0] in ROOMS_OF_PARTS:
            assert lines < MOST_LINES_OF_A_PART, part
    large = {room for room, lines in rooms.items() if lines > MOST_LINES} - ROOMS_OF_PARTS
    assert not large, f"{sorted(large)}: each is perhaps two rooms"


def test_the_page_shows_the_rooms_and_imports_of_today() -> None:
    def shown(page: str) -> list[str]:
        # Numbers of lines may lag behind by a commit; what imports what may not.
        return re.findall(r"^\| (`\S+`) \| [\d,]+ \| (.*) \|$", page, re.MULTILINE)

    page = PAGE.read_text(encoding="utf-8")
    assert shown(page) == shown(with_table(page)), "run python tools/import_graph.py --write"


def test_the_answers_of_the_page_name_files_that_exist() -> None:
    answers = (
        PAGE.read_text(encoding="utf-8").partition("## Where to look")[2].partition("\n## ")[0]
    )
    names = re.findall(r"`([a-z_/]+\.(?:py|json))`", answers)
    assert len(names) >= 5
    for name in names:
        assert (PACKAGE / name).exists() or (PACKAGE.parent / name).exists(), name


MOST_LINES_OF_A_FUNCTION, MOST_PARAMETERS, MOST_LINES_OF_A_FILE = 60, 8, 410


def functions_of(source: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def lines_of(function: ast.FunctionDef) -> int:
    text = ast.get_docstring(function, clean=False)
    own = (function.end_lineno or function.lineno) - function.lineno + 1
    return own - (text.count("\n") + 1 if text else 0)


def test_no_function_does_more_than_one_thing() -> None:
    large = []
    for name, path in SOURCES.items():
        for function in functions_of(path):
            parameters = len(function.args.args) + len(function.args.kwonlyargs)
            # Each parameter of a command is an option that a user sees.
            many = parameters > MOST_PARAMETERS and not name.startswith("cli.")
            if lines_of(function) > MOST_LINES_OF_A_FUNCTION or many:
                large.append(f"{name}.{function.name}")
    assert large == []


def test_no_file_holds_two_subjects() -> None:
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in SOURCES.items()}
    assert {name for name, count in lines.items() if count > MOST_LINES_OF_A_FILE} == set()


def test_no_zip_drops_what_has_no_partner() -> None:
    """Pairs that end early say so by `pairwise` or `islice`; else a shorter side is a mistake."""
    loose = [
        f"{name}:{call.lineno}"
        for name, path in SOURCES.items()
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and any(
            word.arg == "strict" and not getattr(word.value, "value", True)
            for word in call.keywords
        )
    ]
    assert loose == []
