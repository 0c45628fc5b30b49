"""The skeleton of an item on the displayed picture, as JSON values."""

from __future__ import annotations

from typing import Any

import numpy as np

from qevd_bio.review.media import timeline_of
from qevd_bio.review.motion_window import window_of
from qevd_bio.review.source import ReviewSource
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.views.item_skeleton import BONES, displayed_joints

WITHOUT_VIDEO_PX = (1000, 1000)
"""Size of the ground on which the skeleton is drawn where there is no video."""


def skeleton_view(source: ReviewSource, key: ItemKey) -> dict[str, Any]:
    """Place the joints of every frame of an item on its video.

    Returns
    -------
    dict
        ``width, height``: of the displayed picture (``videoWidth``, ``videoHeight``);
        ``joints``: names; ``bones``: pairs of joints; ``points``: for each frame of the item one
        [x, y] a joint in whole pixels of that picture, null behind the camera; ``valid``: for
        each frame whether somebody was detected (else the pose is held); ``in_place``: false
        where the backend does not say where the person is, and a small figure stands in a
        corner; ``turn_deg``: clockwise turn that puts the person upright; ``assumed``: whether
        joints that were not measured are drawn at rest. No points where there is no motion, or
        none that can be read.
    """
    row, timeline = source.row(key), timeline_of(source, key)
    window, _ = window_of(source, row)
    displayed = WITHOUT_VIDEO_PX if timeline is None else (timeline.width_px, timeline.height_px)
    view = {
        "width": displayed[0],
        "height": displayed[1],
        "joints": list(JOINT_NAMES),
        "bones": [list(pair) for pair in BONES],
    }
    if window is None or not window.has_body:
        empty: dict[str, Any] = {"points": [], "valid": [], "in_place": False, "turn_deg": 0}
        return view | empty | {"assumed": False}
    placed = displayed_joints(window, displayed)
    known = np.asarray(np.isfinite(placed).all(axis=-1))
    # far outside of the picture a coordinate says nothing more, and must fit an integer
    whole = np.rint(np.clip(np.where(known[..., None], placed, 0.0), -1e5, 1e5)).astype(int)
    return view | {
        "points": [
            [point if seen else None for point, seen in zip(points, flags, strict=True)]
            for points, flags in zip(whole.tolist(), known.tolist(), strict=True)
        ],
        "valid": window.motion.valid.tolist(),
        "in_place": window.motion.root_m is not None,
        "turn_deg": window.turn_deg,
        "assumed": bool(window.assumed),
    }
