"""The words a user chooses between; nothing heavy is imported to list them."""

from __future__ import annotations

from typing import Literal

Policy = Literal["evidence", "paper"]
Backend = Literal["mediapipe", "hsmr", "recorded"]
Device = Literal["cuda", "cpu"]
Precision = Literal["fp32", "bf16", "fp16"]
Place = Literal["local", "ray"]
ExportFormat = Literal["mot", "rrd"]
Sex = Literal["female", "male"]
CameraView = Literal["front", "oblique", "side", "back"]
