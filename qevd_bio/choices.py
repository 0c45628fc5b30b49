"""The values a user chooses between, in a module that is quick to import."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Literal

OnConcern = Literal["drop", "flag", "fail"]
Policy = Literal["evidence", "paper"]
BackendName = Literal["mediapipe", "hsmr", "recorded"]
DetectorModel = Literal["heavy", "full"]
Device = Literal["cuda", "cpu"]
Precision = Literal["fp32", "bf16", "fp16"]
Place = Literal["local", "ray"]
Schedule = Literal["constant", "cosine"]
TrainingPrecision = Literal["auto", "fp32", "bf16"]
Sentences = Literal["new", "original"]
SpeakingMode = Literal["fixed", "official"]
ContextCut = Literal["pose", "end"]
SelectorLoss = Literal["plain", "balanced"]
FeatureNetworkName = Literal["cnn3d", "standin"]
FeaturesChoice = Literal["auto", "cnn3d", "standin"]
FeatureTurn = Literal["upright", "official"]
ExportFormat = Literal["mot", "rrd"]
Split = Literal["train", "test"]
Sex = Literal["female", "male"]
CameraView = Literal["front", "oblique", "side", "back"]
JudgeMetric = Literal["llm-acc", "llm-bio-acc"]
JudgeMode = Literal["paper", "strict"]


def nearest(name: str, known: Collection[str]) -> str:
    """Ask whether the most similar choice was meant; empty where none is similar."""
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean '{near[0]}'?" if near else ""


def suggestion(name: str, known: Collection[str]) -> str:
    """Name the choice that a mistyped name is nearest to, else all of them."""
    return nearest(name, known) or f"Use one of {', '.join(known)}"
