"""The console script: speed, exit codes, one-line errors, pure JSON on stdout."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qevd_bio import __version__
from qevd_bio.cli.main import app
from tests.cli.calling import Done, data_root_with, qevd_bio

SCRIPT = [sys.executable, "-c", "from qevd_bio.cli.main import main; main()"]
COMMANDS = (
    "demo",
    "doctor",
    "plan",
    "run",
    "publish",
    "diff",
    "plot",
    "overlay",
    "export",
    "synth",
)


def process(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Start the console script as a shell does; the other tests spare the second that it takes."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QEVD_BIO")}
    return subprocess.run(
        [*SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment,
        timeout=120,
    )


def test_help_lists_the_commands() -> None:
    done = process("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert command in done.stdout


def test_help_is_quick_and_does_not_import_torch() -> None:
    code = (
        "import sys; sys.argv = ['qevd-bio', '--help']\n"
        "from qevd_bio.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'pyarrow', 'mediapipe', 'av', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    # Processor time beyond what starting Python costs: the load of the machine does not count.
    bare, seconds = (min(cpu_s(one) for _ in range(3)) for one in ("pass", code))
    assert seconds - bare < 0.3


def cpu_s(code: str) -> float:
    """Run Python code that must import no large package, and measure its processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stderr.strip() in ("", "[]")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_version() -> None:
    assert qevd_bio("--version").stdout.strip() == __version__


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "--json" in done.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("no-such-command",), 2, "no-such-command"),
        (("run",), 2, "--data-root"),
        (("run", "--data-root", "absent"), 1, "absent"),
        (("run", "--data-root", ".", "--policy", "guess"), 2, "guess"),
        (("publish", "--work", "absent"), 1, "qevd-bio run"),
        (("diff", "--work", "absent"), 1, "qevd-bio run"),
        (("plot", "0001", "--work", "absent"), 1, "qevd-bio run"),
        (("synth", "out", "--view", "above"), 2, "floor_side"),
        (("run", "--data-root", "absent", "--backend", "recorded"), 2, "--recorded-root"),
        (("overlay", "0001", "--work", "absent"), 1, "qevd-bio run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_errors_are_one_line_with_a_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    check_error(qevd_bio(*arguments, cwd=tmp_path), code, words)


def check_error(done: Done | subprocess.CompletedProcess[str], code: int, words: str) -> None:
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    if code == 1:
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_process_ends_with_the_code_and_one_line(tmp_path: Path) -> None:
    check_error(process("run", cwd=tmp_path), 2, "--data-root")
    check_error(process("publish", "--work", "absent", cwd=tmp_path), 1, "qevd-bio run")


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = process("publish", "--work", "absent", "--debug", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_doctor_prints_a_line_a_check(tmp_path: Path) -> None:
    done = qevd_bio("doctor", "--json", cwd=tmp_path)
    checks = json.loads(done.stdout)
    by_name = {check["name"]: check for check in checks}
    assert by_name["numpy"]["state"] == "ok"
    assert by_name["exercise rules"]["state"] == "ok"
    failing = [check for check in checks if check["state"] == "fail"]
    assert done.returncode == (1 if failing else 0)
    assert all(check["fix"] for check in failing)
    assert not list(tmp_path.iterdir())


def test_issues_of_the_source_are_reported(tmp_path: Path) -> None:
    root = data_root_with(tmp_path, [1.69e9, 1.7e9])
    done = qevd_bio("plan", "--data-root", str(root), "--work", "work", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["source_issues"]
    assert "source issue: 0300" in done.stderr


def test_a_wrong_annotation_of_salient_joints_is_named(tmp_path: Path) -> None:
    root = data_root_with(tmp_path, [1.69e9])
    (tmp_path / "salient.json").write_text('{"0300": {"0": ["head"]}}', encoding="utf-8")
    given = ("--salient-joints", "salient.json")
    done = qevd_bio("plan", "--data-root", str(root), *given, cwd=tmp_path)
    assert done.returncode == 1
    assert "salient.json: 0300.0" in done.stderr and "0 segments" in done.stderr


def test_stats_of_nothing_names_the_next_step(tmp_path: Path) -> None:
    for arguments in (("stats", "absent"), ("stats", "--work", "absent")):
        done = qevd_bio(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert "Give a release or a work folder" in done.stderr


def test_the_source_is_never_written_to(tmp_path: Path) -> None:
    root = data_root_with(tmp_path, [1.69e9])
    done = qevd_bio("run", "--data-root", str(root), "--work", str(root / "w"), cwd=tmp_path)
    assert done.returncode == 2
    assert "only read" in done.stderr
    assert sorted(path.name for path in root.iterdir()) == ["QEVD-FIT-COACH"]


def test_a_file_in_the_place_of_the_work_folder_is_a_known_failure(tmp_path: Path) -> None:
    root = data_root_with(tmp_path, [1.69e9])
    (tmp_path / "work").write_text("", encoding="utf-8")
    done = qevd_bio("run", "--data-root", str(root), "--work", "work", cwd=tmp_path)
    assert done.returncode == 1
    assert "not a known failure" not in done.stderr
    assert "work" in done.stderr.splitlines()[-1]


def test_control_characters_do_not_reach_the_terminal() -> None:
    from qevd_bio.cli.output import table

    text = table(("a", "b"), [("x\x1b[31m", "line\nbreak\a")])
    assert "\x1b" not in text and "\a" not in text
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run --data-root Q --backend hsrm", "'recorded'. Did you mean 'hsmr'?"),
        ("submit --parts 2 --time-h 1 -- --data-root Q --backend hsrm", "Did you mean 'hsmr'?"),
        ("run --data-root Q --backend kinect", "'recorded'"),
        ("synth out --view sid", "there is no 'sid'. Did you mean 'side'?"),
        ("synth out --build mann", "there is no 'mann'. Did you mean 'man'?"),
        ("synth out --form-error shalow", "form error 'shalow'. Did you mean 'too_shallow'?"),
        ("synth out --form-error x", "Use one of: too_shallow (55 %"),
    ],
)
def test_the_most_similar_choice_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2
    assert words in done.stderr
