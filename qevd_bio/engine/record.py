"""The record of one unit: how it ended, from which inputs, and what its outputs must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import JsonValue, dump_json, parse_json

ARTIFACT_FILE = "artifact.parquet"
UNIT_FILE = "unit.json"
SCHEMA_VERSION = 2

Status = Literal["completed", "failed", "skipped"]


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
        Why they are valid, as given by the person who adopted them.
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
        What the stage returned.
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
    """Hash everything the artifact of a unit depends on, to 64 hexadecimal digits."""
    return sha256_json(
        {"stage": stage, "version": version, "video_id": video_id, "depends": dict(depends)}
    )


def one_line(error: BaseException) -> str:
    """Write an error by type and message in one line: ``VideoError: 0007.mp4: cannot...``."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


def record_to_json(record: UnitRecord) -> str:
    """Write a record as the text of ``unit.json``.

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
    """Read the text of ``unit.json``, check it against the schema and recompute its identity.

    Raises
    ------
    DataError
        The text is no JSON, breaks the schema, or its identity is not that of its inputs.
    """
    content = parse_json(text, where=where)
    violation = _schema_violation(content)
    if violation:
        raise _damaged(f"breaks the schema at {violation}", where)
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
    return DataError(cause, where=where, next_step="Run again: the unit is computed again")


# A rule is the words for what a value must be, and the test for it.
_Rule = tuple[str, Callable[[Any], bool]]
_Rules = Mapping[str, _Rule]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_line(value: object) -> bool:
    return isinstance(value, str) and not set(value) & {"\r", "\n"}


def _are_texts(value: object) -> bool:
    return isinstance(value, dict) and all(type(text) is str for text in value.values())


def _matching(words: str, pattern: re.Pattern[str]) -> _Rule:
    return words, lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _whole(words: str, least: int) -> _Rule:
    return words, lambda value: type(value) is int and value >= least


_HASH = _matching("64 hexadecimal digits", re.compile(r"[0-9a-f]{64}"))
_TIME = _matching("a time in UTC", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"))
_LINE: _Rule = ("one line", _is_line)
_OBJECT: _Rule = ("an object", lambda value: isinstance(value, dict))

_OUTPUT: _Rules = {
    "name": (f"'{ARTIFACT_FILE}'", lambda value: value == ARTIFACT_FILE),
    "size": _whole("a positive whole number", 1),
    "sha256": _HASH,
}
_TIMINGS: _Rules = {
    "started_utc": _TIME,
    "finished_utc": _TIME,
    "seconds": ("a number of seconds", lambda value: type(value) in (int, float) and value >= 0),
}
_ADOPTED: _Rules = {
    "identity": _HASH,
    "reason": ("one line", lambda value: _is_line(value) and value != ""),
    "adopted_utc": _TIME,
}
_UNIT: _Rules = {
    "schema_version": (str(SCHEMA_VERSION), lambda value: value == SCHEMA_VERSION),
    "status": ("completed, failed or skipped", lambda value: value in get_args(Status)),
    "reason": _LINE,
    "stage": _LINE,
    "version": ("a whole number", lambda value: type(value) is int),
    "video_id": _LINE,
    "identity": _HASH,
    "depends": ("digests by name", _are_texts),
    "outputs": ("a list", lambda value: isinstance(value, list)),
    "notes": _OBJECT,
    "traceback": ("text or null", lambda value: value is None or _is_text(value)),
    "timings": _OBJECT,
    "versions": ("versions by name", _are_texts),
    "host": ("text", _is_text),
    "run_id": _LINE,
    "attempt": _whole("a positive whole number", 1),
    "adopted": ("an object or null", lambda value: value is None or isinstance(value, dict)),
}


def _schema_violation(content: object) -> str:
    """Return where a record breaks the schema and what was expected; empty when it is sound."""
    found = _violation("$", content, _UNIT)
    if found:
        return found
    record = cast("dict[str, Any]", content)
    found = _violation("$.timings", record["timings"], _TIMINGS)
    if not found and record["adopted"] is not None:
        found = _violation("$.adopted", record["adopted"], _ADOPTED)
    for index, output in enumerate(record["outputs"]):
        found = found or _violation(f"$.outputs[{index}]", output, _OUTPUT)
    is_complete = record["status"] == "completed"
    if not found and len(record["outputs"]) != is_complete:
        found = f"$.outputs: a unit that is {record['status']} has {int(is_complete)}"
    if not found and bool(record["reason"]) == is_complete:
        found = f"$.reason: a unit that is {record['status']} has {'none' * is_complete or 'one'}"
    return found


def _violation(place: str, value: object, rules: _Rules) -> str:
    if not isinstance(value, dict):
        return f"{place}: no object"
    if value.keys() != rules.keys():
        strange = ", ".join(sorted(value.keys() ^ rules.keys()))
        return f"{place}: keys missing or unknown: {strange}"
    for name, (expected, holds) in rules.items():
        if not holds(value[name]):
            return f"{place}.{name}: must be {expected}"
    return ""
