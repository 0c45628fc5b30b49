"""Recognise the exercises of rendered people, captured from pixels, without their names.

    python -m benchmarks.recognition_rendered FOLDER [--fps 10] [--seconds 2.4] [EXERCISE...]

One person performs each family of rules in a view and a body that rotate, with the built-in
capture's smaller detector; FOLDER keeps clips and answers, and a second call goes on where the
first ended.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from qevd_bio.capture.monocular.backend import capture_motion
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.recognise import recognise_turned
from qevd_bio.exercises.recognition_model import family_of
from qevd_bio.exercises.rule import Rule
from qevd_bio.synthetic.clips import Clip, make_clips

STANDING_VIEWS, BODIES = ("front", "oblique45", "side"), ("woman", "man", "heavy")
SEED = 4711
CYCLES = 3


def clip_of(rule: Rule, number: int, rate_hz: int, seconds: float) -> Clip:
    """Choose view and body of the number-th clip; a fast exercise keeps its own tempo."""
    slowest = [c.target_high for c in rule.constraints if c.check == "tempo"]
    sides = 2.0 if rule.kind == "alternating" else 1.0
    lasts_s = min([seconds, *(0.8 * high for high in slowest)]) * sides
    view = STANDING_VIEWS[number % 3] if rule.posture == "standing" else "floor_side"
    cycles = 1 if rule.kind == "hold" else max(CYCLES, round(4.5 / lasts_s))
    period = 6.0 if rule.kind == "hold" else max(lasts_s, 0.5)
    return Clip(rule, view, BODIES[number % len(BODIES)], "", cycles, period, rate_hz,
                SEED + number)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("exercises", nargs="*")
    parser.add_argument("--fps", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.4)
    given = parser.parse_args()
    families: dict[str, Rule] = {}
    rules = load_rules().values()
    lying = {family_of(rule.id) for rule in rules if rule.posture != "standing"}
    for rule in rules:
        families.setdefault(family_of(rule.id), rule)
    usual = MediaPipeConfig()
    person = replace(usual.video.person, detector_model="full")
    config = replace(usual, video=replace(usual.video, person=person))
    rows = []
    for number, (family, rule) in enumerate(families.items()):
        if given.exercises and family not in given.exercises:
            continue
        folder = given.folder / family
        kept = folder / "motion.npz"
        clip = clip_of(rule, number, given.fps, given.seconds)
        if not (folder / f"{clip.name}.mp4").exists():
            make_clips(folder, (clip,))
        stamps = np.load(folder / f"{clip.name}_timestamps.npy") / 1e9
        captured = capture_motion(
            folder / f"{clip.name}.mp4", stamps, video_id=clip.name, config=config
        )
        turn_deg = int(captured.notes["turn_deg"])
        found, _ = recognise_turned(captured.motion, turn_deg, lying)
        rows.append((family, clip.view, clip.build, found))
        answer = {"is": family, "found": found.exercise, "probability": found.probability,
                  "runners_up": found.runners_up}  # fmt: skip
        kept.with_suffix(".json").write_text(json.dumps(answer))
        print(f"| {family} | {clip.view} | {clip.build} | {found.exercise or 'none'} | "
              f"{found.probability:.2f} |", flush=True)  # fmt: skip
    right = [found.exercise == family for family, _, _, found in rows]
    print(f"\n{sum(right)} of {len(right)} recognised: {np.mean(right):.2f}")


if __name__ == "__main__":
    main()
