"""The record of one unit: what came of it, from which inputs, and where the proof lies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import JsonValue, dump_json, parse_json

ARTIFACT_FILE = "artifact.parquet"
UNIT_FILE = "unit.json"
SCHEMA_VERSION = 2

Status = Literal["completed", "failed", "skipped"]

_HASH = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")


@dataclass(frozen=True, slots=True)
class Output:
    """One file of a unit, with what its bytes must be."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Timings:
    """When a unit ran, on the wall clock (ISO 8601, UTC), and how long in seconds."""

    started_utc: str
    finished_utc: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Adopted:
    """Why bytes made under another identity stand here.

    Attributes
    ----------
    identity : str
        The unit they come from.
    reason : str
        What the one who adopted them said.
    adopted_utc : str
        When, on the wall clock (ISO 8601, UTC).
    """

    identity: str
    reason: str
    adopted_utc: str


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """The content of one ``unit.json``.

    Attributes
    ----------
    status : str
        ``completed``, ``failed`` or ``skipped``.
    reason : str
        One line; empty when completed.
    stage, version, video_id : str, int, str
        Which unit this is.
    identity : str
        `unit_identity` of the three above and `depends`.
    depends : mapping of str to str
        Named digests of all inputs, ``upstream:<artifact>`` among them.
    outputs : tuple of Output
        One when completed, else none.
    notes : mapping of str to JsonValue
        What the stage had to say.
    traceback : str or None
        Only of a failure.
    timings : Timings
        Wall clock and duration.
    versions : mapping of str to str
        Python and package versions at work.
    host : str
        The machine's name.
    run_id : str
        Names the folder of the run below ``runs/``; empty outside of a recorded run.
    attempt : int
        1 for the first attempt at this identity.
    adopted : Adopted or None
        Set when the bytes were accepted from an older unit; `timings`, `versions`, `host`
        and `run_id` are then those of that unit.
    """

    status: Status
    reason: str
    stage: str
    version: int
    video_id: str
    identity: str
    depends: Mapping[str, str]
    outputs: tuple[Output, ...]
    notes: Mapping[str, JsonValue]
    traceback: str | None
    timings: Timings
    versions: Mapping[str, str]
    host: str
    run_id: str
    attempt: int
    adopted: Adopted | None


def unit_identity(stage: str, version: int, video_id: str, depends: Mapping[str, str]) -> str:
    """Hash everything the artifact of a unit depends on.

    Parameters
    ----------
    stage, version, video_id : str, int, str
        The unit.
    depends : mapping of str to str
        Named digests of all inputs.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return sha256_json(
        {"stage": stage, "version": version, "video_id": video_id, "depends": dict(depends)}
    )


def record_to_json(record: UnitRecord) -> str:
    """Write a record as the text of ``unit.json``.

    Parameters
    ----------
    record : UnitRecord
        Whole and consistent.

    Returns
    -------
    str
        JSON that `record_from_json` reads back.

    Raises
    ------
    DataError
        The record breaks the schema.
    """
    where = f"{record.stage}/{record.video_id}/{UNIT_FILE}"
    text = dump_json({"schema_version": SCHEMA_VERSION, **asdict(record)}, where=where, indent=1)
    record_from_json(text, where=where)
    return text + "\n"


def record_from_json(text: str, *, where: str) -> UnitRecord:
    """Read the text of ``unit.json`` and believe none of it unchecked.

    Parameters
    ----------
    text : str
        The whole file.
    where : str
        Its path, for the error.

    Returns
    -------
    UnitRecord
        Valid by the schema, its identity recomputed.

    Raises
    ------
    DataError
        The text is no JSON, breaks the schema, or its identity is not that of its inputs.
    """
    content = parse_json(text, where=where)
    fault = _fault(content)
    if fault:
        raise _damaged(f"breaks the schema at {fault}", where)
    fields = dict(cast("Mapping[str, Any]", content))
    del fields["schema_version"]
    fields["outputs"] = tuple(Output(**output) for output in fields["outputs"])
    fields["timings"] = Timings(**fields["timings"])
    fields["adopted"] = Adopted(**fields["adopted"]) if fields["adopted"] else None
    record = UnitRecord(**fields)
    if record.identity != unit_identity(
        record.stage, record.version, record.video_id, record.depends
    ):
        raise _damaged("its identity is not that of the inputs it lists", where)
    return record


def _damaged(cause: str, where: str) -> DataError:
    return DataError(cause, where=where, next_step="Run again: the unit is made anew")


def _is_line(value: object) -> bool:
    return isinstance(value, str) and not set(value) & {"\r", "\n"}


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_time(value: object) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _is_whole(least: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and value >= least


def _are_texts(value: object) -> bool:
    return isinstance(value, dict) and all(type(text) is str for text in value.values())


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and cast("float", value) >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str)


# By key: what its value must be, in words and as a test.
_Rules = Mapping[str, tuple[str, Callable[[Any], bool]]]

_OUTPUT: _Rules = {
    "name": (f"'{ARTIFACT_FILE}'", lambda value: value == ARTIFACT_FILE),
    "size": ("a positive whole number", _is_whole(1)),
    "sha256": ("64 hexadecimal digits", _is_hash),
}
_TIMINGS: _Rules = {
    "started_utc": ("a time in UTC", _is_time),
    "finished_utc": ("a time in UTC", _is_time),
    "seconds": ("a number of seconds", _is_seconds),
}
_ADOPTED: _Rules = {
    "identity": ("64 hexadecimal digits", _is_hash),
    "reason": ("one line", lambda value: _is_line(value) and value != ""),
    "adopted_utc": ("a time in UTC", _is_time),
}
_UNIT: _Rules = {
    "schema_version": (str(SCHEMA_VERSION), lambda value: value == SCHEMA_VERSION),
    "status": (
        "completed, failed or skipped",
        lambda value: value in ("completed", "failed", "skipped"),
    ),
    "reason": ("one line", _is_line),
    "stage": ("one line", _is_line),
    "version": ("a whole number", lambda value: type(value) is int),
    "video_id": ("one line", _is_line),
    "identity": ("64 hexadecimal digits", _is_hash),
    "depends": ("digests by name", _are_texts),
    "outputs": ("a list", lambda value: isinstance(value, list)),
    "notes": ("an object", lambda value: isinstance(value, dict)),
    "traceback": ("text or null", lambda value: value is None or _is_text(value)),
    "timings": ("an object", lambda value: isinstance(value, dict)),
    "versions": ("versions by name", _are_texts),
    "host": ("text", _is_text),
    "run_id": ("one line", _is_line),
    "attempt": ("a positive whole number", _is_whole(1)),
    "adopted": ("an object or null", lambda value: value is None or isinstance(value, dict)),
}


def _fault(content: object) -> str:
    """Say where a record breaks the schema and what was expected; empty when it is sound."""
    fault = _object_fault("$", content, _UNIT)
    if fault:
        return fault
    record = cast("dict[str, Any]", content)
    fault = _object_fault("$.timings", record["timings"], _TIMINGS)
    if not fault and record["adopted"] is not None:
        fault = _object_fault("$.adopted", record["adopted"], _ADOPTED)
    for index, output in enumerate(record["outputs"]):
        fault = fault or _object_fault(f"$.outputs[{index}]", output, _OUTPUT)
    is_complete = record["status"] == "completed"
    if not fault and len(record["outputs"]) != is_complete:
        fault = f"$.outputs: a unit that is {record['status']} has {int(is_complete)}"
    if not fault and bool(record["reason"]) == is_complete:
        fault = f"$.reason: a unit that is {record['status']} has {'none' * is_complete or 'one'}"
    return fault


def _object_fault(place: str, value: object, rules: _Rules) -> str:
    if not isinstance(value, dict):
        return f"{place}: no object"
    if value.keys() != rules.keys():
        strange = ", ".join(sorted(value.keys() ^ rules.keys()))
        return f"{place}: keys missing or unknown: {strange}"
    for name, (expected, holds) in rules.items():
        if not holds(value[name]):
            return f"{place}.{name}: must be {expected}"
    return ""
