"""JSON lines with a first line that states format, version, count and digest of the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.json_schema import schema_violation
from qevd_bio.files.strict_json import JsonValue, dump_json, parse_json

_NEXT = "Write the file again; it is not meant to be edited"


def write_sealed(
    path: Path, name: str, version: int, rows: Iterable[JsonValue], **more: JsonValue
) -> None:
    """Write rows, a line each, below a line that describes them; equal rows give equal bytes.

    Parameters
    ----------
    path : Path
        Replaced atomically.
    name, version : str, int
        Format of the rows.
    rows : iterable of JsonValue
        One a line.
    **more : JsonValue
        Further entries of the first line.
    """
    lines = [dump_json(row, where=str(path)) + "\n" for row in rows]
    body = "".join(lines)
    digest = hashlib.sha256(body.encode("ascii")).hexdigest()
    head = {**more, "format": name, "version": version, "rows": len(lines), "sha256": digest}
    write_text_atomic(path, dump_json(head, where=str(path)) + "\n" + body)


def read_sealed(
    path: Path, name: str, version: int, schema: Draft202012Validator
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read what `write_sealed` wrote: its first line, and the rows.

    Raises
    ------
    DataError
        The file is unreadable, of another format or a newer version, was changed or cut, or a
        row breaks the schema.
    """
    try:
        text = path.read_bytes().decode("ascii")
    except OSError as error:
        raise _bad(f"cannot be read ({error.strerror or error})", path) from error
    except UnicodeDecodeError as error:
        raise _bad(f"is no {name} file: it holds other bytes than ASCII", path) from error
    first, _, body = text.partition("\n")
    head = parse_json(first, where=f"{path} line 1", next_step=_NEXT)
    if not isinstance(head, Mapping) or head.get("format") != name:
        raise _bad(f"is no {name} file", path)
    if head.get("version") != version:
        raise _bad(f"has version {head.get('version')!r}, and {version} is read", path)
    if head.get("sha256") != hashlib.sha256(body.encode("ascii")).hexdigest():
        raise _bad("was changed or cut after it was written", path)
    rows = []
    for number, line in enumerate(body.splitlines(), start=2):
        row = parse_json(line, where=f"{path} line {number}", next_step=_NEXT)
        if violation := schema_violation(schema, row):
            key, message = violation
            raise _bad(f"line {number} key {key or 'top'}: {message}", path)
        rows.append(cast("dict[str, Any]", row))
    return dict(head), rows


def _bad(cause: str, path: Path) -> DataError:
    return DataError(cause, where=str(path), next_step=_NEXT)
