"""Which joints deserved attention in each segment: what the joint selector learns.

Labels of people come from an annotation file. Without one they are weak: made by the rules and the
findings of a release, so a selector cannot become better than these are.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from qevd_bio.arrays import BoolArray
from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.motion_parts import full_name
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.salience import joints_of_measure, salience_of_rule
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.model.released_segments import (
    ReleasedSegment,
    announced_segments,
    released_segments,
)
from qevd_bio.qevd.salient_joints import load_salient_joints
from qevd_bio.released.loading import splits_of, videos_of
from qevd_bio.released.manifest import read_manifest
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.training.order import seed_of

LabelSource = Literal["annotation", "weak labels of rules and findings"]
WEAK: LabelSource = "weak labels of rules and findings"
VIOLATED_SHARE = 1.0 / 3.0
"""A constraint adds its joints when it is violated in this share of the cycles that show it."""

_PERSON_COLUMNS = ["video_id", "person"]


@dataclass(frozen=True, slots=True)
class LabelledSegment:
    """A segment with the joints that deserved attention.

    Attributes
    ----------
    video_id, person, split, exercise : str
        The video, who is in it, its split, and the exercise.
    index : int
        Of the segment in its video.
    start_s, end_s : float
        Its time.
    joints : frozenset of str
        SKEL joints.
    """

    video_id: str
    person: str
    split: str
    exercise: str
    index: int
    start_s: float
    end_s: float
    joints: frozenset[str]

    @property
    def is_salient(self) -> BoolArray:
        """Flag each of the 24 joints."""
        return np.array([name in self.joints for name in JOINT_NAMES])


def labelled_segments(
    release: Path,
    annotation: Path | None = None,
    persons: Path | None = None,
    rules: Path | None = None,
) -> tuple[list[LabelledSegment], LabelSource]:
    """Label the segments of a release.

    Parameters
    ----------
    release : Path
        Folder of a release.
    annotation : Path, optional
        File as for ``run --salient-joints``; without it the labels are weak.
    persons : Path, optional
        CSV with the columns video_id and person; a video that it does not name is taken for a
        person of its own.
    rules : Path, optional
        Folder of the user's rules, for weak labels.

    Returns
    -------
    segments : list of LabelledSegment
        Those without a label are left out.
    source : str
        Where the labels come from.

    Raises
    ------
    UsageError, DataError
        A file cannot be used.
    """
    segments = released_segments(release)
    source: LabelSource
    if annotation is None:
        known = load_rules(rules)
        _check_rules(known, release)
        joints, source = _weak_labels(release, segments, known), WEAK
    else:
        named = load_salient_joints(annotation, announced_segments(release))
        joints = {
            (video, index): frozenset(names)
            for video, by_index in named.items()
            for index, names in by_index.items()
        }
        source = "annotation"
    who = {} if persons is None else read_persons(persons)
    found = [
        LabelledSegment(
            video_id=one.video_id,
            person=who.get(one.video_id, f"video {one.video_id}"),
            split=one.split,
            exercise=one.exercise or one.exercise_text,
            index=one.index,
            start_s=one.start_s,
            end_s=one.end_s,
            joints=joints[one.video_id, one.index],
        )
        for one in segments
        if (one.video_id, one.index) in joints
    ]
    return found, source


def standard_joints(rule: Rule) -> frozenset[str]:
    """Name the joints of an exercise done well: those that move, in a hold those it checks."""
    return frozenset(rule.dynamic_joints or salience_of_rule(rule).joints)


def split_by_person(
    segments: list[LabelledSegment], held_out_share: float, seed: int
) -> tuple[list[LabelledSegment], list[LabelledSegment]]:
    """Divide segments so that nobody is on both sides.

    Parameters
    ----------
    segments : list of LabelledSegment
        All.
    held_out_share : float
        Share of the persons that are held out, where no video belongs to the split ``test``.
    seed : int
        Chooses them.

    Returns
    -------
    trained_on, held_out : list of LabelledSegment
        Everyone with a video in the split ``test`` is held out.

    Raises
    ------
    UsageError
        There are fewer than two persons, or nobody is left to train on.
    """
    persons = sorted({one.person for one in segments})
    out = {one.person for one in segments if one.split == "test"}
    if not out:
        keys = {who: seed_of(seed, *who.encode()) for who in persons}
        count = max(1, round(held_out_share * len(persons)))
        out = set(sorted(persons, key=lambda who: keys[who])[:count])
    if not out < set(persons):
        raise UsageError(
            f"{len(persons)} persons cannot be divided into trained on and held out",
            where="labels",
            next_step="Give videos of two persons or more, and name them in the file of persons",
        )
    return (
        [one for one in segments if one.person not in out],
        [one for one in segments if one.person in out],
    )


def read_persons(path: Path) -> dict[str, str]:
    """Read who is in which video, from a CSV file with the columns video_id and person.

    Raises
    ------
    DataError
        The file cannot be read, has other columns, or names a video twice.
    """
    try:
        with io.StringIO(read_text_regular(path, follow_links=True), newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            if list(reader.fieldnames or ()) != _PERSON_COLUMNS:
                raise _bad(path, "line 1", f"the columns are not {','.join(_PERSON_COLUMNS)}")
            found: dict[str, str] = {}
            for row in reader:
                video, person = row["video_id"], row["person"]
                if not video or not person or None in row:
                    raise _bad(path, f"line {reader.line_num}", "is not one video and one person")
                if video in found:
                    raise _bad(path, f"line {reader.line_num}", f"names {video} a second time")
                found[video] = person
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise _bad(path, "", f"cannot be read ({cause})") from error
    return found


def _weak_labels(
    release: Path, segments: list[ReleasedSegment], rules: Mapping[str, Rule]
) -> dict[tuple[str, int], frozenset[str]]:
    """Label by the joints of the exercise and those of the constraints that were violated."""
    violated = _violated_joints(release)
    return {
        (one.video_id, one.index): standard_joints(rules[one.exercise])
        | violated.get((one.video_id, one.index), frozenset())
        for one in segments
        if one.exercise is not None and one.exercise in rules
    }


def _check_rules(rules: Mapping[str, Rule], release: Path) -> None:
    """Refuse rules of another version than those whose findings a release holds."""
    for part, version in read_manifest(release)["generator"].items():
        kind, _, name = part.partition(" ")
        own = str(rules[name].version) if kind == "rule" and name in rules else None
        if kind == "rule" and own != version:
            raise UsageError(
                f"was made with version {version} of the rule {name}, here is "
                f"{'none' if own is None else f'version {own}'}",
                where=str(release),
                next_step="Name the folder of its rules by --set rules=FOLDER, or publish again",
            )


def _violated_joints(release: Path) -> dict[tuple[str, int], frozenset[str]]:
    wanted = ("segment_index", "constraint_id", "measure", "side", "violated", "status")
    found: dict[tuple[str, int], frozenset[str]] = {}
    for split in splits_of(release):
        for video, table in videos_of(split, release, "findings", wanted):
            shown: dict[tuple[int, str, str], list[bool]] = defaultdict(list)
            for row in table.to_pylist():
                if row["status"] == "measured":
                    name = full_name(row["measure"], row["side"])
                    shown[row["segment_index"], row["constraint_id"], name].append(row["violated"])
            for (segment, _, name), flags in shown.items():
                if np.mean(flags) >= VIOLATED_SHARE:
                    key = (video, segment)
                    found[key] = found.get(key, frozenset()) | set(joints_of_measure(name))
    return found


def _bad(path: Path, place: str, cause: str) -> DataError:
    where = f"{path}, {place}" if place else str(path)
    return DataError(cause, where=where, next_step="Write a line for each video: 0001,anna")
