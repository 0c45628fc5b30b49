"""Clips on request: their known truth, and refused requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from qevd_bio.capture.recorded.backend import recorded_motion
from qevd_bio.errors import UsageError
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.names import rule_named
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.synthetic.body_mesh import load_body
from qevd_bio.synthetic.clips import Clip, clips_wanted, frames_of, make_clips

ORDER: dict[str, Any] = {
    "form_error": "",
    "repetitions": 2,
    "repetition_s": 1.5,
    "rate_hz": 10,
    "seed": 3,
}

RULES = load_rules()


def wanted(exercises=("squat",), views=(), builds=("man",), **changed: Any) -> tuple[Clip, ...]:
    rules = [rule_named(name, RULES, where="--exercise") for name in exercises]
    return clips_wanted(rules, views, builds, **{**ORDER, **changed})


def test_every_combination_is_laid_out_with_a_usual_view() -> None:
    clips = wanted(("squats", "pushup"), builds=("man", "woman"))
    assert [clip.name for clip in clips] == [
        "squat-oblique45-man", "squat-oblique45-woman",
        "pushup-floor_side-man", "pushup-floor_side-woman",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"exercises": ("juggling",)}, "--exercise.*squat"),
        ({"views": ("above",)}, "--view.*front, oblique45, side"),
        ({"builds": ("robot",)}, "--build.*man, woman, heavy"),
        ({"form_error": "arms_low"}, "squat has no form error.*too_shallow"),
        ({"repetitions": 0}, "--reps"),
        ({"repetition_s": 0.1}, "--seconds"),
        ({"rate_hz": 1000}, "--fps"),
        ({"repetition_s": float("nan")}, "--seconds"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_an_impossible_order_is_refused_with_the_possible_ones(
    changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        wanted(**changed)


def test_a_clip_agrees_with_its_truth(tmp_path: Path) -> None:
    clips = wanted(views=("side",), form_error="too_shallow")
    calls: list[int] = []
    (video,) = make_clips(tmp_path / "out", clips, lambda: calls.append(1))
    truth = json.loads((tmp_path / "out" / "truth.json").read_text())[clips[0].name]
    with av.open(str(video)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    stamps = np.load(tmp_path / "out" / f"{clips[0].name}_timestamps.npy")
    with np.load(tmp_path / "out" / f"{clips[0].name}.npz") as held:
        assert held["dof_names"].tolist() == list(DOF_NAMES)
        q, time_s = held["poses"], held["time_s"]
    assert frames == len(q) == len(stamps) == truth["frames"] == frames_of(clips[0]) == len(calls)
    assert np.allclose(stamps / 1e9, time_s) and np.allclose(np.diff(time_s), 0.1)
    assert truth["form_error"] == "too_shallow" and len(truth["repetitions_s"]) == 2

    # its own cycle search, on the exact angles, finds the repetitions the truth names
    motion = recorded_motion(tmp_path / "out" / f"{clips[0].name}.npz", time_s).motion
    rule, skeleton = RULES["squat"], load_body("man").skeleton
    found = segment_cycles(motion, rule, 0, len(q), skeleton)
    keys = [one["key_s"] for one in truth["repetitions_s"]]
    assert np.allclose([one.cycle.key_s for one in found.cycles], keys, atol=0.15)


def test_the_same_order_gives_the_same_angles_and_a_full_folder_is_kept(
    tmp_path: Path,
) -> None:
    clips = wanted(repetitions=1, repetition_s=0.6, rate_hz=5)
    for name in "ab":
        make_clips(tmp_path / name, clips)
    first, second = (np.load(tmp_path / n / f"{clips[0].name}.npz")["poses"] for n in "ab")
    assert np.array_equal(first, second)
    with pytest.raises(UsageError, match="new or empty"):
        make_clips(tmp_path / "a", clips)
