"""Which model files there are: where their owners give them out, and which ones we ship."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import parse_json, read_json
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


@dataclass(frozen=True, slots=True)
class Shipped:
    """Weights that this project has trained, as ``weights.schema.json`` describes them."""

    name: str
    file: str
    used_for: str
    made_by: str
    n_bytes: int
    tensors_sha256: str
    licence: str
    source: str


def load_shipped(path: Path | None = None) -> dict[str, Shipped]:
    """Read the entries of the weights that lie in the package.

    `DataError` where the manifest does not follow its schema.
    """
    content, _ = _content(path)
    return {entry["name"]: Shipped(**entry) for entry in content["shipped"]}


def load_offers(path: Path | None = None) -> dict[str, Offer]:
    """Read the manifest of weights: one entry for each name of `WEIGHT_NAMES`, in that order.

    `DataError` where it does not follow its schema, or its names are not those of the store.
    """
    content, path = _content(path)
    offers = [Offer(**{**entry, "files": tuple(entry["files"])}) for entry in content["weights"]]
    if tuple(offer.name for offer in offers) != WEIGHT_NAMES:
        raise _malformed(path, f"its names are not {', '.join(WEIGHT_NAMES)}")
    return {offer.name: offer for offer in offers}


def _content(path: Path | None) -> tuple[Any, Path]:
    """Read the manifest, the shipped one by default, and check it against its schema."""
    path = path or asset_path("manifests", MANIFEST)
    schema: Any = parse_json(
        asset_path("manifests", SCHEMA).read_text(encoding="utf-8"), where=SCHEMA
    )
    content: Any = read_json(path, follow_links=True)
    issue = best_match(Draft202012Validator(schema).iter_errors(content))
    if issue is not None:
        place = "/".join(str(part) for part in issue.absolute_path) or "the whole"
        raise _malformed(path, f"{place}: {issue.message}")
    return content, path


def _malformed(path: Path, cause: str) -> DataError:
    return DataError(cause, where=str(path), next_step=f"Correct it after {SCHEMA}")
