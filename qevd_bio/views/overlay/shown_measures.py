"""Which measures are written on a picture."""

from __future__ import annotations

from qevd_bio.exercises.motion_parts import full_name, unobserved
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.measure_anchors import ANCHORS
from qevd_bio.skeleton.measures import CATALOGUE


def shown_measures(rule: Rule, motion: Motion) -> list[str]:
    """Choose the measures to write on a picture: observed, and one a joint.

    The rule's representative measure comes first, then its dynamic constraints in their order.
    """
    named = [(rule.representative.measure, rule.representative.side)]
    named += [(one.measure, one.side) for one in rule.constraints if one.check == "dynamic"]
    chosen: dict[str, str] = {}
    for measure, side in named:
        own = [measure] if measure in CATALOGUE else [f"{measure}_r", f"{measure}_l"]
        if side in ("r", "l"):
            own = [full_name(measure, side)]
        for name in own:
            if not unobserved(name, motion):
                chosen.setdefault(ANCHORS[name], name)
    return list(chosen.values())
