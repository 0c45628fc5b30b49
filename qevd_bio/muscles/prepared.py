"""The muscles of a model file, read and fitted once and kept.

A fit takes seconds; what it gives is kept in a folder under the digest of the model's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import atomic_path, make_folder
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.muscles.hill import Curve, Muscles
from qevd_bio.muscles.opensim_model import OpensimModel
from qevd_bio.muscles.paths import PathGroup, Paths, fit_paths
from qevd_bio.muscles.simulate import Actuators

FIT_VERSION = 1
"""Raised with every change of what a fit gives."""

_FEET = tuple((f"calcn_{side}", f"toes_{side}") for side in "rl")
_GROUP_FIELDS = tuple(one.name for one in fields(PathGroup))
_CURVES = ("active", "passive", "tendon", "speed")
_ERRORS = ("length_error_m", "arm_error_m", "jump_share")
_MOST_GROUPS = 64


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """An opened model with its muscles; `sha256` is of the model file."""

    body: OpensimModel
    actuators: Actuators
    sha256: str

    def fit_notes(self) -> dict[str, float | int]:
        """Tell how far the fitted paths are off in held-out poses, in millimetres."""
        paths = self.actuators.paths
        return {
            "fit_version": FIT_VERSION,
            "length_error_mm_median": round(float(np.median(paths.length_error_m)) * 1e3, 3),
            "length_error_mm_worst": round(float(paths.length_error_m.max()) * 1e3, 3),
            "arm_error_mm_median": round(float(np.median(paths.arm_error_m)) * 1e3, 3),
            "arm_error_mm_worst": round(float(paths.arm_error_m.max()) * 1e3, 3),
        }


def prepare(model: Path, folder: Path) -> PreparedModel:
    """Open a model and fit its paths, or take the fit that a folder keeps.

    Parameters
    ----------
    model : Path
        A .osim file of the LaiUhlrich family.
    folder : Path
        Where fits are kept; made if absent.

    Raises
    ------
    EnvironmentProblem
        opensim is not installed.
    DataError
        The file is no such model.
    """
    digest = sha256_file(model)
    body = OpensimModel(model)
    kept = folder / f"{digest[:32]}-{FIT_VERSION}.npz"
    if kept.is_file():
        return PreparedModel(body, _from_arrays(kept), digest)
    muscles, paths = body.hill(), fit_paths(body.lengths_m, body.ranges)
    actuators = Actuators(muscles, paths, _foot_lengths(body))
    make_folder(folder)
    with atomic_path(kept) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **_to_arrays(actuators))
    return PreparedModel(body, actuators, digest)


def _foot_lengths(body: OpensimModel) -> NDArray[np.float64]:
    """Measure both feet from the heel's origin to that of the toes, in metres."""
    at = body.places(body.default[None], [name for pair in _FEET for name in pair]).origins_m[0]
    return np.asarray(np.linalg.norm(at[1::2] - at[::2], axis=1))


def _to_arrays(actuators: Actuators) -> dict[str, NDArray[Any]]:
    muscles, paths = actuators.muscles, actuators.paths
    arrays: dict[str, NDArray[Any]] = {"foot_m": actuators.foot_m}
    for one in fields(Muscles):
        value = getattr(muscles, one.name)
        if one.name in _CURVES:
            arrays[f"{one.name}_values"] = value.values
            arrays[f"{one.name}_grid"] = np.array([value.low, value.step])
        else:
            arrays[one.name] = np.asarray(value)
    for number, group in enumerate(paths.groups):
        for name in _GROUP_FIELDS:
            arrays[f"group{number}_{name}"] = getattr(group, name)
    arrays["sizes"] = np.array([len(paths.groups), paths.count, paths.size])
    for name in _ERRORS:
        arrays[name] = getattr(paths, name)
    return arrays


def _from_arrays(path: Path) -> Actuators:
    wanted = {"foot_m", "sizes", *_ERRORS, *(one.name for one in fields(Muscles))}
    wanted |= {f"{name}_{part}" for name in _CURVES for part in ("values", "grid")}
    wanted |= {f"group{n}_{name}" for n in range(_MOST_GROUPS) for name in _GROUP_FIELDS}
    arrays = load_npz(path, tuple(wanted))
    try:
        count, muscles, size = (int(value) for value in arrays["sizes"])
        groups = tuple(
            PathGroup(**{name: arrays[f"group{number}_{name}"] for name in _GROUP_FIELDS})
            for number in range(count)
        )
        own: dict[str, Any] = {"names": tuple(str(name) for name in arrays["names"])}
        for one in fields(Muscles):
            if one.name in _CURVES:
                low, step = arrays[f"{one.name}_grid"]
                own[one.name] = Curve(float(low), float(step), arrays[f"{one.name}_values"])
            elif one.name != "names":
                own[one.name] = arrays[one.name]
        errors = (arrays[name] for name in _ERRORS)
        return Actuators(Muscles(**own), Paths(groups, muscles, size, *errors), arrays["foot_m"])
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"holds no fit of a model ({error})", where=str(path), next_step="Delete it"
        ) from error
