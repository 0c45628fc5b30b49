"""Read the 3D CNN of Stream-VLM out of its checkpoint, under the names of this project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import DataError
from qevd_bio.files.restricted_torch import TorchFile
from qevd_bio.weights.cnn3d_shapes import official_keys
from qevd_bio.weights.contents import CNN3D, expected_layout, layout_issues, listed

EVIDENCE = "names or order, and shapes of all tensors"


def cnn3d_tensors(source: Path) -> dict[str, NDArray[Any]]:
    """Read the backbone's tensors; a classifier beside them is left out.

    Parameters
    ----------
    source : Path
        ``efficientnet4Lite_1.8.3.checkpoint``: a mapping of names to tensors, bare or under
        ``state_dict``.

    Raises
    ------
    DataError
        The file is damaged, unsafe, or no 3D CNN of Stream-VLM: a tensor is missing, unknown, of
        another type or shape, or not finite.
    """
    checkpoint = TorchFile(source, where=str(source))
    notes = checkpoint.mapping(None)
    found = {key: checkpoint.layout(note) for key, note in notes.items()}
    keys = official_keys({key: shape for key, (_, shape) in found.items()}, where=str(source))
    renamed = {name: found[key] for name, key in keys.items()}
    issues = layout_issues(renamed, expected_layout(CNN3D, renamed, any_size=False))
    tensors = {name: checkpoint.array(notes[key]) for name, key in keys.items()}
    issues = issues or [
        f"{keys[name]} holds NaN or inf"
        for name, tensor in tensors.items()
        if not np.isfinite(tensor).all()
    ]
    if issues:
        raise DataError(
            listed(issues),
            where=str(source),
            next_step="Download efficientnet4Lite_1.8.3.checkpoint again",
        )
    return tensors
