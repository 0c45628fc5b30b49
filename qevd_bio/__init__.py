"""From exercise videos to quantified, evidence-linked coaching sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__version__ = "0.1.0"


def load_split(split: str, path: Path | str, config: str = "annotations") -> pd.DataFrame:
    """Load one table of one split of a release; see `qevd_bio.released.loading.load_split`."""
    from qevd_bio.released import loading

    return loading.load_split(split, path, config)
