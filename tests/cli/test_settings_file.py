"""qevd-bio.toml: every option of `run`, below the command line, checked by line."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from qevd_bio.pipeline.settings import GROUP_OF, HELP, Settings
from qevd_bio.pipeline.settings_file import TABLES, read_settings
from tests.cli.calling import Done, data_root_with, qevd_bio

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with source data and no video."""
    data_root_with(tmp_path, [1.69e9])
    return tmp_path


def config_of_run(home: Path, work: str = "work") -> dict:
    return json.loads((home / work / "work.json").read_text())


def run(home: Path, *options: str) -> Done:
    return qevd_bio("run", *options, "--json", cwd=home)


def test_the_file_answers_and_the_command_line_wins(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "qevd-bio.toml").write_text(
        'data_root = "QEVD"\nwork = "W"\npolicy = "paper"\n'
        "[sentences]\nvariants = true\n[execution]\nworkers = 0\nunit_timeout_s = 60\n"
    )
    assert run(home).returncode == 3
    written = config_of_run(home, "W")
    assert (written["policy"], written["variants"]) == ("paper", True)
    (record,) = (home / "W" / "runs").glob("*/run.json")
    assert json.loads(record.read_text())["execution"]["limits"]["unit_s"] == 60.0
    assert run(home, "--policy", "evidence", "--no-variants").returncode == 3
    written = config_of_run(home, "W")
    assert (written["policy"], written["variants"]) == ("evidence", False)
    monkeypatch.setenv("QEVD_BIO_WORK", "E")
    assert run(home).returncode == 3, "the environment comes before the file"
    assert config_of_run(home, "E")["policy"] == "paper"


def test_every_command_finds_the_work_folder_of_the_file(home: Path) -> None:
    (home / "qevd-bio.toml").write_text('data_root = "QEVD"\nwork = "W"\nworkers = 0\n')
    assert run(home).returncode == 3
    assert json.loads(qevd_bio("status", "--json", cwd=home).stdout)["runs"]
    assert qevd_bio("status", "--work", "other", cwd=home).returncode == 1


def test_paths_start_from_the_folder_of_the_file(home: Path) -> None:
    (home / "sub").mkdir()
    (home / "sub" / "mine.toml").write_text('data_root = "../QEVD"\nwork = "W"\nworkers = 0\n')
    assert run(home, "--config", "sub/mine.toml").returncode == 3
    written = config_of_run(home, "sub/W")
    assert Path(written["data_root"]).resolve() == home / "QEVD"


def test_a_path_of_the_file_can_start_from_the_users_home(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home / "me"))
    (home / "mine.toml").write_text('work = "~/W"\ndetector = "~/D"\nweights = "w~"\n')
    found = read_settings(home / "mine.toml")
    assert found["work"] == home / "me" / "W"
    assert found["detector"] == str(home / "me" / "D")
    assert found["weights"] == home / "w~"


def test_options_of_hsmr_are_read_from_their_table(home: Path) -> None:
    (home / "qevd-bio.toml").write_text(
        'data_root = "QEVD"\n[hsmr]\nbatch_size = 8\ncompile = true\n'
    )
    done = run(home)
    assert done.returncode == 2
    assert "does not take batch_size, compiled" in done.stderr, "the backend is mediapipe"


def test_options_of_another_backend_in_the_file_give_way_to_the_command_line(home: Path) -> None:
    (home / "qevd-bio.toml").write_text(
        'data_root = "QEVD"\nbackend = "hsmr"\nrecorded_root = "R"\n[hsmr]\ndevice = "cpu"\n'
    )
    done = qevd_bio("plan", "--backend", "mediapipe", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "the file's recorded_root, device are ignored" in done.stderr
    done = qevd_bio("plan", "--backend", "mediapipe", "--precision", "fp32", cwd=home)
    assert done.returncode == 2
    assert "does not take precision." in done.stderr


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("workers = 1\npolcy = 1\n", 2, "unknown key 'polcy'. Did you mean 'policy'?"),
        ("[hsmr]\n\ndevise = 'cpu'\n", 3, "Did you mean 'device'?"),
        ("[hsrm]\ndevice = 'cpu'\n", 2, "unknown table 'hsrm'. Did you mean 'hsmr'?"),
        ("\n[hsmr]\npolicy = 'paper'\n", 3, "key 'policy' belongs to [sentences]"),
        ("[hsmr]\nwork = 'W'\n", 2, "key 'work' belongs before all tables"),
        ("workers = 'many'\n", 1, "workers must be a whole number, not 'many'"),
        ("workers = true\n", 1, "workers must be a whole number"),
        ("variants = 1\n", 1, "variants must be true or false, not 1"),
        ("# on\n\nheight_m = 'tall'\n", 3, "height_m must be a number"),
        ("video = '0001'\n", 1, "video must be a list"),
        ("video = [1]\n", 1, "video must be a text, not 1"),
        ("backend = 'kinect'\n", 1, "must be one of mediapipe, hsmr, recorded, not 'kinect'"),
        ("backend = 'hsrm'\n", 1, "not 'hsrm'. Did you mean 'hsmr'? See docs"),
        ("hsmr = { device = 'tpu' }\n", 1, "must be one of cuda, cpu"),
        ("hsmr.device = 'tpu'\n", 1, "must be one of cuda, cpu"),
        ("# few\nworkers = -3\n", 2, "workers must be 0 or more, not -3"),
        ("recycle = 0\n", 1, "recycle must be 1 or more, not 0"),
        ("in_hand = 0\n", 1, "in_hand must be 1 or more, not 0"),
        ("[hsmr]\nbatch_size = 0\n", 2, "batch_size must be 1 or more, not 0"),
        ("\nmemory_gb = 0\n", 2, "memory_gb must be more than 0, not 0"),
        ("unit_timeout_s = nan\n", 1, "unit_timeout_s must be more than 0, not nan"),
        ("[capture]\nheight_m = 9\n", 2, "9 is not the height of a person in metres"),
        ("shard = '9/3'\n", 1, "shard 9/3: is no part of a whole"),
        ('address = """\nworkers = 3\n"""\nworkers = \'x\'\n', 4, "not 'x'"),
        ("video = [\n'workers = 3',\n]\nworkers = 'x'\n", 4, "not 'x'"),
        ("\n[[capture]]\nheight_m = 1.8\n", 2, "'capture' is a table. Write it once, as [cap"),
        ("capture = 3\n", 1, "'capture' is a table"),
        ("on = 'ray'\n[execution]\non = 'ray'\n", 3, "stands in the file twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    home: Path, text: str, line: int, words: str
) -> None:
    (home / "mine.toml").write_text(text)
    done = run(home, "--config", "mine.toml", "--data-root", "QEVD")
    assert done.returncode == 2
    assert f"mine.toml, line {line}: " in done.stderr
    assert words in done.stderr.replace("\n", " ")
    assert not (home / "work").exists()


@pytest.mark.parametrize(("text", "words"), [("a = \n", "line 1"), (None, "No such file")])
def test_a_file_that_cannot_be_read_is_named(home: Path, text: str | None, words: str) -> None:
    if text is not None:
        (home / "mine.toml").write_text(text)
    done = run(home, "--config", "mine.toml", "--data-root", "QEVD")
    assert done.returncode == 2 and "mine.toml" in done.stderr and words in done.stderr


def test_submit_checks_the_file_and_finds_the_work_folder(home: Path) -> None:
    (home / "qevd-bio.toml").write_text('data_root = "QEVD"\nwork = "W"\n')
    submit = ("submit", "--parts", "2", "--time-h", "1", "--print-sbatch", "--")
    done = qevd_bio(*submit, "--policy", "paper", cwd=home)
    assert (done.returncode == 0 and "--work W" in json.dumps(done.stderr + done.stdout)) or (
        "mkdir -p W/slurm" in done.stderr
    )
    (home / "qevd-bio.toml").write_text("wrok = 1\n")
    assert "Did you mean 'work'?" in qevd_bio(*submit, "--policy", "paper", cwd=home).stderr


@pytest.mark.parametrize("command", ["verify", "stats", "status", "run"])
def test_a_wrong_file_is_named_and_not_an_option(home: Path, command: str) -> None:
    (home / "qevd-bio.toml").write_text("\nwrok = 1\n")
    done = qevd_bio(command, *["release"] * (command in ("verify", "stats")), cwd=home)
    assert done.returncode == 2
    assert "Error: qevd-bio.toml, line 2: unknown key 'wrok'. Did you mean 'work'?" in done.stderr
    assert "--" not in done.stderr


def test_submit_needs_no_options_where_the_file_gives_them(home: Path) -> None:
    (home / "qevd-bio.toml").write_text('data_root = "QEVD"\nwork = "W"\n')
    done = qevd_bio("submit", "--parts", "2", "--time-h", "1", "--print-sbatch", cwd=home)
    assert done.returncode == 0, done.stderr
    assert '-m qevd_bio run --shard "$SLURM_ARRAY_TASK_ID/2" &' in done.stdout
    assert "mkdir -p W/slurm" in done.stderr


def values_of(hint: object) -> str:
    """Name the values of an option as the page does."""
    kinds = [one for one in (get_args(hint) or (hint,)) if one is not type(None)]
    if get_origin(kinds[0]) is Literal:
        kinds = list(get_args(kinds[0]))
    names = {Path: "path", str: "text", int: "whole number", float: "number", bool: "true, false"}
    if get_origin(hint) is tuple:
        return "list of texts"
    return ", ".join(names.get(one, one) for one in kinds)  # type: ignore[call-overload]


def row_of(one: Field) -> str:
    table = TABLES[one.name]
    default = "" if one.default in (MISSING, None, ()) else json.dumps(one.default, default=str)
    cells = (
        f"`{one.name}`",
        f"`[{table}]`" if table else "",
        values_of(get_type_hints(Settings)[one.name]),
        default.strip('"'),
        HELP[GROUP_OF[one.name]][one.name],
    )
    return f"| {' | '.join(cells)} |".replace("  ", " ")


def test_the_page_describes_every_option() -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    shown = [line for line in lines if line.startswith("| `")]
    assert shown[: len(fields(Settings))] == [row_of(one) for one in fields(Settings)]


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.+?)```", DOCS.read_text(), flags=re.DOTALL)
    (tmp_path / "mine.toml").write_text(example)
    assert read_settings(tmp_path / "mine.toml")["backend"] == "hsmr"


def test_retry_prints_the_whole_command_from_any_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "my settings.toml").write_text('policy = "paper"\nworkers = 0\n')
    monkeypatch.setenv("QEVD_BIO_WORK", "W 1")
    options = ("--config", "my settings.toml", "--data-root", "QEVD", "--video", "0300")
    assert run(home, *options, "--variants").returncode == 3
    monkeypatch.delenv("QEVD_BIO_WORK")
    printed = qevd_bio("retry", "--work", "W 1", cwd=home).stdout
    again = shlex.split(printed.partition("by: ")[2])
    assert again == [
        "qevd-bio", "run", "--config", f"{home}/my settings.toml", "--data-root", f"{home}/QEVD",
        "--work", f"{home}/W 1", "--variants",
    ]  # fmt: skip
    (home / "elsewhere").mkdir()
    assert qevd_bio(*again[1:], cwd=home / "elsewhere").returncode == 3
    written = config_of_run(home, "W 1")
    assert (written["policy"], written["variants"]) == ("paper", True)


def test_an_interrupted_run_prints_the_whole_command(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qevd_bio.pipeline.pipeline.run_units", interrupted)
    (home / "qevd-bio.toml").write_text('data_root = "QEVD"\n')
    done = run(home, "--detector", "landmarks", "--backend", "mediapipe", "--policy", "paper")
    assert done.returncode == 2, "the option of another backend is refused first"
    done = run(home, "--shard", "1/1")
    assert done.returncode == 130
    command = (
        f"qevd-bio run --config {home}/qevd-bio.toml --data-root {home}/QEVD "
        f"--work {home}/work --shard 1/1 --json"
    )
    assert f"Go on with: {command}" in done.stderr
    assert json.loads(done.stdout)["error"]["next_step"] == command
