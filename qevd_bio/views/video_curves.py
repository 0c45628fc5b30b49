"""The curves of an analysed video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qevd_bio.exercises.motion_parts import full_name, unobserved
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import Finding
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_values
from qevd_bio.views.analysed_video import AnalysedVideo
from qevd_bio.views.curves import Curve, CycleTimes, Target
from qevd_bio.views.finding_lines import finding_target
from qevd_bio.views.formatting import measure_words


def video_curves(video: AnalysedVideo) -> dict[int, list[Curve]]:
    """Compute what can be drawn of a video, by segment index, for segments with a rule.

    The representative measure first, then every measure with a violated finding.
    """
    motion = video.motion
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    drawn: dict[int, list[Curve]] = {}
    for segment in video.segments:
        frames = slice(segment.frame_start, min(segment.frame_end, len(motion.time_s)))
        if segment.rule is None or frames.start >= frames.stop:
            continue
        names = _measures(segment.rule, segment.findings)
        values = measure_values(names, motion.q[frames], skeleton, motion.gravity)
        drawn[segment.index] = [
            Curve(
                video_id=video.video_id,
                segment_index=segment.index,
                exercise=segment.exercise,
                measure=name,
                label=measure_words(name),
                unit=CATALOGUE[name].unit,
                time_s=motion.time_s[frames],
                values=np.where(
                    motion.valid[frames] & (not unobserved(name, motion)), values[name], np.nan
                ),
                cycles=tuple(CycleTimes(c.start_s, c.key_s, c.end_s) for c in segment.cycles),
                utterances_s=segment.utterances_s,
                target=_key_target(name, segment.rule, segment.findings),
            )
            for name in names
        ]
    return drawn


def _measures(rule: Rule, findings: Sequence[Finding]) -> list[str]:
    """Name the representative measure, then the violated ones, each once."""
    name, side = rule.representative.measure, rule.representative.side
    own = {"none": [name], "r": [f"{name}_r"], "l": [f"{name}_l"]}
    names = own.get(side, [f"{name}_r", f"{name}_l"])
    names += [
        full_name(one.measure, one.side)
        for one in findings
        if one.violated and one.check != "tempo"
    ]
    return list(dict.fromkeys(name for name in names if name in CATALOGUE))


def _key_target(measure: str, rule: Rule, findings: Sequence[Finding]) -> Target | None:
    """Choose the dynamic check of the key phase: the key frames should meet its target."""
    checks = [
        one
        for one in findings
        if full_name(one.measure, one.side) == measure and one.check == "dynamic"
    ]
    checks.sort(key=lambda one: (one.phase != rule.key_phase.name, not one.violated))
    return finding_target(checks[0]) if checks else None
