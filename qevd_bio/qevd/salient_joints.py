"""Salient joints that somebody named for the segments of a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import parse_json

_SCHEMA = Draft202012Validator(
    json.loads(Path(__file__).with_name("salient_joints.schema.json").read_text(encoding="utf-8"))
)

NamedJoints = Mapping[str, Mapping[int, tuple[str, ...]]]


def load_salient_joints(path: Path, segments: Mapping[str, int]) -> NamedJoints:
    """Read an annotation of salient joints.

    Parameters
    ----------
    path : Path
        JSON as ``salient_joints.schema.json`` has it: video id to segment index to joints.
    segments : mapping of str to int
        Number of segments of every video of the data root.

    Returns
    -------
    mapping of str to mapping of int to tuple of str
        Joints by video and segment, in the file's order.

    Raises
    ------
    DataError
        The file cannot be read, breaks its schema, or names a video or segment that is not
        there; file and key are named.
    """
    content = _checked(path)
    found: dict[str, dict[int, tuple[str, ...]]] = {}
    for video, named in content.items():
        if video not in segments:
            raise _bad(path, video, "no record has this video id")
        for index in named:
            if int(index) >= segments[video]:
                raise _bad(path, f"{video}.{index}", f"the video has {segments[video]} segments")
        found[video] = {int(index): tuple(joints) for index, joints in named.items()}
    return found


def _checked(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise _bad(path, "", f"cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise _bad(path, "", f"is not UTF-8 at byte {error.start}") from error
    content: Any = parse_json(text, where=str(path))
    for fault in _SCHEMA.iter_errors(content):
        raise _bad(path, ".".join(str(part) for part in fault.absolute_path), fault.message[:200])
    return dict(content)


def _bad(path: Path, key: str, cause: str) -> DataError:
    return DataError(
        cause,
        where=f"{path}: {key}" if key else str(path),
        next_step="Correct the file given as --salient-joints",
    )
