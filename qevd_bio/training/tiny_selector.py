"""Made-up features and labels on which the selector's recipe runs in seconds."""

from __future__ import annotations

import numpy as np

from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.training.selector_labels import LabelledSegment
from qevd_bio.training.train_selector import SelectorConfig, SelectorData

CHANNELS, PERSONS, SEGMENTS_EACH, MAPS_EACH = 64, 8, 6, 24
NETWORK, LABELS = "made-up features", "made-up labels"
TINY_CONFIG = SelectorConfig(
    epochs=6, batch_size=64, micro_batch=32, learning_rate=1e-3, checkpoint_every=20
)
_USUAL = {
    "squat": ("femur_r", "femur_l", "tibia_r", "tibia_l", "talus_r", "talus_l"),
    "pushup": ("humerus_r", "humerus_l", "ulna_r", "ulna_l", "scapula_r", "scapula_l"),
}
_FAULTS = ("", "lumbar_body", "thorax")
_RATE_HZ, _NOISE = 4.0, 0.6


def tiny_selector_data(seed: int = 0) -> SelectorData:
    """Make segments of several persons; exercise and fault each add a pattern to the features.

    Parameters
    ----------
    seed : int
        Of the patterns and the noise.

    Returns
    -------
    SelectorData
        A fault adds its joint to the label.
    """
    rng = np.random.default_rng(seed)
    exercise_pattern = {name: rng.normal(size=CHANNELS) for name in _USUAL}
    fault_pattern = {name: rng.normal(size=CHANNELS) if name else 0.0 for name in _FAULTS}
    segments, pooled = [], {}
    for person in range(PERSONS):
        video, look = f"{person:04d}", rng.normal(scale=0.3, size=CHANNELS)
        maps = []
        for index in range(SEGMENTS_EACH):
            exercise = tuple(_USUAL)[index % len(_USUAL)]
            fault = _FAULTS[index % len(_FAULTS)]
            shown = exercise_pattern[exercise] + fault_pattern[fault] + look
            maps.append(shown + rng.normal(scale=_NOISE, size=(MAPS_EACH, CHANNELS)))
            start_s = index * MAPS_EACH / _RATE_HZ
            segments.append(
                LabelledSegment(
                    video_id=video,
                    person=f"person {person}",
                    split="train",
                    exercise=exercise,
                    index=index,
                    start_s=start_s,
                    end_s=start_s + MAPS_EACH / _RATE_HZ,
                    joints=frozenset(_USUAL[exercise]) | ({fault} & set(JOINT_NAMES)),
                )
            )
        time_s = (1 + np.arange(SEGMENTS_EACH * MAPS_EACH)) / _RATE_HZ
        pooled[video] = np.concatenate(maps).astype(np.float32), time_s
    return SelectorData(segments, pooled, NETWORK, LABELS)
