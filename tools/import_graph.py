"""Which file of the package imports which, and the table of rooms in docs/architecture.md.

Usage: ``python tools/import_graph.py`` prints the table; ``--write`` puts it into the page.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "qevd_bio"
PAGE = ROOT / "docs" / "architecture.md"
START, END = "<!-- rooms: python tools/import_graph.py --write -->", "<!-- end of rooms -->"

Graph = Mapping[str, set[str]]


def module_name(source: Path) -> str:
    """Name a file as its importers do, without the package's name."""
    parts = source.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_modules(source: Path) -> set[str]:
    """Name the modules of the package that a file imports, anywhere in it."""
    found: set[str] = set()
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


IMPORTS: Graph = {name: imported_modules(path) for name, path in SOURCES.items()}


def circle(graph: Graph) -> list[str]:
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


def room_of(name: str) -> str:
    """Name the room of a module; the parts of `capture` and `engine` count as rooms, too."""
    parts = name.split(".")
    folders = parts if SOURCES[name].name == "__init__.py" else parts[:-1]
    return "/".join(folders[:2]) if folders else name


def room_lines() -> dict[str, int]:
    """Count the lines of every room, without those of its parts."""
    lines: dict[str, int] = {}
    for name, path in SOURCES.items():
        count = len(path.read_text(encoding="utf-8").splitlines())
        lines[room_of(name)] = lines.get(room_of(name), 0) + count
    return lines


def room_imports(*, parts: bool) -> dict[str, set[str]]:
    """Name the rooms that every room imports, with or without separating its parts."""
    graph: dict[str, set[str]] = {}
    for name, imports in IMPORTS.items():
        room, others = room_of(name), {room_of(one) for one in imports}
        if not parts:
            room, others = room.split("/")[0], {one.split("/")[0] for one in others}
        graph.setdefault(room, set()).update(others - {room})
    return graph


def table() -> str:
    """Write the table of rooms, lines and imports."""
    imports = room_imports(parts=True)
    total = sum(room_lines().values())
    rows = [
        f"The package has {total:,} lines.",
        "",
        "| room | lines | imports |",
        "|---|---:|---|",
    ]
    for room, lines in sorted(room_lines().items()):
        named = ", ".join(f"`{one}`" for one in sorted(imports[room])) or "nothing"
        rows.append(f"| `{room}` | {lines:,} | {named} |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    """Replace the table of a page by the one of today."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table())
