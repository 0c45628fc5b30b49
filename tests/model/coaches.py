"""Coaches and exercises made up for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from qevd_bio.model.batch import collate
from qevd_bio.model.coach import CoachModel
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.fusion import FusionConfig, MorphologyFusion
from qevd_bio.model.layout import LayoutConfig, lay_out
from qevd_bio.model.segment import (
    CoachingSegment,
    ContextRow,
    Feedback,
    MotionContexts,
    VisualFeatures,
)
from qevd_bio.model.tiny import tiny_coach

C = 40
BODY = "Height 1.78 m, Mass 73.22 kg."


def made_coach(folder: Path, *, seed: int = 0, visible: bool = True) -> Coach:
    """A tiny coach; one whose cross-attention adds something, unless it is as made."""
    coach = tiny_coach(folder / f"coach{seed}{visible}", feature_width=C, seed=seed)
    if visible:
        generator = torch.Generator().manual_seed(seed)
        for layer in coach.model.cross_attention.values():
            weight = layer.out_fc.weight
            weight.data = torch.randn(weight.shape, generator=generator) / len(weight) ** 0.5
    return coach


def with_fusion(model: CoachModel, *, gain: float = 1.0, **shape: object) -> MorphologyFusion:
    """Give a coach a fusion of a strength that shows."""
    width = model.language.config.hidden_size
    torch.manual_seed(1)
    model.fusion = MorphologyFusion(
        FusionConfig(feature_width=C, morphology_width=width, gain=gain, **shape)  # type: ignore[arg-type]
    ).eval()
    return model.fusion


def made_features(n_frames: int, *, video_id: str = "0001", seed: int = 0) -> VisualFeatures:
    maps = np.random.default_rng(seed).uniform(0, 6, (n_frames, C, 7, 5)).astype(np.float16)
    return VisualFeatures(video_id, maps, 100.0 + 0.25 * np.arange(1, n_frames + 1), "made up")


def made_contexts(n_rows: int, *, video_id: str = "0001", every: int = 9) -> MotionContexts:
    """Contexts at 4 Hz whose text changes with each row, and a cycle each `every` rows."""
    rows = tuple(
        ContextRow(
            100.0 + 0.25 * (row + 1), f"Knee {3 * row % 91}. {'x' * (row % 5)}", row // every
        )
        for row in range(n_rows)
    )
    return MotionContexts(video_id, "1.0.0", rows)


def made_segment(*feedbacks: tuple[float, str], end_s: float = 110.0) -> CoachingSegment:
    return CoachingSegment(
        video_id="0001",
        release="1.0.0",
        exercise="squats",
        start_s=100.0,
        end_s=end_s,
        feedbacks=tuple(Feedback(100.0 + time_s, text) for time_s, text in feedbacks),
        morphology=BODY,
    )


FRAMES = 60
SEGMENT = made_segment(end_s=100.0 + FRAMES / 4)
LETTERS = range(65, 91)  # the bytes of a to z in the tiny tokenizer


def vivid_features(seed: int = 0) -> VisualFeatures:
    """Frames that differ as a whole, so that a random coach reacts to them."""
    colours = np.random.default_rng(seed).uniform(0, 6, (FRAMES, C, 1, 1))
    maps = np.broadcast_to(colours, (FRAMES, C, 7, 5)).astype(np.float16)
    return VisualFeatures("0001", maps, 100.0 + 0.25 * np.arange(1, FRAMES + 1), "made up")


@torch.no_grad()
def speaking_coach(folder: Path, seed: int) -> Coach:
    made = made_coach(folder)
    with_fusion(made.model)
    head = made.model.language.lm_head.weight
    generator = torch.Generator().manual_seed(seed)
    rows = torch.zeros_like(head)
    scales = dict.fromkeys(LETTERS, 0.3) | {258: 2.0, 259: 0.6}
    for number, scale in scales.items():
        rows[number] = torch.randn(head.shape[1], generator=generator) * scale
    # What all <vision> tokens have in common must not decide; two in five begin a feedback.
    example = lay_out(SEGMENT, vivid_features(), None, made.tokenizer, LayoutConfig())
    caught: list[torch.Tensor] = []
    hook = made.model.language.lm_head.register_forward_pre_hook(
        lambda _, inputs: caught.append(inputs[0])
    )
    made.model.all_logits(collate([example]))
    hook.remove()
    states = caught[0][0, example.vision]
    common = states.mean(dim=0) / states.mean(dim=0).square().sum()
    rows -= torch.outer(rows @ states.mean(dim=0), common)
    rows[258] -= (states @ rows[258]).quantile(0.6) * common
    head.data = rows
    return replace(made, settings=replace(made.settings, layout=LayoutConfig(slot_tokens=20)))
