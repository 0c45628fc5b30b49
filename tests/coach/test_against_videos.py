"""A video against gold videos and a rule's reference, from files to the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.capture.monocular import backend
from qevd_bio.coach import coach
from qevd_bio.coach.analysis import ChosenRule
from qevd_bio.coach.coach import coach_videos
from qevd_bio.coach.settings import REFERENCE, CoachSettings
from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.load import load_rules
from tests.coach.squatting import SQUATS, capture_of, film
from tests.exercises.made_references import write_folder
from tests.pipeline.sessions_made import PERIOD_S, squats_motion


def capture(path: Path, times_s: Any, **options: Any) -> Any:
    """Squat as deep as the name of the file says, in percent of the reference."""
    return capture_of(int(path.stem) / 100)(path, times_s, **options)


def coached(folder: Path, videos: list[str], golds: list[str], **changed: Any) -> list[Any]:
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backend, "capture_motion", capture)
        files = {name: film(folder / f"{name}.mp4") for name in {*videos, *golds} - {REFERENCE}}
        settings = CoachSettings(
            exercise="squats",
            out=folder / "out",
            against=tuple(files.get(name, Path(name)) for name in golds),
        )
        return coach_videos(
            [files[name] for name in videos], replace(settings, **changed)
        ).videos  # fmt: skip


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return coached(tmp_path_factory.mktemp("gold"), ["98", "60"], ["100", "104"])


def test_the_shallow_squats_differ_and_the_others_do_not(two: list[Any]) -> None:
    like, shallow = ([one["total"] for one in video["against"]["repetitions"]] for video in two)
    assert len(like) == len(shallow) >= SQUATS - 2
    assert max(like) < 1.0 < min(shallow)
    assert not any(one["joints"] for one in two[0]["against"]["repetitions"])


def test_the_worst_joint_is_named_with_the_gold_value(two: list[Any]) -> None:
    depths = {share: _knee_way_deg(share) for share in (0.6, 1.02)}
    for one in two[1]["against"]["repetitions"]:
        texts = [joint["text"] for joint in one["joints"]]
        named = next(text for text in texts if "flexion" in text)
        assert "from rest to the extreme" in named or "gold way" in named
    knees = [
        text
        for one in two[1]["against"]["repetitions"]
        for text in (joint["text"] for joint in one["joints"])
        if text.startswith(("Right knee flexion", "Left knee flexion")) and "extreme" in text
    ]
    assert knees
    for text in knees:
        measured, usual = (float(part.split("°")[0].split()[-1]) for part in text.split("(gold:"))
        assert measured == pytest.approx(depths[0.6], abs=4)
        assert usual == pytest.approx(depths[1.02], abs=4)


def test_the_page_shows_the_comparison(two: list[Any]) -> None:
    page = Path(two[1]["page"]).read_text(encoding="utf-8")
    assert "2 gold executions (100.mp4, 104.mp4)" in page
    assert two[1]["against"]["repetitions"][0]["joints"][0]["text"] in page


def test_the_rule_s_own_reference_serves_as_gold(tmp_path: Path) -> None:
    (deep,) = coached(tmp_path, ["100"], [REFERENCE])
    (shallow,) = coached(tmp_path, ["50"], [REFERENCE])
    totals = [video["against"]["repetitions"][1]["total"] for video in (deep, shallow)]
    assert totals[0] < 0.6 < totals[1]


def test_a_gold_video_without_a_repetition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no whole repetition"):
        coached(tmp_path, ["100"], ["2"])


def test_a_repetition_that_is_not_seen_is_not_compared(tmp_path: Path) -> None:
    def capture_with_a_gap(path: Path, times_s: Any, **options: Any) -> Any:
        found = capture(path, times_s, **options)
        unsure = np.where((times_s > PERIOD_S) & (times_s < 2 * PERIOD_S), 0.4, 0.9)
        return replace(found, motion=replace(found.motion, confidence=unsure))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backend, "capture_motion", capture_with_a_gap)
        settings = CoachSettings(exercise="squats", out=tmp_path / "o", against=(Path(REFERENCE),))
        result = coach_videos([film(tmp_path / "100.mp4")], settings)
    assert not result.failed
    compared = result.videos[0]["against"]["repetitions"]
    assert compared and all(np.isfinite(one["total"]) for one in compared)


def test_a_video_that_cannot_be_compared_costs_only_itself(tmp_path: Path) -> None:
    """Where the exercise is recognised, one video may show a hold and the next squats."""
    rules = {name: ChosenRule(load_rules()[name]) for name in ("plank", "squat")}
    chosen = iter([rules["plank"], rules["squat"]])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backend, "capture_motion", capture)
        patched.setattr(coach, "recognised_rule", lambda *_: next(chosen))
        settings = CoachSettings(out=tmp_path / "o", against=(Path(REFERENCE),))
        files = [film(tmp_path / f"{name}.mp4") for name in ("99", "100")]
        result = coach_videos(files, settings)
    assert [one.video_id for one in result.failed] == ["clip_99"]
    assert "no way to compare" in result.failed[0].reason
    assert len(result.videos) == 1


def test_a_hold_has_no_way_to_compare(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no way to compare"):
        coached(tmp_path, ["100"], [REFERENCE], exercise="plank")


def _knee_way_deg(share: float) -> float:
    """Return how far the knee bends from rest in the motion that the capture is replaced by."""
    from qevd_bio.skeleton.bodies import scaled_skeleton
    from qevd_bio.skeleton.measures import measure_values

    motion = squats_motion(share)
    curve = measure_values(
        ("knee_flexion_r",), motion.q, scaled_skeleton(motion.segment_lengths_m), motion.gravity
    )["knee_flexion_r"]
    return float(curve.max() - curve.min())


def test_the_reference_can_be_one_of_a_folder(tmp_path: Path) -> None:
    given = write_folder(tmp_path / "given")
    totals = {}
    for name, folder in (("own", None), ("given", given)):
        (video,) = coached(tmp_path / name, ["98"], [REFERENCE], references=folder)
        totals[name] = [one["total"] for one in video["against"]["repetitions"]]
    assert len(totals["own"]) == len(totals["given"]) > 0
    assert min(totals["given"]) > max(totals["own"]), "these knees bend less than it asks"
