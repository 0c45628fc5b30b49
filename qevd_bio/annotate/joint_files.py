"""The files of an annotation of joints: what the model said of each segment, written and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from qevd_bio.annotate.joint_annotation import SegmentJoints
from qevd_bio.annotate.joint_answers import JointPass
from qevd_bio.errors import DataError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.json_schema import load_schema, schema_violation
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.files.strict_json import dump_json, parse_json

JOINTS_FILE = "joints.json"
"""For `run --salient-joints`."""

DETAILS_FILE, REVIEWED_FILE, FIGURES_FILE = "segments.jsonl", "reviewed.jsonl", "figures.json"

_DETAILS = load_schema(__file__, "segment_details.schema.json")


def write_segments(folder: Path, segments: Iterable[SegmentJoints]) -> None:
    """Write what the model said of segments, a line each."""
    lines = [dump_json(_details(one), where=DETAILS_FILE) for one in segments]
    write_text_atomic(folder / DETAILS_FILE, "".join(f"{line}\n" for line in lines))


def read_segments(folder: Path) -> list[SegmentJoints]:
    """Read what `write_segments` wrote.

    Raises
    ------
    DataError
        The file is absent or damaged; its line is named.
    """
    return [_segment_of(value) for value in json_lines(folder / DETAILS_FILE, _DETAILS)]


def json_lines(path: Path, schema: Draft202012Validator) -> Iterator[Any]:
    """Read checked JSON lines; a last line without an end was cut by a crash and is left out."""
    try:
        text = read_text_regular(path, follow_links=True)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot be read ({error})",
            where=str(path),
            next_step="Name a folder that `qevd-bio annotate joints` wrote",
        ) from error
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        where = f"{path} line {number}"
        value = parse_json(line, where=where)
        if violation := schema_violation(schema, value):
            raise DataError(
                f"{violation[0]}: {violation[1]}",
                where=where,
                next_step="Restore the file; it is not meant to be edited",
            )
        yield value


def _details(one: SegmentJoints) -> dict[str, Any]:
    both = one.joined
    return {
        "video_id": one.video_id,
        "segment_index": one.index,
        "exercise_text": one.exercise_text,
        "exercise": one.rule_id,
        "model": one.model,
        "times_s": list(one.times_s),
        "outcomes": list(one.outcomes),
        "standard": list(both.standard),
        "execution": _execution(both.execution),
        "disputed": list(both.disputed),
        "rule_joints": list(one.rule_joints),
        "passes": [
            {"standard": list(p.standard), "execution": _execution(p.execution)}
            for p in one.passes
        ],
    }


def _execution(joints: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"joint": name, "seen": seen} for name, seen in joints.items()]


def _segment_of(value: Mapping[str, Any]) -> SegmentJoints:
    """Read a segment; what is joined follows from its passes."""
    return SegmentJoints(
        value["video_id"],
        value["segment_index"],
        value["exercise_text"],
        value["exercise"],
        tuple(value["rule_joints"]),
        tuple(value["times_s"]),
        tuple(
            JointPass(
                tuple(one["standard"]), {two["joint"]: two["seen"] for two in one["execution"]}
            )
            for one in value["passes"]
        ),
        tuple(value["outcomes"]),
        value["model"],
    )
