"""Folders of references that take the place of the rules' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import INDEX_NAME, build_reference, index_text, reference_file
from qevd_bio.skeleton.dofs import DOF_INDEX

SQUAT = load_rules()["squat"]


def deeper(share: float = 1.1) -> np.ndarray:
    """The squat's reference with knees that bend more by a share."""
    q = build_reference(SQUAT).copy()
    for side in "rl":
        q[:, DOF_INDEX[f"knee_angle_{side}"]] *= share
    return q


def write_folder(
    folder: Path,
    q: np.ndarray | None = None,
    change: Callable[[dict[str, Any]], None] = lambda entry: None,
    name: str = "squat",
) -> Path:
    """Write a reference of the squat, with an entry that is changed."""
    folder.mkdir(parents=True, exist_ok=True)
    content, entry = reference_file(SQUAT, deeper() if q is None else q)
    (folder / f"{name}.npy").write_bytes(content)
    change(entry)
    (folder / INDEX_NAME).write_text(index_text({name: entry}), encoding="utf-8")
    return folder
