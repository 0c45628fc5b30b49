"""Forged cycles, and annotations that cite another one."""

from __future__ import annotations

from tests.verify.forger import Forger, Row
from tests.verify.forgery import Change, Forgery, Registered

FORGERIES: list[Forgery] = []
forgery = Registered(FORGERIES)


def middle(forger: Forger) -> Row:
    cycles = forger.rows("cycles")
    first = cycles[0]
    own = [
        one
        for one in cycles
        if (one["video_id"], one["segment_index"]) == (first["video_id"], first["segment_index"])
    ]
    return own[len(own) // 2]


def cycle(**values: object) -> Change:
    return lambda forger: forger.set_cycle(middle(forger), **values)


@forgery("cycle", "the end in the next segment")
def _end(forger: Forger) -> None:
    last = forger.rows("cycles")[0]
    for one in forger.rows("cycles"):
        if (one["video_id"], one["segment_index"]) == (last["video_id"], last["segment_index"]):
            last = one
    forger.set_cycle(last, frame_end=len(forger.times(last["video_id"])) - 1)


@forgery("cycle", "two overlap")
def _overlap(forger: Forger) -> None:
    one = middle(forger)
    forger.set_cycle(one, frame_start=max(one["frame_start"] - 10, 0))


@forgery("cycle", "the key frame moved")
def _key(forger: Forger) -> None:
    one = middle(forger)
    forger.set_cycle(one, frame_key=one["frame_key"] + 2)


@forgery("cycle", "the end a frame earlier")
def _earlier(forger: Forger) -> None:
    one = middle(forger)
    forger.set_cycle(one, frame_end=one["frame_end"] - 1)


forgery("cycle", "a half")(cycle(kind="half", side="r"))
forgery("cycle", "a hold")(cycle(kind="hold"))
forgery("cycle", "cut")(cycle(cut="end"))
forgery("cycle", "its quality")(cycle(quality=0.123))
forgery("cycle", "all scores perfect")(
    cycle(
        quality=1.0,
        quality_cosine=1.0,
        quality_pearson=1.0,
        quality_velocity=1.0,
        quality_amplitude=1.0,
    )
)


@forgery("cycle", "a side")
def _side(forger: Forger) -> None:
    one = middle(forger)
    forger.set_cycle(one, side="l" if one["side"] != "l" else "r")


@forgery("cycle", "another phase in annotations")
def _phase(forger: Forger) -> None:
    for row in forger.rows("annotations"):
        if row["cycle"] is not None:
            row["cycle"]["phase"] = "return"


@forgery("cycle", "the last one removed")
def _removed(forger: Forger) -> None:
    used = {
        (row["video_id"], row["segment_index"], row["cycle"]["cycle_index"])
        for row in forger.rows("annotations")
        if row["cycle"] is not None
    }
    cycles = forger.rows("cycles")
    names = [(one["video_id"], one["segment_index"], one["cycle_index"]) for one in cycles]
    last = {name[:2]: name for name in names}
    place = next(i for i, name in enumerate(names) if name not in used and last[name[:2]] == name)
    forger.remove("cycles", cycles[place])
    for one in forger.rows("findings"):
        if (one["video_id"], one["segment_index"], one["cycle_index"]) == names[place]:
            forger.remove("findings", one)


@forgery("cycle", "an earlier one cited, with its findings")
def _cited(forger: Forger) -> None:
    row = forger.one("annotations", lambda r: r["cycle"] and r["cycle"]["cycle_index"] > 0)
    _cite(forger, row, -1)


@forgery("cycle", "a later one cited, with its findings")
def _later(forger: Forger) -> None:
    last = {(c["video_id"], c["segment_index"]): c["cycle_index"] for c in forger.rows("cycles")}
    row = forger.one(
        "annotations",
        lambda r: (
            r["cycle"]
            and r["cycle"]["cycle_index"] < last.get((r["video_id"], r["segment_index"]), 0)
        ),
    )
    _cite(forger, row, 1)


@forgery("cycle", "one counted as cut")
def _counted(forger: Forger) -> None:
    forger.one("cycles")["counted"] = "cut"


@forgery("cycle", "a repetition as a hold in progress")
def _going_on(forger: Forger) -> None:
    forger.one("annotations", lambda r: r["cycle"])["cycle"] |= {
        "kind": "hold_in_progress",
        "cut": "end",
    }


@forgery("cycle", "a cited key frame between two frames")
def _between(forger: Forger) -> None:
    forger.one("annotations", lambda r: r["cycle"])["cycle"]["key_s"] -= 1e-3


def _cite(forger: Forger, row: Row, step: int) -> None:
    index = row["cycle"]["cycle_index"] + step
    other = forger.one(
        "cycles",
        lambda c: (
            (c["video_id"], c["segment_index"], c["cycle_index"])
            == (row["video_id"], row["segment_index"], index)
        ),
    )
    row["cycle"] |= {name: other[name] for name in row["cycle"] if name in other}
    for own, table in forger.findings_of(row):
        own |= {name: table[name] for name in own if name in table}
