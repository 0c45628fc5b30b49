"""A made-up coach and made-up exercises on which its recipes run in seconds.

Frames of two kinds: in one of them the trainer says "higher", in the other "lower".
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from qevd_bio.files.digest import sha256_json
from qevd_bio.model.coach_folder import Coach, load_coach
from qevd_bio.model.segment import (
    CoachingSegment,
    ContextRow,
    Feedback,
    MotionContexts,
    VisualFeatures,
)
from qevd_bio.model.tiny import tiny_coach
from qevd_bio.training.coach_samples import CoachData
from qevd_bio.training.train_fusion import FusionTraining
from qevd_bio.training.train_lm_adapter import AdapterTraining

CHANNELS, VIDEOS, HELD_OUT, MAPS = 40, 24, 6, 16
NETWORK, RELEASE = "made-up features", "0.0.0"
_RATE_HZ, _START_S, _SPEAKS_AFTER_S = 4.0, 100.0, 2.0
_WORDS = ("higher", "lower")
_BODIES = ("Height 1.60 m.", "Height 1.90 m.")

TINY_FUSION = FusionTraining(
    epochs=4, batch_size=6, micro_batch=3, learning_rate=1e-3, checkpoint_every=5,
    slot_tokens=24,
)  # fmt: skip
TINY_ADAPTER = AdapterTraining(
    epochs=8, batch_size=6, micro_batch=3, learning_rate=1e-2, checkpoint_every=10,
    slot_tokens=24,
)  # fmt: skip


def tiny_coach_in_memory(*, sees: bool, seed: int = 0) -> Coach:
    """Make a coach with random weights; its folder is deleted when the program ends.

    As made, its cross-attention adds nothing, so a fusion would have no gradient. With `sees` its
    last layers are random, too.
    """
    home = Path(tempfile.mkdtemp(prefix="qevd-bio-tiny-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    folder = home / "coach"
    tiny_coach(folder, width=32, feature_width=CHANNELS, seed=seed)
    coach = load_coach(folder)
    if sees:
        generator = torch.Generator().manual_seed(seed)
        for name, weight in coach.model.cross_attention.named_parameters():
            if name.endswith("out_fc.weight"):
                nn.init.xavier_uniform_(weight, generator=generator)
    return coach


def tiny_coach_data(seed: int = 0) -> CoachData:
    """Make exercises of one kind of frame each, with a feedback, contexts and a body."""
    rng = np.random.default_rng(seed)
    looks = rng.uniform(0.0, 6.0, (len(_WORDS), CHANNELS, 7, 5))
    features: dict[str, VisualFeatures] = {}
    segments: list[CoachingSegment] = []
    contexts: dict[tuple[str, int], MotionContexts] = {}
    times_s = _START_S + (1 + np.arange(MAPS)) / _RATE_HZ
    for number in range(VIDEOS + HELD_OUT):
        video, kind = f"{number:04d}", number % len(_WORDS)
        maps = looks[kind] + rng.normal(scale=0.5, size=(MAPS, CHANNELS, 7, 5))
        features[video] = VisualFeatures(video, maps.astype(np.float16), times_s, NETWORK)
        rows = tuple(
            ContextRow(float(time_s), f"Knee {10 * (place // 6)}.", place // 6)
            for place, time_s in enumerate(times_s)
        )
        contexts[video, 0] = MotionContexts(video, RELEASE, rows)
        segments.append(
            CoachingSegment(
                video_id=video,
                release=RELEASE,
                exercise="squats",
                start_s=_START_S,
                end_s=float(times_s[-1]),
                feedbacks=(Feedback(_START_S + _SPEAKS_AFTER_S, _WORDS[kind]),),
                morphology=_BODIES[(number // 2) % len(_BODIES)],
            )
        )
    return CoachData(
        trained_on=segments[:VIDEOS],
        held_out=segments[VIDEOS:],
        contexts=contexts,
        features_of=features.__getitem__,
        network=NETWORK,
        release=RELEASE,
        digest=sha256_json(["tiny", seed]),
    )
