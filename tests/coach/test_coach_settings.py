"""Options of the coach from the command line and the settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.coach.settings import CoachSettings, settings_with
from qevd_bio.errors import UsageError
from qevd_bio.pipeline.settings_file import read_settings


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "qevd-bio.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    path = settings_file(
        tmp_path, '[coach]\nexercise = "lunge"\nagainst = ["gold/a.mp4"]\nend_s = 8\n'
    )
    found = settings_with({"exercise": "squat", "end_s": None, "against": ()}, path)
    assert found.exercise == "squat" and found.end_s == 8.0
    assert found.against == (tmp_path / "gold" / "a.mp4",)


def test_options_of_run_hold_for_the_coach_and_the_other_way_they_do_not(tmp_path: Path) -> None:
    path = settings_file(tmp_path, '[capture]\nheight_m = 1.8\n[coach]\nexercise = "squat"\n')
    assert settings_with({}, path) == CoachSettings(exercise="squat", height_m=1.8)
    assert read_settings(path) == {"height_m": 1.8}


def test_references_are_taken_from_either_table(tmp_path: Path) -> None:
    path = settings_file(tmp_path, '[sentences]\nreferences = "given"\n')
    assert settings_with({}, path).references == tmp_path / "given"
    path = settings_file(tmp_path, '[coach]\nreferences = "own"\n')
    assert settings_with({}, path).references == tmp_path / "own"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[coach]\nexercize = 'squat'\n", "exercise"),
        ("[coach]\nend_s = 'later'\n", "end_s must be a number"),
        ("[coach]\nstart_s = 5\nend_s = 4\n", "no part of a video"),
        ("[coach]\nheight_m = 17.5\n", "17.5"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        settings_with({}, settings_file(tmp_path, text))
