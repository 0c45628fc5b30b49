"""What a stored weight file must hold: names, types and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import TypeAlias

from qevd_bio.weights.cnn3d_shapes import OFFICIAL_LAYERS, cnn_shapes
from qevd_bio.weights.hsmr_shapes import OFFICIAL_SIZE, expected_shapes, size_of

Layout: TypeAlias = "Mapping[str, tuple[str, tuple[int, ...]]]"

CNN3D = "cnn3d"
WEIGHT_NAMES = (
    "hsmr", "skel_male", "skel_female", "smpl_male", "smpl_female", "smpl_neutral", CNN3D,
)  # fmt: skip
N_VERTICES, N_FACES, N_SHAPES, N_JOINTS = 6890, 13776, 10, 24

_SURFACE: dict[str, tuple[str, tuple[int, ...]]] = {
    "template": ("float64", (N_VERTICES, 3)),
    "shapedirs": ("float64", (N_VERTICES, 3, N_SHAPES)),
    "faces": ("int32", (N_FACES, 3)),
}
_SKELETON: dict[str, tuple[str, tuple[int, ...]]] = {
    "J_regressor_osim": ("float64", (N_JOINTS, N_VERTICES)),
    "per_joint_rot": ("float64", (N_JOINTS, 3, 3)),
    "apose_rel_transfo": ("float64", (N_JOINTS, 4, 4)),
    "kintree": ("int32", (2, N_JOINTS)),
}
BODY_LAYOUT = _SURFACE | _SKELETON


def expected_layout(name: str, found: Layout, *, any_size: bool) -> Layout:
    """List what a file of a name must hold: type and shape by key.

    Of an HSMR network of any size the sizes are read off what was found.
    """
    if name == "hsmr":
        shapes = {key: shape for key, (_, shape) in found.items()}
        size = size_of(shapes) if any_size else OFFICIAL_SIZE
        return {key: ("float32", shape) for key, shape in expected_shapes(size).items()}
    if name == CNN3D:
        return {key: ("float32", shape) for key, shape in cnn_shapes(OFFICIAL_LAYERS).items()}
    return BODY_LAYOUT if name.startswith("skel_") else _SURFACE


def layout_issues(found: Layout, expected: Layout) -> list[str]:
    """Name what is missing, unknown or of another type or shape, one clause a tensor.

    Kinds of issues come in turn, so that a shortened list shows each kind.
    """
    lacking = [f"lacks {key}" for key in sorted(set(expected) - set(found))]
    unknown = [f"holds unknown {key}" for key in sorted(set(found) - set(expected))]
    other = [
        f"{key} is {_typed_shape(found[key])} instead of {_typed_shape(expected[key])}"
        for key in sorted(set(found) & set(expected))
        if tuple(found[key]) != tuple(expected[key])
    ]
    turns = zip_longest(lacking, unknown, other)
    return [clause for turn in turns for clause in turn if clause is not None]


def _typed_shape(layout: tuple[str, tuple[int, ...]]) -> str:
    return f"{layout[0]} {layout[1]}"


def listed(clauses: list[str], most: int = 20) -> str:
    """Join clauses, the first twenty of many, with their number."""
    more = f", and {len(clauses) - most} more" if len(clauses) > most else ""
    return f"{', '.join(clauses[:most])}{more}"
