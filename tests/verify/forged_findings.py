"""Forged findings: numbers, targets and whose they are."""

from __future__ import annotations

from collections.abc import Callable

from tests.verify.forger import Forger, Row
from tests.verify.forgery import Change, Forgery, Registered

FORGERIES: list[Forgery] = []
forgery = Registered(FORGERIES)


def spoken(forger: Forger) -> tuple[Row, Row, Row]:
    row = forger.rewritten()
    own, table = next((o, t) for o, t in forger.findings_of(row) if o["spoken"])
    return row, own, table


def finding(change: Callable[[Row], Row]) -> Change:
    """Change the finding that the first sentence speaks of, and the words with its number."""

    def changed(forger: Forger) -> None:
        _, _, table = spoken(forger)
        forger.set_finding(table, **change(table))

    return changed


@forgery("finding", "right and left exchanged")
def _exchanged(forger: Forger) -> None:
    other = {"r": "l", "l": "r", None: None}
    for row in forger.rows("findings"):
        row["side"] = other[row["side"]]
    for row in forger.rows("annotations"):
        for one in row["findings"]:
            one["side"] = other[one["side"]]
        swapped = row["feedback"].replace("right", "\0").replace("left", "right")
        if row["status"] == "rewritten":
            row["feedback"] = swapped.replace("\0", "left")


@forgery("finding", "the target and its sentence")
def _target(forger: Forger) -> None:
    _, _, table = spoken(forger)
    old = table["target_low"]
    for one in forger.rows("findings"):
        if one["constraint_id"] == table["constraint_id"]:
            forger.set_finding(one, target_low=old + 10.0)
    for row in forger.rows("annotations"):
        words = f"target: {old:.0f}", f"target: {old + 10.0:.0f}"
        row["feedback"] = row["feedback"].replace(*words)
        row["motion_context"] = row["motion_context"].replace(*words)


@forgery("finding", "one removed")
def _finding_removed(forger: Forger) -> None:
    row = forger.rewritten()
    own, table = next((o, t) for o, t in forger.findings_of(row) if not o["spoken"])
    forger.remove("findings", table)
    for other in forger.alike(row):
        other["findings"] = [
            one
            for one in other["findings"]
            if (one["constraint_id"], one["side"]) != (own["constraint_id"], own["side"])
        ]


@forgery("finding", "a constraint invented")
def _invented(forger: Forger) -> None:
    row = forger.rewritten()
    *_, (own, table) = forger.findings_of(row)
    forger.add("findings", {**table, "constraint_id": "invented"}, after=table)
    for other in forger.alike(row):
        other["findings"].append({**own, "constraint_id": "invented", "spoken": False})


@forgery("finding", "measured value and its sentence")
def _measured(forger: Forger) -> None:
    row, _, table = spoken(forger)
    old = table["measured"]
    forger.set_finding(table, measured=old - 5.0)
    for other in forger.alike(row):
        words = f"{old:.0f}", f"{old - 5.0:.0f}"
        if other["status"] == "rewritten":
            other["feedback"] = other["feedback"].replace(*words)
        other["motion_context"] = other["motion_context"].replace(*words)


@forgery("finding", "measured value of one that nobody speaks of")
def _silent(forger: Forger) -> None:
    row = forger.rewritten()
    _, table = next(
        (o, t)
        for o, t in forger.findings_of(row)
        if not o["spoken"] and o["measured"] is not None and not o["violated"]
    )
    forger.set_finding(table, measured=table["measured"] + 0.01)


for name, change in {
    "key frame in another cycle": lambda f: {"key_frame": max(f["key_frame"] - 30, 0)},
    "key frame beside it": lambda f: {"key_frame": f["key_frame"] + 1},
    "instruction reversed": lambda f: {
        "instruction": f["instruction"].replace("Increase", "Decrease") + " "
    },
    "tolerance": lambda f: {"tolerance": f["tolerance"] * 0.5},
    "sigma": lambda f: {"sigma": f["sigma"] * 0.5},
    "priority": lambda f: {"priority": "low" if f["priority"] != "low" else "high"},
    "joint": lambda f: {"joint": "shoulder"},
    "guard": lambda f: {"guard": 1.0},
    "phase": lambda f: {"phase": "top" if f["phase"] != "top" else "bottom"},
    "the upper bound": lambda f: {"target_high": f["target_high"] + 5.0},
}.items():
    forgery("finding", name)(finding(change))


@forgery("finding", "a measured one made unmeasurable")
def _lost(forger: Forger) -> None:
    row = forger.rewritten()
    _, table = next((o, t) for o, t in forger.findings_of(row) if not o["violated"])
    reason = "the pose at the key frame is not a number"
    forger.set_finding(
        table, status="unmeasurable", measured=None, sigma=None, instruction="", reason=reason
    )
