"""Salient joints that the user names for segments of a session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from qevd_bio.errors import DataError
from qevd_bio.files.json_schema import load_schema, schema_violation
from qevd_bio.files.strict_json import read_json

_SCHEMA = load_schema(__file__, "salient_joints.schema.json")
_NEXT_STEP = "Correct the file given as --salient-joints"

NamedJoints = Mapping[str, Mapping[int, tuple[str, ...]]]


def load_salient_joints(path: Path, segments: Mapping[str, int]) -> NamedJoints:
    """Read an annotation of salient joints.

    Parameters
    ----------
    path : Path
        JSON as ``salient_joints.schema.json`` describes it: video id to segment index to joints.
    segments : mapping of str to int
        Number of segments of every video of the data root.

    Returns
    -------
    mapping of str to mapping of int to tuple of str
        Joints by video and segment, in the file's order.

    Raises
    ------
    DataError
        The file cannot be read, violates its schema, or names an unknown video or segment; file
        and key are named.
    """
    content = read_json(path, next_step=_NEXT_STEP)
    if violation := schema_violation(_SCHEMA, content):
        raise _bad(path, *violation)
    found: dict[str, dict[int, tuple[str, ...]]] = {}
    for video, named in cast("dict[str, Any]", content).items():
        if video not in segments:
            raise _bad(path, video, "no record has this video id")
        for index in named:
            if int(index) >= segments[video]:
                raise _bad(path, f"{video}.{index}", f"the video has {segments[video]} segments")
        found[video] = {int(index): tuple(joints) for index, joints in named.items()}
    return found


def _bad(path: Path, key: str, cause: str) -> DataError:
    where = f"{path}: {key}" if key else str(path)
    return DataError(cause, where=where, next_step=_NEXT_STEP)
