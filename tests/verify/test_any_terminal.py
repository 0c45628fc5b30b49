"""Hostile text on a terminal of any encoding: spelled out, never raised and never acted on."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qevd_bio.cli.main import main
from tests.verify.damages import SAID, SAID_TEST, cell, manifest
from tests.verify.made_release import reseal

HOSTILE = "Kn\u00e9e \u03a9 \U0001f600 \u2028 \x1b[31mred\x00 \u202eback"
"""Letters that ASCII, Latin-1 or neither has, and characters that act on a terminal."""

Run = Callable[..., tuple[int, str]]


@pytest.fixture(params=["ascii", "latin-1"])
def on_terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as with ``PYTHONIOENCODING``; return its exit code and all it wrote."""

    def run(*arguments: object) -> tuple[int, str]:
        written = io.BytesIO()
        for name in ("stdout", "stderr"):
            stream = io.TextIOWrapper(written, encoding=request.param, write_through=True)
            monkeypatch.setattr(sys, name, stream)
        monkeypatch.setattr(sys, "argv", ["qevd-bio", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        text = written.getvalue().decode(request.param)
        assert not {"\x1b", "\x00", "\u202e"} & set(text)
        return int(end.value.code or 0), text

    return run


@pytest.fixture
def hostile(copy: Path) -> Path:
    """A release with a hostile sentence and a hostile name of a rule, sums made to agree."""
    for name in (SAID, SAID_TEST):
        cell(name, 1, "feedback", HOSTILE)(copy)
    manifest(lambda m: m["generator"].update({f"rule {HOSTILE}": HOSTILE}))(copy)
    reseal(copy)
    return copy


@pytest.mark.parametrize("option", [(), ("--json",)], ids=["text", "json"])
def test_verify(hostile: Path, on_terminal: Run, option: tuple[str, ...]) -> None:
    code, text = on_terminal("verify", hostile, *option)
    assert code == 4 and "red" in text
    assert not option or "Kn\u00e9e \u03a9 \U0001f600" in str(json.loads(text))


@pytest.mark.parametrize("option", [(), ("--json",)], ids=["text", "json"])
def test_compare(home: Path, hostile: Path, on_terminal: Run, option: tuple[str, ...]) -> None:
    code, text = on_terminal("compare", home / "release" / "1.0.0", hostile, *option)
    assert code in (0, 4) and "text" in text
    assert not option or json.loads(text)


def test_status(home: Path, tmp_path: Path, on_terminal: Run) -> None:
    odd = HOSTILE.replace("\x00", "").replace("\u2028", "")
    assert on_terminal("status", "--work", tmp_path / odd)[0] == 1
    work = Path(shutil.copytree(home / "work", tmp_path / odd))
    for record in work.glob("runs/*/run.json"):
        content = json.loads(record.read_text(encoding="utf-8"))
        record.write_text(json.dumps(content | {"host": HOSTILE}), encoding="utf-8")
    code, text = on_terminal("status", "--work", work)
    assert code == 0 and "kinematics" in text
