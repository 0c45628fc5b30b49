"""Captured against known angles on people, views, faults and tempi that nothing was chosen on.

Run ``python -m benchmarks.capture_unseen --cache DIR --seed N``. Every seed is another test:
choose and train on other seeds than the one that is reported. Measures, bars and tables are those
of `benchmarks.capture`; further tables show the amplitude of faults of known size, the coverage of
one sigma by limb, the difference of the sides on symmetric motion, and the same squats from three
sides.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from benchmarks.capture import Reading, met, readings, report
from benchmarks.capture_clips import NEEDS, seen_film
from benchmarks.capture_sources import SOURCES, Fit
from benchmarks.unseen_people import MEASURES, SYMMETRIC, Drawn, all_clips
from qevd_bio.arrays import FloatArray
from qevd_bio.choices import DetectorModel

AMPLITUDE_BAR_DEG = 5.0
LOW, HIGH = 3.0, 97.0
"""Percentiles of an angle over a clip: its amplitude lies between them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One clip with the readings of its limbs."""

    drawn: Drawn
    limbs: tuple[Reading, ...]

    def sides(self, measure: str) -> tuple[Reading, Reading]:
        """Return the right and the left reading of a measure."""
        right, left = (one for one in self.limbs if one.measure[:-2] == measure)
        return right, left

    @property
    def fault_measure(self) -> str:
        """The measure that shows the size of the fault."""
        if self.drawn.fault == "leaning_forward":
            return "hip_flexion"
        return MEASURES[self.drawn.clip.exercise]


def amplitude_deg(values: FloatArray) -> float:
    """Measure how far an angle moves."""
    low, high = np.percentile(values, [LOW, HIGH])
    return float(high - low)


def bottom_deg(values: FloatArray) -> float:
    """Return the angle at the bottom, or at the top of raised arms."""
    return float(np.percentile(values, HIGH))


def measured(drawn: Drawn, cache: Path, fit: Fit, model: DetectorModel) -> Measured:
    """Film a clip or read it from the cache, and compare its limbs."""
    seen = seen_film(lambda: drawn.film, drawn.clip, drawn.body, cache, model)
    return Measured(drawn, tuple(readings(seen, fit)))


def _share(good: Sequence[bool]) -> str:
    return f"{sum(good)} of {len(good)} ({np.mean(good):.0%})" if good else "none"


def amplitudes(clips: Sequence[Measured]) -> str:
    """Lay out the amplitude of every fault of known size, sides in view."""
    lines = ["| clip | view | fault | measure | known | measured | error |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    good = []
    for clip in clips:
        if clip.drawn.fault == "none":
            continue
        for one in clip.sides(clip.fault_measure):
            if not (one.in_view and one.moves):
                continue
            known, found = amplitude_deg(one.known), amplitude_deg(one.measured)
            good.append(abs(found - known) <= AMPLITUDE_BAR_DEG)
            lines.append(
                f"| {one.exercise} | {clip.drawn.clip.view.azimuth_deg:.0f} | {clip.drawn.fault} "
                f"| {one.measure} | {known:.0f} | {found:.0f} | {found - known:+.1f} |"
            )
    return "\n".join(
        [*lines, "", f"Amplitude within {AMPLITUDE_BAR_DEG:g} degrees: {_share(good)}"]
    )


def coverage(all_readings: Sequence[Reading]) -> str:
    """Lay out the share of frames whose error is within one sigma, by limb and whether in view."""
    lines = ["| limb | in view | hidden | all |", "|---|---|---|---|"]
    wanted: tuple[Callable[[Reading], bool], ...] = (
        lambda r: r.in_view, lambda r: not r.in_view, lambda _: True)  # fmt: skip
    for measure in NEEDS:
        cells = []
        for chosen in wanted:
            some = [r for r in all_readings if r.measure[:-2] == measure and chosen(r)]
            inside = [np.abs(r.measured - r.known) <= r.sigma for r in some]
            cells.append(f"{np.concatenate(inside).mean():.0%}" if inside else "-")
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def side_differences(clips: Sequence[Measured]) -> str:
    """Lay out the difference of the sides' amplitudes, hidden sides too."""
    lines = ["| clip | view | fault | known right - left | measured | error |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    good = []
    for clip in clips:
        if clip.drawn.clip.exercise not in SYMMETRIC:
            continue
        right, left = clip.sides(MEASURES[clip.drawn.clip.exercise])
        known = amplitude_deg(right.known) - amplitude_deg(left.known)
        found = amplitude_deg(right.measured) - amplitude_deg(left.measured)
        if abs(known) < AMPLITUDE_BAR_DEG:
            good.append(abs(found) <= AMPLITUDE_BAR_DEG)
        lines.append(
            f"| {right.exercise} | {clip.drawn.clip.view.azimuth_deg:.0f} | {clip.drawn.fault} "
            f"| {known:+.1f} | {found:+.1f} | {found - known:+.1f} |"
        )
    words = f"Symmetric motion with sides within {AMPLITUDE_BAR_DEG:g} degrees: {_share(good)}"
    return "\n".join([*lines, "", words])


def squat_bottoms(clips: Sequence[Measured]) -> str:
    """Lay out the bottom of the same squats from three sides, and how far apart they are."""
    lines = ["| person | knee | known | front | 45 degrees | side | apart |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    good = []
    for person in sorted({clip.drawn.clip.build for clip in clips}):
        own = [clip for clip in clips if clip.drawn.clip.build == person]
        for side, knees in zip("rl", zip(*(clip.sides("knee_flexion") for clip in own),
                                         strict=True), strict=True):  # fmt: skip
            bottoms = [bottom_deg(one.measured) for one in knees]
            seen = [at for at, one in zip(bottoms, knees, strict=True) if one.in_view]
            apart = float(np.ptp(seen)) if seen else 0.0
            good.append(apart <= AMPLITUDE_BAR_DEG)
            cells = (f"{at:.0f}" if one.in_view else f"({at:.0f})"
                     for at, one in zip(bottoms, knees, strict=True))  # fmt: skip
            lines.append(f"| {person} | {side} | {bottom_deg(knees[0].known):.0f} "
                         f"| {' | '.join(cells)} | {apart:.0f} |")  # fmt: skip
    words = f"In brackets: hidden. In view within {AMPLITUDE_BAR_DEG:g} degrees: {_share(good)}"
    return "\n".join([*lines, "", words])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--clips", type=int, default=27)
    parser.add_argument(
        "--same-squats", type=int, default=3, help="people filmed from three sides"
    )
    parser.add_argument("--source", choices=sorted(SOURCES), default="landmarks")
    parser.add_argument("--detector-model", choices=get_args(DetectorModel), default="heavy")
    chosen = parser.parse_args()
    fit = SOURCES[chosen.source]
    unseen, squats = (
        [measured(drawn, chosen.cache, fit, chosen.detector_model) for drawn in clips]
        for clips in all_clips(chosen.seed, chosen.clips, chosen.same_squats)
    )
    limbs = [one for clip in unseen for one in clip.limbs]
    moving = [one for one in limbs if one.in_view and one.moves]
    rmse = [float(np.sqrt(np.mean((one.measured - one.known) ** 2))) for one in moving]
    for title, text in (
        ("Limbs", report(limbs) if limbs else ""),
        ("Faults of known size", amplitudes(unseen)),
        ("Frames within one sigma", coverage(limbs)),
        ("Right against left", side_differences([*unseen, *squats])),
        ("The same squats", squat_bottoms(squats)),
    ):
        print(f"## {title}\n\n{text}\n")
    if moving:
        print(f"Moving limbs in view: {_share([met(one) for one in moving])} met, median RMSE "
              f"{np.median(rmse):.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
