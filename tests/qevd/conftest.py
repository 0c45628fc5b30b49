"""Made-up QEVD folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.qevd.made_records import SESSION, SESSION_FRAMES, WriteSplit, made_raw, made_timestamps


@pytest.fixture
def session() -> dict[str, Any]:
    return made_raw(SESSION, SESSION_FRAMES)


@pytest.fixture
def write_split(tmp_path: Path) -> WriteSplit:
    """Write records below a data root; videos are empty files, timestamps are real."""

    def write(raws: list[Any], folder: str = "QEVD-FIT-COACH") -> Path:
        split = tmp_path / "QEVD" / folder
        (split / "long_range_videos").mkdir(parents=True, exist_ok=True)
        text = json.dumps(raws, ensure_ascii=False)
        (split / "feedbacks_long_range.json").write_text(text, encoding="utf-8")
        for raw in raws:
            if isinstance(raw, dict) and isinstance(raw.get("feedbacks"), list):
                name = Path(str(raw.get("video_timestamps", "none"))).name
                stamps = made_timestamps(len(raw["feedbacks"]))
                np.save(split / "long_range_videos" / name, stamps)
        return split.parent

    return write
