"""Files in the exact layout of the originals, with random numbers in them."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse

from qevd_bio.skeleton.dofs import PARENTS
from tests.hostile_pickles import text

V, F, J = 6890, 13776, 24
QKV = "backbone.blocks.2.attn.qkv.weight"
"""A tensor of HSMR's backbone."""


class Chumpy:
    """As chumpy.ch.Ch pickles: a new-style object with its array x named in its state."""

    def __init__(self, x: Any) -> None:
        self.x, self.dterms, self._itr = x, ["x"], None


class Select:
    """As chumpy.reordering.Select pickles."""

    def __init__(self, a: Any, idxs: Any, shape: tuple[int, ...]) -> None:
        self.a, self.idxs, self.preferred_shape = a, idxs, shape


class OldMatrix:
    """As scipy.sparse.coo.coo_matrix pickled before SciPy 1.13: row, col, data."""

    def __init__(self, matrix: Any) -> None:
        self._shape, self.maxprint = matrix.shape, 50
        self.row, self.col, self.data = matrix.row, matrix.col, matrix.data


class NewMatrix:
    """As SciPy pickles since 1.13: coords, data."""

    def __init__(self, matrix: Any) -> None:
        self._shape, self.maxprint = matrix.shape, 50
        self.coords, self.data = (matrix.row, matrix.col), matrix.data


class Strange:
    """A class no model file holds."""


_PLACES = {
    Chumpy: ("chumpy.ch", "Ch"),
    Select: ("chumpy.reordering", "Select"),
    OldMatrix: ("scipy.sparse.coo", "coo_matrix"),
    NewMatrix: ("scipy.sparse._coo", "coo_matrix"),
}


@contextmanager
def _placed() -> Iterator[None]:
    """Let pickle find the classes above under the names of the originals."""
    places = {module for module, _ in _PLACES.values()} | {"chumpy"}
    before = {module: sys.modules.get(module) for module in places}
    sys.modules["chumpy"] = types.ModuleType("chumpy")
    names = {kind: (kind.__module__, kind.__qualname__) for kind in _PLACES}
    for kind, (module, name) in _PLACES.items():
        stand_in = types.ModuleType(module)
        for other, (other_module, other_name) in _PLACES.items():
            if other_module == module:
                setattr(stand_in, other_name, other)
        sys.modules[module] = stand_in
        kind.__module__, kind.__qualname__, kind.__name__ = module, name, name
    try:
        yield
    finally:
        for module, held in before.items():
            if held is None:
                del sys.modules[module]
            else:
                sys.modules[module] = held
        for kind, (module, name) in names.items():
            kind.__module__, kind.__qualname__, kind.__name__ = module, name, name


class _Python2(pickle._Pickler):  # the one written in Python: its table can be changed
    """Writes text and bytes as Python 2 wrote its one kind of string."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012

    def save_text(self, held: Any) -> None:
        data = held.encode("latin-1") if isinstance(held, str) else bytes(held)
        if self.proto == 0:
            self.write(b"S" + repr(data)[1:].encode("ascii") + b"\n")
        elif len(data) < 256:
            self.write(b"U" + bytes([len(data)]) + data)
        else:
            self.write(b"T" + struct.pack("<i", len(data)) + data)
        self.memoize(held)

    dispatch[str] = save_text
    dispatch[bytes] = save_text


def dumped(
    held: Any, protocol: int = 4, *, python2: bool = False, stand_ins: bool = True
) -> bytes:
    """Pickle under the originals' names; without stand-ins as the installed SciPy does."""
    buffer = io.BytesIO()
    with _placed() if stand_ins else nullcontext():
        (_Python2 if python2 else pickle.Pickler)(buffer, protocol).dump(held)
    return buffer.getvalue()


def smpl(seed: int = 0, n_shapes: int = 10) -> dict[str, Any]:
    """The content of an SMPL pickle, with unused entries."""
    random = np.random.default_rng(seed)
    return {
        "v_template": random.normal(size=(V, 3)),
        "shapedirs": random.normal(size=(V, 3, n_shapes)),
        "f": random.integers(0, V, (F, 3)).astype(np.uint32),
        "J_regressor": np.eye(2),
        "kintree_table": np.array([[2**32 - 1, 0], [0, 1]], dtype=np.uint32),
        "bs_type": "lrotmin",
        "bs_style": "lbs",
    }


def matrix(seed: int = 1) -> sparse.coo_matrix:
    random = np.random.default_rng(seed)
    rows, columns = np.repeat(np.arange(J), 30), random.integers(0, V, J * 30)
    columns[1] = columns[0]  # one place named twice: the values add up
    return sparse.coo_matrix((random.random(J * 30), (rows, columns)), shape=(J, V))


def skel(seed: int = 0, regressor: Any = None) -> dict[str, Any]:
    """The used entries of a SKEL 1.1.1 pickle, and a few unused ones."""
    random = np.random.default_rng(seed)
    parents = np.array([2**32 - 1, *PARENTS[1:]], dtype=np.uint32)
    return {
        "version": "1.1.1",
        "bone_names": ["pelvis"],
        "joints_name": [f"joint {n}" for n in range(J)],
        "skin_template_v": random.normal(size=(V, 3)),
        "skin_template_f": random.integers(0, V, (F, 3)),
        "shapedirs": random.normal(size=(V, 3, 12)),
        "J_regressor_osim": NewMatrix(matrix()) if regressor is None else regressor,
        "skin_weights": NewMatrix(matrix()),
        "per_joint_rot": random.normal(size=(J, 3, 3)),
        "apose_rel_transfo": random.normal(size=(J, 4, 4)),
        "osim_kintree_table": np.array([parents, np.arange(J)], dtype=np.uint32),
    }


def write(path: Path, held: Any, protocol: int = 4, **options: bool) -> Path:
    path.write_bytes(dumped(held, protocol, **options))
    return path


def write_ending_in(path: Path, held: Any, key: str, opcodes: bytes) -> Path:
    """Write a pickled dict with a last entry made by the given opcodes."""
    path.write_bytes(dumped(held)[:-1] + text(key) + opcodes + b"s.")
    return path


def tiny_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """The tensors of an HSMR network of 8 numbers a token."""
    from qevd_bio.weights.hsmr_shapes import HsmrSize, expected_shapes

    size = HsmrSize(width=8, depth=3, hidden=24, token_width=12, layers=2, inner=6, head_hidden=10)
    generator = torch.Generator().manual_seed(seed)
    return {
        key: torch.randn(shape, generator=generator)
        for key, shape in expected_shapes(size).items()
    }


def official_state() -> dict[str, torch.Tensor]:
    """Tensors of the official shapes in little memory: one number each, repeated by strides."""
    from qevd_bio.weights.hsmr_shapes import OFFICIAL_SIZE, expected_shapes

    return {
        key: torch.zeros(1).expand(shape) for key, shape in expected_shapes(OFFICIAL_SIZE).items()
    }


def save_checkpoint(path: Path, state: dict[str, Any], **beside: Any) -> Path:
    """Write a checkpoint as Lightning lays it out."""
    torch.save(
        {
            "epoch": 3,
            "global_step": 10,
            "pytorch-lightning_version": "2.6.6",
            "state_dict": state,
            "callbacks": {},
            "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0)}}}],
            "lr_schedulers": [],
            **beside,
        },
        path,
    )
    return path
