"""Figures of an annotation of joints, and what is written of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

from qevd_bio.annotate.joint_agreement import cohens_kappa, flags_of, jaccard
from qevd_bio.annotate.joint_annotation import AskedJoints, SegmentJoints, counted_outcomes
from qevd_bio.annotate.joint_answers import EXPECTED
from qevd_bio.annotate.joint_files import (
    DETAILS_FILE,
    FIGURES_FILE,
    read_segments,
    write_segments,
)
from qevd_bio.annotate.joint_review import JointReview, write_joints
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.strict_json import dump_json


def joint_figures(asked: AskedJoints) -> dict[str, Any]:
    """Compute what an annotation is worth: answers, sizes, and agreement.

    Returns
    -------
    dict
        ``segments``, ``annotated``, ``passes`` by outcome, ``skipped_videos``; ``joints``: mean
        number and the share of segments with 10 to 15; ``between_passes`` and ``with_rules``:
        segments compared, mean Jaccard index, Cohen's kappa over joints; with the rules also the
        share of their joints that is named, and how many others are; ``by_exercise``: the same
        with the rules. What nothing was compared for is null.
    """
    annotated = [one for one in asked.segments if one.joined.joints]
    sizes = [len(_joints(one)) for one in annotated]
    low, high = EXPECTED
    exercises = sorted({one.rule_id for one in annotated if one.rule_id is not None})
    return {
        "segments": len(asked.segments),
        "annotated": len(annotated),
        "passes": dict(counted_outcomes(asked.segments)),
        "skipped_videos": len(asked.skipped),
        "joints": {
            "mean": _mean(sizes),
            "share_10_to_15": _mean([low <= size <= high for size in sizes]),
            "disputed": sum(len(one.joined.disputed) for one in annotated),
            "with_execution": sum(bool(one.joined.execution) for one in annotated),
        },
        "between_passes": _between_passes(asked.segments),
        "with_rules": _with_rules(annotated),
        "by_exercise": {
            name: _with_rules([one for one in annotated if one.rule_id == name])
            for name in exercises
        },
    }


def write_annotation(folder: Path, asked: AskedJoints) -> dict[str, Any]:
    """Write what was asked into a folder, and return the figures of all that is there then.

    Segments of an earlier annotation that were not asked about again stay. The file for
    `run --salient-joints` takes experts' decisions before the model's.

    Raises
    ------
    DataError
        An earlier annotation in the folder is damaged.
    """
    known = read_segments(folder) if (folder / DETAILS_FILE).exists() else []
    merged = {one.key: one for one in (*known, *asked.segments)}
    segments = sorted(merged.values(), key=lambda one: one.key)
    figures = joint_figures(AskedJoints(segments, asked.skipped))
    write_segments(folder, segments)
    write_text_atomic(folder / FIGURES_FILE, dump_json(figures, where="figures", indent=2) + "\n")
    write_joints(JointReview(folder))
    return figures


def _joints(one: SegmentJoints) -> tuple[str, ...]:
    return one.joined.joints


def _between_passes(segments: Sequence[SegmentJoints]) -> dict[str, Any]:
    pairs = [pair for one in segments for pair in combinations(one.passes, 2)]
    return {
        "pairs": len(pairs),
        "jaccard": _mean([jaccard(a.joints, b.joints) for a, b in pairs]),
        "kappa": cohens_kappa(
            flags_of(a.joints for a, _ in pairs), flags_of(b.joints for _, b in pairs)
        ),
    }


def _with_rules(annotated: Sequence[SegmentJoints]) -> dict[str, Any]:
    known = [one for one in annotated if one.rule_joints]
    shares = [len(set(_joints(o)) & set(o.rule_joints)) / len(o.rule_joints) for o in known]
    return {
        "segments": len(known),
        "jaccard": _mean([jaccard(_joints(one), one.rule_joints) for one in known]),
        "kappa": cohens_kappa(
            flags_of(map(_joints, known)), flags_of(o.rule_joints for o in known)
        ),
        "share_of_rule_joints": _mean(shares),
        "others": _mean([len(set(_joints(one)) - set(one.rule_joints)) for one in known]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
