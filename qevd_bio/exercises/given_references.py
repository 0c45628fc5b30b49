"""References from a folder that take the place of those the rules build.

D = 46 DoF, P phase points
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from qevd_bio.errors import DataError
from qevd_bio.exercises.references import (
    INDEX_NAME,
    SCHEMA_VERSION,
    index_text,
    reference_file,
    reference_flaws,
)
from qevd_bio.exercises.rule import GivenReference, Rule
from qevd_bio.files.input_file import read_json_input
from qevd_bio.files.restricted_numpy import load_npy
from qevd_bio.files.strict_json import JsonValue

FOLDER = "references"
"""Where a release carries the references it was made with."""

_MOST_BYTES = 1 << 20
_NEXT_STEP = "Give a folder of `qevd-bio references generate` or `references build`"
_AGAIN = "Generate it again with the rule as it is now"


def with_references(rules: Mapping[str, Rule], folder: Path | None) -> dict[str, Rule]:
    """Give rules the references of a folder; the others keep their own.

    Parameters
    ----------
    rules : mapping of str to Rule
        By id.
    folder : Path or None
        Holds ``index.json`` and ``<id>.npy``, as `build_all` writes them; None: nothing changes.

    Raises
    ------
    DataError
        The folder is of another schema, names an exercise without a rule or a reference made for
        another version of it, or a file is not what the index says.
    """
    if folder is None:
        return dict(rules)
    index = folder / INDEX_NAME
    content = read_json_input(index, next_step=_NEXT_STEP)
    entries = content.get("references") if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or not isinstance(entries, Mapping):
        raise DataError("is no index of references", where=str(index), next_step=_NEXT_STEP)
    if content.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            f"has schema_version {content.get('schema_version')!r}, not {SCHEMA_VERSION}",
            where=str(index),
            next_step=_NEXT_STEP,
        )
    if not entries:
        raise DataError("references: names none", where=str(index), next_step=_NEXT_STEP)
    given = {
        name: _given(rules.get(str(name)), str(name), entry, folder)
        for name, entry in entries.items()
    }
    return {
        name: replace(rule, given=given[name]) if name in given else rule
        for name, rule in rules.items()
    }


def reference_files(rules: Mapping[str, Rule]) -> dict[str, bytes]:
    """Return the files of a folder that gives these rules the references they were given.

    By name; empty where they build all of them.
    """
    given = {name: rule.given for name, rule in sorted(rules.items()) if rule.given is not None}
    if not given:
        return {}
    files = {f"{name}.npy": one.content for name, one in given.items()}
    index = index_text({name: one.entry for name, one in given.items()})
    return files | {INDEX_NAME: index.encode("utf-8")}


def _given(rule: Rule | None, name: str, entry: JsonValue, folder: Path) -> GivenReference:
    where = f"{folder / INDEX_NAME}: references.{name}"
    if rule is None:
        raise DataError(
            "no rule has this id",
            where=where,
            next_step="`qevd-bio rules list` lists them; give --rules with your own",
        )
    if not isinstance(entry, Mapping):
        raise DataError("is no entry of a reference", where=where, next_step=_NEXT_STEP)
    path = folder / f"{name}.npy"
    q = load_npy(path, most_bytes=_MOST_BYTES)
    if q.dtype != np.float64 or q.ndim != 2 or not np.isfinite(q).all():
        raise DataError(
            f"holds no finite angles of double precision, but {q.dtype} {q.shape}",
            where=str(path),
            next_step=_NEXT_STEP,
        )
    if flaws := reference_flaws(rule, q):
        raise DataError("; ".join(flaws), where=str(path), next_step=_AGAIN)
    content, expected = reference_file(rule, q)
    for key, value in expected.items():
        if key not in entry or entry[key] != value:
            told = entry.get(key, "absent")
            raise DataError(
                f"{key} is {told!r}, and {value!r} by the rule (version {rule.version}) and the "
                f"file {path.name}",
                where=where,
                next_step=_AGAIN,
            )
    return GivenReference(q, content, str(expected["sha256"]), entry)
