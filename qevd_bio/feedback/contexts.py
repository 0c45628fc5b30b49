"""The motion context: a pose and the violations of a cycle, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qevd_bio.feedback.pose import PoseAngle, pose_text
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.quantities import SENTENCES, is_reportable, measure_family, quantity_words
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
    measured = any(finding.status == "measured" for finding in findings or ())
    if not pose and not measured:
        return ""
    return f"{pose_text(pose)} {violations_state(findings, style)}".strip()


def violations_state(findings: Sequence[Finding] | None, style: Style = PLAIN) -> str:
    """Write the second half of `motion_context`: the violations, or why there are none."""
    measured = [finding for finding in findings or () if finding.status == "measured"]
    violated = [finding for finding in measured if is_reportable(finding)]
    if violated:
        plain = replace(style, seed=None)
        statements = " ".join(violation_text(one, plain) for one in joined_sides(violated))
        return form("violations").format(statements=statements)
    if measured and len(measured) < len(findings or ()):
        unmeasured = [finding for finding in findings or () if finding.status != "measured"]
        return form("no_violation_in_part").format(names=", ".join(_names(unmeasured)))
    if measured:
        return form("no_violation")
    return form("no_cycle" if findings is None else "no_measurement")


def _names(findings: Sequence[Finding]) -> list[str]:
    """Name the quantities of findings in their order, with the side where it is one of two."""
    sides: dict[str, set[str | None]] = {}
    for finding in findings:
        words = quantity_words(measure_family(finding), where=f"finding {finding.constraint_id}")
        name = words["still" if finding.check == "static" else "term"]
        sides.setdefault(name, set()).add(finding.side)
    names = load_prompt(SENTENCES)["sides"]
    return [
        f"{names[side]} {name}" if side is not None and len(of_name) == 1 else name
        for name, of_name in sides.items()
        for side in [next(iter(of_name))]
    ]
