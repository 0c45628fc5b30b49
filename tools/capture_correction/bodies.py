"""Bake hundreds of random human bodies from the Anny model, for training only.

``python -m tools.capture_correction.bodies bodies.npz --count 200`` (needs ``pip install anny``,
about five minutes). Bodies are intermediate data and are not shipped.

V vertices, F triangles, B bodies
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.bodies import skeleton_from_joints
from qevd_bio.skeleton.dofs import JOINT_INDEX
from qevd_bio.synthetic.body_mesh import BUILDS, Body, load_body
from tools import bake_body

SEED = 20261129


def bake(target: Path, count: int) -> None:
    """Draw phenotypes and write all bodies to one file."""
    import torch

    model = bake_body._anny()
    bones: list[str] = list(model.bone_labels)
    rng = np.random.default_rng(SEED)
    arrays: dict[str, list[NDArray[np.float32]]] = {
        name: [] for name in ("vertices_m", "modelled_joints_m", "turns", "joints_m")
    }
    for _ in tqdm(range(count), unit="body"):
        gender = float(np.clip(rng.choice([0.05, 0.95]) + rng.normal(0.0, 0.15), 0.0, 1.0))
        phenotype = {
            "gender": gender,
            "age": rng.uniform(0.5, 0.95),
            "muscle": rng.uniform(0.15, 0.9),
            "weight": rng.uniform(0.15, 0.9),
            "height": rng.uniform(0.25, 0.8),
            "proportions": rng.uniform(0.2, 0.8),
        }
        with torch.no_grad():
            out = model(phenotype_kwargs={k: torch.tensor([v]) for k, v in phenotype.items()})
        vertices, heads = (
            np.stack([p[:, 0], p[:, 2], -p[:, 1]], axis=1)
            for p in (
                out[k][0].numpy().astype(float) for k in ("rest_vertices", "rest_bone_heads")
            )
        )
        rest, tpose, turns = bake_body._tpose(dict(zip(bones, heads, strict=True)))
        origin = rest[JOINT_INDEX["pelvis"]]
        for name, value in (
            ("vertices_m", vertices - origin), ("modelled_joints_m", rest - origin),
            ("turns", turns), ("joints_m", tpose),
        ):  # fmt: skip
            arrays[name].append(value.astype(np.float32))
    np.savez(target, **{name: np.stack(values) for name, values in arrays.items()})


class Bodies:
    """The baked bodies; they share skinning and triangles with the shipped ones."""

    def __init__(self, file: Path) -> None:
        with np.load(file, allow_pickle=False) as stored:
            self._arrays: dict[str, FloatArray] = {name: stored[name] for name in stored.files}
        self._base = load_body("man")

    def __len__(self) -> int:
        return len(self._arrays["joints_m"])

    def body(self, index: int) -> Body:
        """Return one body by its number."""
        of = {name: values[index].astype(np.float64) for name, values in self._arrays.items()}
        return Body(
            build=f"body{index}",
            skeleton=skeleton_from_joints(of["joints_m"]),
            vertices_m=of["vertices_m"],
            modelled_joints_m=of["modelled_joints_m"],
            turns=of["turns"],
            segments=self._base.segments,
            weights=self._base.weights,
            faces=self._base.faces,
            face_part=self._base.face_part,
        )


class ShippedBodies:
    """The builds that ship with the package, for a try of the recipe."""

    def __len__(self) -> int:
        return len(BUILDS)

    def body(self, index: int) -> Body:
        """Return one body by its number."""
        return load_body(BUILDS[index])


def main() -> None:
    """Bake the bodies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--count", type=int, default=200)
    chosen = parser.parse_args()
    bake(chosen.target, chosen.count)


if __name__ == "__main__":
    main()
