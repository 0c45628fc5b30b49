"""The motion context: a pose and the violations of a cycle, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qevd_bio.feedback.pose import PoseAngle, pose_text
from qevd_bio.feedback.quantities import is_reportable
from qevd_bio.feedback.statements import PLAIN, form, joined_sides, violation_text
from qevd_bio.feedback.style import Style
from qevd_bio.motion.constraints import Finding


def motion_context(
    findings: Sequence[Finding] | None, pose: Sequence[PoseAngle], style: Style = PLAIN
) -> str:
    """Serialise the motion quality context C_motion (supplement 7.2).

    Parameters
    ----------
    findings : sequence of Finding or None
        Of the most recently completed cycle, in the rule's order; None when there is none.
    pose : sequence of PoseAngle
        Angles of the salient joints at the time of the utterance.
    style : Style
        Its variants are not used: contexts keep the plain forms.

    Returns
    -------
    str
        Pose state, then violations in the rule's order; empty without a pose and a measured
        finding.
    """
    measured = [finding for finding in findings or () if finding.status == "measured"]
    if not pose and not measured:
        return ""
    violated = [finding for finding in measured if is_reportable(finding)]
    if violated:
        plain = replace(style, seed=None)
        statements = " ".join(violation_text(one, plain) for one in joined_sides(violated))
        second = form("violations").format(statements=statements)
    elif measured:
        second = form("no_violation")
    else:
        second = form("no_cycle" if findings is None else "no_measurement")
    return f"{pose_text(pose)} {second}".strip()
