"""A session as the release alone tells it: the record, its segments, rules and salient joints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.salience import MOST_JOINTS, Salience, SegmentSalience
from qevd_bio.feedback.kinds import KindName
from qevd_bio.feedback.second_opinions import OPINION_JUDGES, PERSON, SecondOpinion
from qevd_bio.files.strict_json import parse_json
from qevd_bio.qevd.record import Record
from qevd_bio.skeleton.dofs import JOINT_INDEX
from qevd_bio.stages.sessions import Session, session_of
from qevd_bio.verify.made_by import MadeBy

_NOWHERE = Path()


def rebuilt_session(
    video: str, split: str, row: Mapping[str, Any], time_s: FloatArray, made_by: MadeBy
) -> Session:
    """Make the session of a video again, with the salient joints of its rules.

    Parameters
    ----------
    video, split : str
        As the release names them.
    row : mapping
        The row of ``records.parquet`` with its record.
    time_s : ndarray (T,)
        Published times of its frames.
    made_by : MadeBy
        Has the rules.

    Raises
    ------
    DataError, KeyError, TypeError, ValueError
        The record has another shape.
    """
    fields: Any = parse_json(row["fields_json"], where=f"record of video {video}")
    record = Record(
        unit_id=video,
        video_id=video,
        split=split,
        video_file=_NOWHERE,
        timestamps_file=_NOWHERE,
        feedbacks=tuple(run["text"] for run in row["runs"] for _ in range(run["frames"])),
        feedback_timestamps=tuple(float(stamp) for stamp in fields["feedback_timestamps"]),
        is_transition=tuple(bool(flag) for flag in fields["is_transition"]),
        times_s=time_s,
        issues=(),
        index=row["record_index"],
        digest="",
    )
    return session_of(record, made_by.rules)


def opinions_of_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, SecondOpinion]:
    """Take the kinds that no lexicon decided from rows of `annotations`, by sentence.

    Nothing else in a release names them. Where the lexicon is sure, an opinion that is no
    person's does not decide, here as in the stage; so a kind that it may not decide differs.
    """
    found: dict[str, SecondOpinion] = {}
    for row in rows:
        judge, _, name = row["kind_source"].partition(" ")
        text, kind = row["feedback_original"], row["kind"]
        if judge not in OPINION_JUDGES or not name or kind not in get_args(KindName):
            continue
        decided = (kind, name) if judge == PERSON else ("", "")
        opinion = SecondOpinion(
            text, "", 0.0, kind, row["kind_confidence"], row["kind_source"], *decided
        )
        found.setdefault(text, opinion)
    return found


def salience_of_rows(
    session: Session,
    rows: Iterable[Mapping[str, Any]],
    time_s: FloatArray,
    made_by: MadeBy,
) -> dict[int, SegmentSalience]:
    """Take the salient joints of a session, or those that an annotation or a selector chose.

    Parameters
    ----------
    session : Session
        Rebuilt, with the joints of its rules.
    rows : iterable of mapping
        Of `contexts` and `annotations`: nothing else in a release names chosen joints. Joints
        that SKEL lacks, come twice or are too many are not taken.
    time_s : ndarray (T,)
        Published times of the frames: a choice of a selector is known from its first row on.
    made_by : MadeBy
        Names who chose.
    """
    salience = {index: SegmentSalience(one) for index, one in session.salience.items()}
    source = made_by.salient_source
    for row in rows if source != "rules" else ():
        index, joints = row["segment_index"], tuple(row["salient_joints"])
        fits = set(joints) <= set(JOINT_INDEX) and len(set(joints)) == len(joints) <= MOST_JOINTS
        if index is None or row["salient_source"] != source or not joints or not fits:
            continue
        known = salience.get(index)
        if source == "annotation":
            if known is None or known.chosen.source != source:
                salience[index] = SegmentSalience(Salience(joints, row["salient_source"]))
            continue
        frame = min(row["frame"] if "frame" in row else row["frame_start"], len(time_s) - 1)
        row_s = float(time_s[frame])
        if known is not None and known.chosen.source == source:
            salience[index] = replace(known, known_s=min(known.known_s, row_s))
        else:
            before = session.salience.get(index)
            salience[index] = SegmentSalience(
                Salience(joints, row["salient_source"]), row_s, before
            )
    return salience
