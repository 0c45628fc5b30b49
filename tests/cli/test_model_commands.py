"""model import, make, show at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qevd_bio.cli.main import app

GOLDEN = Path(__file__).parents[1] / "golden" / "streamvlm"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        app(args=["model", *map(str, arguments)])
    printed = capsys.readouterr()
    return int(done.value.code or 0), printed.out, printed.err


def test_import_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "coach"
    code, said, _ = run(capsys, "import", GOLDEN, "--config", GOLDEN / "config.json", "--out", out)
    assert code == 0 and "<vision> = 420, <answer> = 421, <answer/> = 422" in said
    code, said, _ = run(capsys, "show", out, "--json")
    assert code == 0 and json.loads(said)["layers"] == [1, 3, 4]
    (out / "fusion.safetensors").write_bytes(b"")
    (out / "language.safetensors").write_bytes((out / "language.safetensors").read_bytes()[:-9])
    code, said, problem = run(capsys, "show", out)
    assert code == 1 and said == "" and "cut short" in problem


def test_a_wrong_list_of_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, problem = run(capsys, "make", tmp_path, "--out", tmp_path / "x", "--layers", "2;4")
    assert code == 2 and "Give it as 2,4,6" in problem
