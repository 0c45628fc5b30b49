"""The fusion as BioCoach's authors released it, for comparison with the paper's.

File: ``vision_skeleton_cross_attention.pth``, a flat mapping of tensors.
"""

from __future__ import annotations

from pathlib import Path

import torch

from qevd_bio.errors import DataError
from qevd_bio.files.restricted_torch import TorchFile
from qevd_bio.model.fusion import FusionConfig, MorphologyFusion
from qevd_bio.model.language import load_strictly
from qevd_bio.model.stream_vlm import tensor_of

_PREFIX = "base_fusion."
_HEADS = ("temporal_head.", "feedback_head.", "bert_head.")
"""Of its training; they have no part in the fusion."""


def read_released_fusion(path: Path) -> tuple[MorphologyFusion, tuple[str, ...]]:
    """Read the released fusion with the shape that its tensors show.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    fusion : MorphologyFusion
        With one pooled key and two norms, placed where features are read; the released code
        applies it on text steps, where it changes nothing.
    notes : tuple of str
        Which tensors were left out.

    Raises
    ------
    DataError
        The file is damaged, lacks a tensor or holds an unknown one.
    """
    file = TorchFile(path, where=str(path))
    noted = file.mapping(None)
    left = sorted(name for name in noted if name.startswith(_HEADS))
    tensors = {
        name.removeprefix(_PREFIX): tensor_of(file, note).float()
        for name, note in noted.items()
        if name not in left
    }
    words = tensors.get("k_proj.weight")
    if words is None or words.ndim != 2:
        raise DataError(
            "holds no k_proj.weight",
            where=str(path),
            next_step="Give the authors' vision_skeleton_cross_attention.pth",
        )
    width, morphology_width = words.shape
    # The released code lowers its 8 heads until they divide the width.
    heads = next(count for count in range(8, 0, -1) if width % count == 0)
    with torch.device("meta"):
        fusion = MorphologyFusion(
            FusionConfig(width, morphology_width, heads=heads, pooled=True, normed=True)
        )
    load_strictly(fusion, tensors, where=str(path))
    notes = (f"left out {', '.join(left)}",) if left else ()
    return fusion.eval(), notes
