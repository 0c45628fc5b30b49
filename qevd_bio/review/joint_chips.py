"""The joints of a segment as the page shows them: what a model named, what experts left.

An annotator sees the model's joints and the own decision, never another's, so that agreement
between annotators says something.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qevd_bio.annotate.joint_answers import joint_word
from qevd_bio.annotate.joint_review import JointReview, ReviewedJoints
from qevd_bio.skeleton.dofs import JOINT_NAMES


def joint_chips(
    joints: JointReview | None, row: Mapping[str, Any], annotator: str
) -> dict[str, Any] | None:
    """Spell out the joints of the segment of an annotation row; None where none were asked for.

    Returns
    -------
    dict or None
        ``exercise``; ``joints``: the annotator's own newest decision, else what the model named;
        ``reviewed``: whether it is a decision; ``all``: every joint with its ``words``, ``part``
        (standard, execution, disputed or empty) and what was ``seen``.
    """
    if joints is None or row["segment_index"] is None:
        return None
    key = (row["video_id"], row["segment_index"])
    suggested = joints.suggested.get(key)
    if suggested is None:
        return None
    own, named = own_decision(joints, key, annotator), suggested.joined
    parts = {
        **dict.fromkeys(named.disputed, "disputed"),
        **dict.fromkeys(named.execution, "execution"),
        **dict.fromkeys(named.standard, "standard"),
    }
    return {
        "exercise": suggested.exercise_text,
        "joints": list(own.joints if own else named.joints),
        "reviewed": own is not None,
        "all": [
            {
                "joint": name,
                "words": joint_word(name),
                "part": parts.get(name, ""),
                "seen": named.execution.get(name, ""),
            }
            for name in JOINT_NAMES
        ],
    }


def own_decision(
    joints: JointReview, key: tuple[str, int], annotator: str
) -> ReviewedJoints | None:
    """Return an annotator's newest decision on a segment."""
    own = (one for one in reversed(joints.reviewed()) if one.annotator == annotator)
    return next((one for one in own if one.key == key), None)
