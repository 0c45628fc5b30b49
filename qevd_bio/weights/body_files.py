"""Body model files of SKEL and SMPL, read into plain arrays without running them.

V = 6890 vertices, F = 13776 faces, J = 24 joints
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import DataError
from qevd_bio.files.first_bytes import looks_like
from qevd_bio.files.open_regular import open_regular
from qevd_bio.files.pickle_notes import Call, Name, PickleRefused
from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.files.restricted_pickle import NUMBER_NAMES, NumberReader, file_notes
from qevd_bio.skeleton.dofs import PARENTS
from qevd_bio.weights.contents import BODY_LAYOUT, N_JOINTS, N_SHAPES, N_VERTICES

SKEL_VERSION = "1.1.1"

_COO = {Name(f"scipy.sparse.{m}", "coo_matrix") for m in ("coo", "_coo")}
_UNUSED_SPARSE = {Name(f"scipy.sparse.{m}", "csc_matrix") for m in ("csc", "_csc")}
_CHUMPY, _CHUMPY_SELECT = Name("chumpy.ch", "Ch"), Name("chumpy.reordering", "Select")
_PLAIN_OBJECT = {
    Name("copy_reg", "_reconstructor"), Name("copyreg", "_reconstructor"),
    Name("__builtin__", "object"), Name("builtins", "object"),
}  # fmt: skip
_NAMES = NUMBER_NAMES | _COO | _UNUSED_SPARSE | _PLAIN_OBJECT | {_CHUMPY, _CHUMPY_SELECT}
_MOST_STEPS = 2_000_000
_MOST_NPZ_BYTES = 2**28

_SKEL_KEYS = {
    "skin_template_v": "template", "shapedirs": "shapedirs", "skin_template_f": "faces",
    "J_regressor_osim": "J_regressor_osim", "per_joint_rot": "per_joint_rot",
    "apose_rel_transfo": "apose_rel_transfo", "osim_kintree_table": "kintree",
}  # fmt: skip
_SMPL_KEYS = {"v_template": "template", "shapedirs": "shapedirs", "f": "faces"}
_UNSOUND = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
    RecursionError,
)
_SHAPES = {name: shape for name, (_, shape) in BODY_LAYOUT.items()}


def read_skel(path: Path) -> tuple[dict[str, NDArray[Any]], str | None]:
    """Read the parts of a SKEL 1.1.1 pickle that joints and measurements need.

    Parameters
    ----------
    path : Path
        ``skel_male.pkl`` or ``skel_female.pkl``.

    Returns
    -------
    arrays : dict of str to ndarray
        ``template`` (V, 3) m, ``shapedirs`` (V, 3, 10) m, ``faces`` (F, 3), ``J_regressor_osim``
        (J, V), ``per_joint_rot`` (J, 3, 3), ``apose_rel_transfo`` (J, 4, 4), ``kintree`` (2, J),
        row 0 parents with -1 for the root; float64 and int32.
    gender : str or None
        That stored in the file, if any.

    Raises
    ------
    DataError
        The file is absent, damaged, no SKEL 1.1.1 model, or asks for a name that is no part of
        one; the error names it, and it is never imported.
    """
    held, reader = _pickled_mapping(path)
    if "version" not in held or "skin_template_v" not in held:
        raise _unusable(path, f"is no SKEL model: {_lacking(held, ('version', *_SKEL_KEYS))}")
    version = held["version"]
    if not isinstance(version, str) or version != SKEL_VERSION:
        shown = repr(version[:40]) if isinstance(version, str) else "none that is text"
        raise _unusable(
            path,
            f"is of SKEL version {shown}, not '{SKEL_VERSION}'",
            f"Download SKEL {SKEL_VERSION}",
        )
    arrays = _arrays(path, held, _SKEL_KEYS, reader)
    arrays["kintree"] = _checked_kintree(path, arrays["kintree"])
    return arrays, _stored_gender(held)


def read_smpl(path: Path) -> tuple[dict[str, NDArray[Any]], str | None]:
    """Read the skin of an SMPL model, a pickle of Python 2 or 3 or an .npz file, as `read_skel`.

    The arrays are ``template``, ``shapedirs`` and ``faces``.
    """
    if path.suffix.lower() == ".npz":
        held: Mapping[Any, Any] = load_npz(
            path, (*_SMPL_KEYS, "gender"), most_bytes=_MOST_NPZ_BYTES
        )
        reader = NumberReader(0)
    else:
        held, reader = _pickled_mapping(path)
    return _arrays(path, held, _SMPL_KEYS, reader), _stored_gender(held)


def _pickled_mapping(path: Path) -> tuple[Mapping[Any, Any], NumberReader]:
    head = b""
    try:
        with open_regular(path, follow_links=True) as file:
            head = file.read(512)
            file.seek(0)
            notes, n_bytes = file_notes(file, _NAMES, most_steps=_MOST_STEPS)
        if not isinstance(notes, dict):
            raise PickleRefused("it holds no mapping")
        # Twice: a matrix that is stored by place is written out in full.
        return notes, NumberReader(2 * n_bytes + 8 * N_JOINTS * N_VERTICES)
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror or error})") from error
    except (ValueError, TypeError, OverflowError, MemoryError, RecursionError) as error:
        seen = looks_like(head)
        hint = "" if seen == "is of an unknown kind" else f"; it {seen}"
        raise _unusable(path, f"is no sound body model ({error}){hint}") from error


def _arrays(
    path: Path, held: Mapping[Any, Any], keys: Mapping[str, str], reader: NumberReader
) -> dict[str, NDArray[Any]]:
    if missing := _lacking(held, keys):
        raise _unusable(path, missing)
    made = {}
    for key, name in keys.items():
        try:
            array = _array(held[key], reader)
        except _UNSOUND as error:
            raise _unusable(path, f"holds no sound {key!r} ({error})") from error
        if name == "shapedirs" and array.ndim == 3 and array.shape[2] > N_SHAPES:
            array = array[:, :, :N_SHAPES]
        if array.shape != _SHAPES[name]:
            raise _unusable(
                path, f"holds {key!r} of shape {array.shape} instead of {_SHAPES[name]}"
            )
        made[name] = _typed(path, key, name, array)
    return made


def _array(held: Any, reader: NumberReader) -> NDArray[Any]:  # noqa: ANN401
    if isinstance(held, Call) and held.name == _CHUMPY:
        return _array(_state(held)["x"], reader)
    if isinstance(held, Call) and held.name == _CHUMPY_SELECT:
        state = _state(held)
        chosen = _array(state["a"], reader).reshape(-1)[_array(state["idxs"], reader)]
        if "preferred_shape" in state:
            chosen = chosen.reshape(_array(state["preferred_shape"], reader))
        return np.asarray(chosen)
    if isinstance(held, Call) and held.name in _COO:
        return _dense(_state(held), reader)
    made = held if isinstance(held, np.ndarray) else reader.plain(held)
    if isinstance(made, list | tuple) and all(type(n) is int for n in made):
        made = np.array(made)
    if not isinstance(made, np.ndarray):
        raise TypeError("it is no array")
    return made


def _dense(state: Mapping[Any, Any], reader: NumberReader) -> NDArray[np.float64]:
    """Write a matrix out that is stored by place; both spellings of SciPy's state."""
    coords = state["coords"] if "coords" in state else (state["row"], state["col"])
    row, column = (_array(part, reader) for part in coords)
    data, shape = _array(state["data"], reader), reader.plain(state["_shape"])
    if shape != (N_JOINTS, N_VERTICES):
        raise ValueError(f"a matrix of another shape than {(N_JOINTS, N_VERTICES)}")
    if not row.shape == column.shape == data.shape == (data.size,):
        raise ValueError("a matrix with different numbers of rows, columns and values")
    for places, count in ((row, N_JOINTS), (column, N_VERTICES)):
        if places.dtype.kind not in "iu" or (places.size and not _within(places, count)):
            raise ValueError("a matrix with places outside of it")
    dense = np.zeros(shape)
    np.add.at(dense, (row, column), data.astype(np.float64))
    return dense


def _state(call: Call) -> Mapping[Any, Any]:
    if not isinstance(call.state, dict):
        raise ValueError(f"{call.name} without a state")
    return call.state


def _typed(path: Path, key: str, name: str, array: NDArray[Any]) -> NDArray[Any]:
    if name in ("faces", "kintree"):
        if array.dtype.kind not in "iu" and not (
            array.dtype.kind == "f" and bool(np.all(array == np.rint(array)))
        ):
            raise _unusable(path, f"holds {key!r} that are no whole numbers")
        if name == "faces" and not _within(array, N_VERTICES):
            raise _unusable(path, f"holds {key!r} that point outside of {N_VERTICES} vertices")
        return array.astype(np.int64) if name == "kintree" else array.astype(np.int32)
    if array.dtype.kind not in "fiu":
        raise _unusable(path, f"holds {key!r} that are no numbers")
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise _unusable(
            path, f"holds {key!r} with {int((~np.isfinite(numbers)).sum())} NaN or inf"
        )
    return np.ascontiguousarray(numbers)


def _checked_kintree(path: Path, tree: NDArray[Any]) -> NDArray[np.int32]:
    """Compare the joints' parents with the project's; the root's own is written as anything."""
    if tree[1].tolist() != list(range(N_JOINTS)) or tuple(tree[0, 1:].tolist()) != PARENTS[1:]:
        raise _unusable(
            path, "holds 'osim_kintree_table' with other joints or parents than SKEL's"
        )
    return np.array([PARENTS, range(N_JOINTS)], dtype=np.int32)


def _within(places: NDArray[Any], count: int) -> bool:
    return bool(places.min() >= 0 and places.max() < count)


def _stored_gender(held: Mapping[Any, Any]) -> str | None:
    """Read the key ``gender`` as text, bytes or an array of one text."""
    gender = held.get("gender")
    if isinstance(gender, np.ndarray) and gender.size == 1:
        gender = gender.reshape(-1)[0]
    if isinstance(gender, bytes):
        gender = gender.decode("latin-1")
    word = str(gender).strip().lower() if isinstance(gender, str) else ""
    return word if word in ("male", "female", "neutral") else None


def _lacking(held: Mapping[Any, Any], keys: Any) -> str:  # noqa: ANN401
    missing = [key for key in keys if key not in held]
    return f"lacks {', '.join(missing)}" if missing else ""


def _unusable(path: Path, cause: str, next_step: str = "Download the original again") -> DataError:
    return DataError(" ".join(cause.split())[:600], where=str(path), next_step=next_step)
