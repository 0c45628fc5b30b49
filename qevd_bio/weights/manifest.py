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
    """A model file its owner gives out.

    Attributes
    ----------
    name, used_for, obtain, page, licence, redistribution, source : str
        As ``weights.schema.json`` describes them.
    files : tuple of str
        Names the file goes by.
    n_bytes : int or None
        Size of the file; None where nobody looked it up.
    sha256 : str or None
        Of the file; None where nobody looked it up.
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
    """Read the manifest of weights.

    Parameters
    ----------
    path : Path, optional
        Another manifest than the one that ships with the package.

    Returns
    -------
    dict of str to Offer
        One for each name of `WEIGHT_NAMES`, in that order.

    Raises
    ------
    DataError
        The manifest does not follow its schema, or its names are not those of the store.
    """
    path = path or asset_path("manifests", MANIFEST)
    schema: Any = parse_json(
        asset_path("manifests", SCHEMA).read_text(encoding="utf-8"), where=SCHEMA
    )
    told: Any = parse_json(path.read_text(encoding="utf-8"), where=str(path))
    fault = best_match(Draft202012Validator(schema).iter_errors(told))
    if fault is not None:
        place = "/".join(str(part) for part in fault.absolute_path) or "the whole"
        raise _malformed(path, f"{place}: {fault.message}")
    offers = [Offer(**{**entry, "files": tuple(entry["files"])}) for entry in told["weights"]]
    if tuple(offer.name for offer in offers) != WEIGHT_NAMES:
        raise _malformed(path, f"its names are not {', '.join(WEIGHT_NAMES)}")
    return {offer.name: offer for offer in offers}


def _malformed(path: Path, cause: str) -> DataError:
    return DataError(cause, where=str(path), next_step=f"Correct it after {SCHEMA}")
