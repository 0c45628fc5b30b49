"""Forged sentences, and rows of annotations that contradict themselves."""

from __future__ import annotations

from collections.abc import Callable

from tests.verify.forger import Forger, Row
from tests.verify.forgery import Change, Forgery, Registered

FORGERIES: list[Forgery] = []
forgery = Registered(FORGERIES)


def utterance(**values: object) -> Change:
    """Change cells of the first rewritten utterance."""

    def change(forger: Forger) -> None:
        forger.rewritten().update(values)

    return change


def sentence(change: Callable[[str], str]) -> Change:
    def changed(forger: Forger) -> None:
        row = forger.rewritten()
        new = change(row["feedback"])
        assert new != row["feedback"]
        row["feedback"] = new

    return changed


# sentences
for name, text in {
    "an advertisement": lambda _: "Visit our shop for protein bars today!",
    "HTML around it": lambda old: f"<b>{old}</b>",
    "a script behind it": lambda old: f"{old}<script>alert()</script>",
    "a right-to-left override": lambda old: f"\u202e{old}",
    "the phase turned": lambda old: old.replace("bottom", "top").replace(
        "top phase", "hold phase"
    ),
    "the verb reversed": lambda old: old.replace("Increase", "Decrease"),
    "the joint exchanged": lambda old: old.replace("Knee", "Elbow").replace("knee", "elbow"),
    "the first statement only": lambda old: old.partition(". ")[0] + ".",
    "one side named where both are alike": lambda old: old.replace(
        "Knee flexion", "Right knee flexion"
    ).replace(" knee flexion", " right knee flexion"),
    "praise put before it": lambda old: f"Great job! {old}",
    "an empty space behind it": lambda old: f"{old} ",
}.items():
    forgery("sentence", name)(sentence(text))


@forgery("sentence", "an unsupported sentence rewritten by another's")
def _borrowed(forger: Forger) -> None:
    source = forger.rewritten()
    kept = forger.one("annotations", lambda r: r["status"] == "kept" and r["cycle"] is not None)
    kept |= {"feedback": source["feedback"], "status": "rewritten", "kind": "corrective"}
    kept["findings"] = [dict(one) for one in source["findings"]]
    kept["cycle"] = dict(source["cycle"])


@forgery("sentence", "a rewritten one put back to the original")
def _put_back(forger: Forger) -> None:
    row = forger.rewritten()
    row |= {"feedback": row["feedback_original"], "status": "kept"}
    row["reason"] = "corrective utterances are not rewritten"
    for one in row["findings"]:
        one["spoken"] = False


# rows that contradict themselves
def unspoken(row: Row) -> None:
    row["feedback"] = row["feedback_original"]
    for one in row["findings"]:
        one["spoken"] = False


@forgery("row", "no_cycle where a cycle stands")
def _no_cycle(forger: Forger) -> None:
    row = forger.rewritten()
    unspoken(row)
    row |= {"status": "no_cycle", "reason": "no complete cycle belongs to this utterance"}


@forgery("row", "unmeasurable with numbers")
def _unmeasurable(forger: Forger) -> None:
    row = forger.rewritten()
    unspoken(row)
    row |= {"status": "unmeasurable", "reason": "the backend does not observe it"}


@forgery("row", "low confidence where it is high")
def _low(forger: Forger) -> None:
    row = forger.rewritten()
    unspoken(row)
    row |= {"status": "low_confidence", "reason": "the confidence is too low"}


forgery("row", "a nonsense reason")(utterance(reason="because the moon is full"))
forgery("row", "an empty reason")(utterance(reason=""))
forgery("row", "corrective called instructional")(utterance(kind="instructional"))
forgery("row", "the pose emptied")(utterance(pose=[]))
forgery("row", "salient joints that are none")(utterance(salient_joints=["tail", "left_wing"]))
forgery("row", "other salient joints")(utterance(salient_joints=["hand_r", "hand_l"]))
forgery("row", "salient joints of an annotation")(utterance(salient_source="annotation"))
forgery("row", "the kind's confidence")(utterance(kind_confidence=0.99))
forgery("row", "the kind's source")(utterance(kind_source="rules/lexicon v9"))


@forgery("row", "motivational called corrective")
def _motivational(forger: Forger) -> None:
    row = forger.one("annotations", lambda r: r["kind"] in ("motivational", "counting", "other"))
    row |= {"kind": "corrective", "reason": "corrective utterances are not rewritten"}


@forgery("row", "matches_cue turned over")
def _matches(forger: Forger) -> None:
    for one in forger.rewritten()["findings"]:
        one["matches_cue"] = not one["matches_cue"]


@forgery("row", "the pose without its last angle, words too")
def _pose(forger: Forger) -> None:
    row = forger.one("annotations", lambda r: len(r["pose"]) > 2)
    row["pose"].pop()
    state, _, rest = row["motion_context"].partition(".")
    row["motion_context"] = f"{state.rpartition(', ')[0]}.{rest}"


@forgery("row", "a violation left out of the motion context")
def _context(forger: Forger) -> None:
    row = forger.rewritten()
    row["motion_context"] = row["motion_context"].partition("Violations:")[0] + "Violations: none."
