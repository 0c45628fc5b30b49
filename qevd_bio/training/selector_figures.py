"""How well chosen joints match the labels, beside a table of the exercise.

S segments, J = 24 joints
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.exercises.salience import MOST_JOINTS
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.training.selector_labels import LabelledSegment

THRESHOLD = 0.5
"""A joint with this importance is said to be salient."""


@dataclass(frozen=True, slots=True)
class SelectorFigures:
    """Agreement with labels.

    Attributes
    ----------
    segments : int
        Number S.
    f1 : mapping of str to float
        By joint, at `THRESHOLD`; a joint that is neither labelled nor chosen is left out.
    mean_f1 : float
        Mean over these joints.
    top_recall : float
        Share of the labelled joints among the `MOST_JOINTS` highest scores, at most 12 labelled
        ones counted for each segment; mean over segments.
    extra_found : float or None
        Share of the labelled joints beyond the exercise's usual ones that are among the highest
        scores; None where there are none.
    extra_stated : float or None
        The same at `THRESHOLD`.
    extra_false : float or None
        Share of the joints at `THRESHOLD` beyond the usual ones where the label has none.
    """

    segments: int
    f1: Mapping[str, float]
    mean_f1: float
    top_recall: float
    extra_found: float | None
    extra_stated: float | None
    extra_false: float | None


def exercise_table(segments: Sequence[LabelledSegment]) -> dict[str, FloatArray]:
    """Make the baseline: for each exercise the share of its segments that name each joint.

    Parameters
    ----------
    segments : sequence of LabelledSegment
        Those trained on.

    Returns
    -------
    dict of str to ndarray (J,)
        By exercise, a share below one half as 0: a table has one row for an exercise, and a
        joint that most segments do not name is not in it.
    """
    flags: dict[str, list[BoolArray]] = {}
    for one in segments:
        flags.setdefault(one.exercise, []).append(one.is_salient)
    shares = {name: np.mean(rows, axis=0) for name, rows in flags.items()}
    return {name: np.where(share > 0.5, share, 0.0) for name, share in shares.items()}


def table_scores(
    table: Mapping[str, FloatArray], segments: Sequence[LabelledSegment]
) -> FloatArray:
    """Score the joints (S, J) of segments by their exercise's row; 0 for an unknown exercise."""
    unknown = np.zeros(len(JOINT_NAMES))
    return np.array([table.get(one.exercise, unknown) for one in segments])


def selector_figures(
    segments: Sequence[LabelledSegment], scores: FloatArray, table: Mapping[str, FloatArray]
) -> SelectorFigures:
    """Compare scores with labels.

    Parameters
    ----------
    segments : sequence of LabelledSegment
        S held-out segments, at least one.
    scores : ndarray (S, J)
        0 to 1.
    table : mapping of str to ndarray (J,)
        Of `exercise_table`; its joints are the usual ones of an exercise.

    Returns
    -------
    SelectorFigures
        A joint with the score 0 is never chosen, also where fewer than 12 have more.
    """
    labels = np.array([one.is_salient for one in segments])
    usual = table_scores(table, segments) > 0
    stated = scores >= THRESHOLD
    order = np.argsort(-scores, axis=1, kind="stable")[:, :MOST_JOINTS]
    top = np.zeros_like(labels)
    np.put_along_axis(top, order, True, axis=1)
    top &= scores > 0
    wanted = np.minimum(labels.sum(axis=1), MOST_JOINTS)
    recalls = (top & labels).sum(axis=1)[wanted > 0] / wanted[wanted > 0]
    f1 = {
        name: 2.0 * (labels[:, j] & stated[:, j]).sum() / (labels[:, j].sum() + stated[:, j].sum())
        for j, name in enumerate(JOINT_NAMES)
        if labels[:, j].any() or stated[:, j].any()
    }
    return SelectorFigures(
        segments=len(segments),
        f1={name: float(value) for name, value in f1.items()},
        mean_f1=float(np.mean(list(f1.values()))) if f1 else 0.0,
        top_recall=float(recalls.mean()) if len(recalls) else 0.0,
        extra_found=_share(top, labels & ~usual),
        extra_stated=_share(stated, labels & ~usual),
        extra_false=_share(stated, ~labels & ~usual),
    )


def _share(chosen: BoolArray, among: BoolArray) -> float | None:
    return float(chosen[among].mean()) if among.any() else None
