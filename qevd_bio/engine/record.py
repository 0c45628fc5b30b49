"""The record of one unit: what came of it, from which inputs, and where the proof lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from jsonschema import Draft202012Validator

from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import JsonValue, dump_json, parse_json

ARTIFACT_FILE = "artifact.parquet"
UNIT_FILE = "unit.json"
SCHEMA_VERSION = 1

Status = Literal["completed", "failed", "skipped"]

_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_LINE = {"type": "string", "pattern": r"^[^\r\n]*$"}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$"}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


_OUTPUT = _closed(
    {
        "name": {"const": ARTIFACT_FILE},
        "size": {"type": "integer", "minimum": 1},
        "sha256": _HASH,
    }
)
UNIT_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "qevd_bio unit record",
    **_closed(
        {
            "schema_version": {"const": SCHEMA_VERSION},
            "status": {"enum": ["completed", "failed", "skipped"]},
            "reason": _LINE,
            "stage": _LINE,
            "version": {"type": "integer"},
            "video_id": _LINE,
            "identity": _HASH,
            "depends": _TEXTS,
            "outputs": {"type": "array", "items": _OUTPUT, "maxItems": 1},
            "notes": {"type": "object"},
            "traceback": {"type": ["string", "null"]},
            "timings": _closed(
                {
                    "started_utc": _TIME,
                    "finished_utc": _TIME,
                    "seconds": {"type": "number", "minimum": 0},
                }
            ),
            "versions": _TEXTS,
            "host": {"type": "string"},
        }
    ),
    "if": {"properties": {"status": {"const": "completed"}}},
    "then": {"properties": {"outputs": {"minItems": 1}, "reason": {"const": ""}}},
    "else": {"properties": {"outputs": {"maxItems": 0}, "reason": {"minLength": 1}}},
}
_VALIDATOR = Draft202012Validator(UNIT_SCHEMA)


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
    fault = next(_VALIDATOR.iter_errors(content), None)
    if fault is not None:
        cause = f"breaks the schema at {fault.json_path}: {' '.join(fault.message.split())[:200]}"
        raise _damaged(cause, where)
    fields = dict(cast("Mapping[str, Any]", content))
    del fields["schema_version"]
    fields["outputs"] = tuple(Output(**output) for output in fields["outputs"])
    fields["timings"] = Timings(**fields["timings"])
    record = UnitRecord(**fields)
    if record.identity != unit_identity(
        record.stage, record.version, record.video_id, record.depends
    ):
        raise _damaged("its identity is not that of the inputs it lists", where)
    return record


def _damaged(cause: str, where: str) -> DataError:
    return DataError(cause, where=where, next_step="Run again: the unit is made anew")
