"""What is offered, what was imported, and whether it is still what was imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.weights.hsmr_shapes import HEADS_KEY
from qevd_bio.weights.manifest import Offer, load_offers, load_shipped
from qevd_bio.weights.store import WeightFolder

State = Literal["imported", "absent", "damaged", "shipped"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of weights, as far as the header shows; `verify_weights` alone reads the numbers.

    `detail` is where the weights come from, or how to obtain them, or what is wrong.
    """

    name: str
    state: State
    detail: str
    licence: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with an imported file, and notes for a person to check."""

    name: str
    issues: tuple[str, ...]
    notes: tuple[str, ...]


def inventory(folder: WeightFolder) -> list[Entry]:
    """List all names in a fixed order, imported or not, then the weights that ship with us."""
    shipped = [
        Entry(one.name, "shipped", f"{one.used_for}; made by {one.made_by}", one.licence, {})
        for one in load_shipped().values()
    ]
    return [_entry(folder, offer) for offer in load_offers().values()] + shipped


def _entry(folder: WeightFolder, offer: Offer) -> Entry:
    try:
        metadata = folder.metadata(offer.name)
    except EnvironmentProblem:
        return Entry(offer.name, "absent", f"{offer.obtain} ({offer.page})", offer.licence, {})
    except DataError as error:
        return Entry(offer.name, "damaged", error.message, offer.licence, {})
    size = "" if metadata["official_size"] == "yes" else "; NOT THE OFFICIAL SIZE"
    detail = (
        f"from {metadata['source_file']}, SHA-256 {metadata['source_sha256']}; "
        f"{metadata['evidence']}{size}"
    )
    return Entry(offer.name, "imported", detail, offer.licence, metadata)


def verify_weights(folder: WeightFolder, names: tuple[str, ...] = ()) -> list[Verdict]:
    """Read imported weights whole, all without names, and compare them with their digests.

    `EnvironmentProblem` where one of the names was not imported.
    """
    verdicts = []
    heights_m = {}
    for name in names or folder.present():
        try:
            weights = folder.load(name)
        except DataError as error:
            verdicts.append(Verdict(name, (error.message,), ()))
            continue
        arrays = weights.arrays()
        broken = sorted(key for key, array in arrays.items() if not np.isfinite(array).all())
        issues = (f"NaN or inf in {', '.join(broken)}",) if broken else ()
        notes = []
        if weights.metadata["official_size"] != "yes":
            source = "given at import" if HEADS_KEY in weights.metadata else "assumed"
            backbone, head = weights.heads()
            notes.append(
                "a network of another size than the official one, "
                f"{backbone},{head} attention heads ({source})"
            )
        if "template" in arrays:
            heights_m[name] = float(np.ptp(arrays["template"][:, 1]))
            notes.append(f"average body {heights_m[name]:.2f} m tall")
        verdicts.append(Verdict(name, issues, tuple(notes)))
    return [_with_swap(verdict, heights_m) for verdict in verdicts]


def _with_swap(verdict: Verdict, heights_m: dict[str, float]) -> Verdict:
    """Note a female average body that is taller than the male one: the two may be swapped."""
    for kind in ("skel", "smpl"):
        male, female = f"{kind}_male", f"{kind}_female"
        if verdict.name not in (male, female) or not {male, female} <= heights_m.keys():
            continue
        if heights_m[female] > heights_m[male]:
            swapped = f"{female} is taller than {male}: the two may be swapped"
            return Verdict(verdict.name, verdict.issues, (*verdict.notes, swapped))
    return verdict
