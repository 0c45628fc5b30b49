"""Help pages in groups, `-h`, completion in the shell, and "did you mean"."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
import typer

from qevd_bio.cli.main import GROUPS, app
from tests.cli.calling import data_root_with, qevd_bio

COMMAND = typer.main.get_command(app)


def sections(text: str) -> dict[str, str]:
    """Divide a help page into the text below each title."""
    parts = re.split(r"^(\w[\w ]*):\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def asked_by_bash(*words: str) -> dict[str, str]:
    """The environment in which bash asks for completions of the last word."""
    return {
        **os.environ,
        "_QEVD_BIO_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("qevd-bio", *words)),
        "COMP_CWORD": str(len(words)),
    }


def completions(*words: str) -> list[str]:
    """Ask as bash does, in this process."""
    out = io.StringIO()
    with (
        patch.dict(os.environ, asked_by_bash(*words)),
        contextlib.redirect_stdout(out),
        pytest.raises(SystemExit),
    ):
        app(prog_name="qevd-bio", args=[])
    return out.getvalue().split()


def test_commands_are_listed_by_task() -> None:
    shown = sections(qevd_bio("-h").stdout)
    for title, commands in GROUPS.items():
        listed = re.findall(r"^  (\S+)", shown[title], flags=re.MULTILINE)
        assert listed[: len(commands)] == [one.__name__ for one in commands]
    assert "archive" in shown["Maintain"] and "weights" in shown["Rules and weights"]
    assert "Commands" not in shown, "no command is without a group"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_takes_both_ways_to_ask_for_help(option: str) -> None:
    for name, command in COMMAND.commands.items():
        for path in [(name, inner) for inner in getattr(command, "commands", {})] or [(name,)]:
            done = qevd_bio(*path, option)
            assert done.returncode == 0 and "Usage:" in done.stdout, path
            assert "--json" in done.stdout, path


def test_options_of_hsmr_have_a_section_of_their_own() -> None:
    shown = sections(qevd_bio("run", "-h").stdout)
    assert list(shown) == [
        "Options",
        "Sentences",
        "Capture",
        "HSMR",
        "Features",
        "Body",
        "Muscles",
        "Execution",
    ]
    listed = re.findall(r"^  (--\S+)", shown["HSMR"], flags=re.MULTILINE)
    assert listed == [
        "--detector",
        "--device",
        "--precision",
        "--batch-size",
        "--flip-every",
        "--detect-every",
        "--compile",
    ]


def test_help_is_grouped_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "rich", None)
    assert "Maintain" in sections(qevd_bio("-h").stdout)


def test_every_command_on_a_work_folder_has_the_same_option() -> None:
    for commands in GROUPS.values():
        for one in commands:
            found = [p for p in COMMAND.commands[one.__name__].params if p.name == "work"]
            for option in found:
                assert option.opts == ["--work"] and option.envvar == "QEVD_BIO_WORK"
            if one.__name__ not in ("demo", "coach", "synth", "submit", "compare", "ablate"):
                assert found, one.__name__


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("run", "--backend", ""), ["mediapipe", "hsmr", "recorded"]),
        (("plan", "--policy", "p"), ["paper"]),
        (("run", "--device", ""), ["cuda", "cpu"]),
        (("run", "--precision", "b"), ["bf16"]),
        (("run", "--on", "r"), ["ray"]),
        (("export", "0001", "--to", ""), ["mot", "rrd"]),
        (("rules", "show", "squat"), ["squat", "squat_jumps", "squat_kicks"]),
        (("retry", "--stage", "cy"), ["cycles"]),
        (("synth", "out", "--view", "s"), ["side"]),
    ],
    ids=" ".join,
)
def test_choices_complete_in_the_shell(words: tuple[str, ...], expected: list[str]) -> None:
    assert completions(*words) == expected


def test_a_new_process_completes() -> None:
    code = "from qevd_bio.cli.main import app; app(prog_name='qevd-bio')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=asked_by_bash("run", "--on", "r"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["ray"]


def test_rules_of_the_user_complete_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("myr", "given"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"squat_{folder}.json").touch()
    (tmp_path / "qevd-bio.toml").write_text('rules = "myr"')
    monkeypatch.chdir(tmp_path)
    assert completions("rules", "show", "squat_m") == ["squat_myr"]
    assert completions("rules", "show", "--rules", "given", "squat_g") == ["squat_given"]


def test_a_broken_settings_file_does_not_disturb_completion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "qevd-bio.toml").write_text("nonsense")
    monkeypatch.chdir(tmp_path)
    assert completions("run", "--on", "r") == ["ray"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rnu",), "Did you mean 'run'?"),
        (("archive", "exprot"), "Did you mean 'export'?"),
        (("run", "--workrs", "2"), "--workers"),
        (("rules", "show", "sqat"), "Did you mean 'squat'?"),
        (("retry", "--stage", "cycle"), "Did you mean 'cycles'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_mistyped_name_is_answered_with_the_one_that_exists(
    walk_once: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = qevd_bio(*arguments, cwd=walk_once)
    assert done.returncode == 2
    assert words in done.stderr


@pytest.fixture(scope="module")
def walk_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run without its video."""
    home = tmp_path_factory.mktemp("help")
    root = data_root_with(home, [1.69e9])
    assert qevd_bio("run", "--data-root", str(root), "--workers", "0", cwd=home).returncode == 3
    return home
