"""Reference cycles: built from the key poses of a rule, kept as arrays with an index.

D = 46 DoF, P phase points
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from qevd_bio.arrays import FloatArray
from qevd_bio.assets import asset_path
from qevd_bio.errors import RuleError
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import ReferenceKey, Rule
from qevd_bio.files.atomic import write_bytes_atomic, write_text_atomic
from qevd_bio.files.restricted import load_npy
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOFS, N_DOFS, Dof
from qevd_bio.skeleton.measures import measure_values

SCHEMA_VERSION = 1
INDEX_NAME = "index.json"
ROUNDED_TO = 9
"""Decimals of a radian: the same bytes on every machine."""
WORLD_GRAVITY = np.array([0.0, -1.0, 0.0])
"""References stand in the resting frame of the skeleton: x left, y up, z forward."""


def build_reference(rule: Rule) -> FloatArray:
    """Build one cycle of an exercise done as its rule says.

    Parameters
    ----------
    rule : Rule
        Its reference keys.

    Returns
    -------
    ndarray (P, 46)
        Angles in rad from the start phase to the start phase; first and last row are equal.

    Raises
    ------
    RuleError
        A DoF leaves its possible range.

    Notes
    -----
    Between keys each DoF follows a periodic monotone cubic (PCHIP): continuous in value and
    velocity, and never beyond its keys. A key that does not name a DoF leaves it free there; a
    DoF that no key names is 0. Pelvis angles are in the resting frame (upright = 0).
    """
    q = np.zeros((rule.points, N_DOFS))
    at = np.linspace(0.0, 1.0, rule.points)
    for keys, dofs in _dofs_by_keys(rule):
        places = np.array([key.at for key in keys])
        values = np.deg2rad([[key.deg[dof.name] for dof in dofs] for key in keys])
        columns = [dof.index for dof in dofs]
        if len(keys) == 1:
            q[:, columns] = values
        else:
            curves = PchipInterpolator(
                np.concatenate([places - 1, places, places + 1]), np.tile(values, (3, 1))
            )
            q[:, columns] = curves(at)
    for dof, low, high in zip(DOFS, q.min(axis=0), q.max(axis=0), strict=True):
        if low < dof.low_rad - 1e-9 or high > dof.high_rad + 1e-9:
            raise RuleError(
                f"{dof.name} runs from {np.rad2deg(low):.0f} to {np.rad2deg(high):.0f} degrees, "
                f"possible are {np.rad2deg(dof.low_rad):.0f} to {np.rad2deg(dof.high_rad):.0f}",
                where=f"{rule.id}.json: reference.keys",
                next_step="Correct the rule file",
            )
    q[-1] = q[0]
    return np.asarray(np.round(q, ROUNDED_TO))


def _dofs_by_keys(rule: Rule) -> list[tuple[list[ReferenceKey], list[Dof]]]:
    """Put the DoFs together that are named by the same keys; leave out those of none."""
    found: dict[tuple[int, ...], list[Dof]] = {}
    for dof in DOFS:
        naming = tuple(i for i, key in enumerate(rule.reference_keys) if dof.name in key.deg)
        if naming:
            found.setdefault(naming, []).append(dof)
    return [([rule.reference_keys[i] for i in keys], dofs) for keys, dofs in found.items()]


def leading_side(rule: Rule, reference: FloatArray) -> str | None:
    """Tell which side a reference shows where the movement may be led by either.

    Parameters
    ----------
    rule : Rule
        Its representative measure decides.
    reference : ndarray (P, 46)
        Angles in rad.

    Returns
    -------
    str or None
        ``r`` or ``l`` of an alternating movement or of a hold whose side is found from the
        motion; None of any other.
    """
    if rule.representative.side != "max":
        return None
    names = [f"{rule.representative.measure}_{side}" for side in ("r", "l")]
    key = reference[[round(rule.key_phase.at * (rule.points - 1))]]
    right, left = measure_values(names, key, generic_skeleton(), WORLD_GRAVITY).values()
    leads = right[0] >= left[0] if rule.representative.extreme == "max" else right[0] <= left[0]
    return "r" if leads else "l"


def build_all(out_folder: Path, rules_folder: Path | None = None) -> list[str]:
    """Build the references of all rules with their index.

    Parameters
    ----------
    out_folder : Path
        Where ``<id>.npy`` and ``index.json`` are written; the same rules give the same bytes.
    rules_folder : Path, optional
        The package's own rules when not given.

    Returns
    -------
    list of str
        Ids in order.
    """
    index: dict[str, Any] = {}
    for rule in load_rules(rules_folder).values():
        reference = build_reference(rule)
        buffer = io.BytesIO()
        np.save(buffer, reference, allow_pickle=False)
        write_bytes_atomic(out_folder / f"{rule.id}.npy", buffer.getvalue())
        index[rule.id] = {
            "file": f"{rule.id}.npy",
            "points": rule.points,
            "start_phase": rule.start_phase,
            "phases": {phase.name: phase.at for phase in rule.phases},
            "leading_side": leading_side(rule, reference),
            "rule_version": rule.version,
            "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        }
    text = json.dumps({"schema_version": SCHEMA_VERSION, "references": index}, indent=2)
    write_text_atomic(out_folder / INDEX_NAME, text + "\n")
    return list(index)


def load_index(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Read what is known about the kept references.

    Parameters
    ----------
    folder : Path, optional
        The package's own references when not given.

    Returns
    -------
    dict of str to dict
        Per rule id: file, points, start_phase, phases, leading_side (the side that the reference
        shows where either may lead; mirror it for the other), rule_version, sha256.

    Raises
    ------
    RuleError
        The index is absent, damaged or of an unknown version.
    """
    path = (asset_path("references") if folder is None else folder) / INDEX_NAME
    next_step = "Rebuild the references from the rules"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version, references = record["schema_version"], record["references"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RuleError(
            f"no reference index: {error}", where=str(path), next_step=next_step
        ) from error
    if version != SCHEMA_VERSION:
        raise RuleError(f"schema version {version}", where=str(path), next_step=next_step)
    return dict(references)


def load_reference(rule_id: str, folder: Path | None = None) -> FloatArray:
    """Read one kept reference.

    Parameters
    ----------
    rule_id : str
        Key of the index.
    folder : Path, optional
        The package's own references when not given.

    Returns
    -------
    ndarray (P, 46)
        Angles in rad.

    Raises
    ------
    RuleError
        No such reference, or the file is not the one the index describes.
    """
    root = asset_path("references") if folder is None else folder
    index = load_index(root)
    if rule_id not in index:
        raise RuleError(
            f"no reference '{rule_id}'",
            where=str(root / INDEX_NAME),
            next_step=f"Known are {', '.join(index)}",
        )
    path = root / index[rule_id]["file"]
    reference = load_npy(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != index[rule_id]["sha256"]:
        raise RuleError(
            "differs from its index entry",
            where=str(path),
            next_step="Rebuild the references from the rules",
        )
    return np.asarray(reference, dtype=np.float64)
