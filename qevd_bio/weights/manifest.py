"""Which model files there are, where their owners give them out, and under which terms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import parse_json
from qevd_bio.weights.contents import WEIGHT_NAMES

MANIFEST, SCHEMA = "weights.json", "weights.schema.json"


@dataclass(frozen=True, slots=True)
class Offer:
    """A model file its owner gives out, as ``weights.schema.json`` describes it.

    `files` are the names it goes by; size and SHA-256 are None where unknown.
    """

    name: str
    used_for: str
    obtain: str
    page: str
    files: tuple[str, ...]
    n_bytes: int | None
    sha256: str | None
    licence: str
    redistribution: str
    source: str


def load_offers(path: Path | None = None) -> dict[str, Offer]:
    """Read the manifest of weights: one entry for each name of `WEIGHT_NAMES`, in that order.

    `DataError` where it does not follow its schema, or its names are not those of the store.
    """
    path = path or asset_path("manifests", MANIFEST)
    schema: Any = parse_json(
        asset_path("manifests", SCHEMA).read_text(encoding="utf-8"), where=SCHEMA
    )
    content: Any = parse_json(path.read_text(encoding="utf-8"), where=str(path))
    issue = best_match(Draft202012Validator(schema).iter_errors(content))
    if issue is not None:
        place = "/".join(str(part) for part in issue.absolute_path) or "the whole"
        raise _malformed(path, f"{place}: {issue.message}")
    offers = [Offer(**{**entry, "files": tuple(entry["files"])}) for entry in content["weights"]]
    if tuple(offer.name for offer in offers) != WEIGHT_NAMES:
        raise _malformed(path, f"its names are not {', '.join(WEIGHT_NAMES)}")
    return {offer.name: offer for offer in offers}


def _malformed(path: Path, cause: str) -> DataError:
    return DataError(cause, where=str(path), next_step=f"Correct it after {SCHEMA}")
