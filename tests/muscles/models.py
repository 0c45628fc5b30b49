"""Where the tests find musculoskeletal models: real ones beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest


def opened(path: Path):
    """Open a model by OpenSim; skip without the extra."""
    pytest.importorskip("opensim", reason='needs the extra: pip install "qevd-bio[muscles]"')
    from qevd_bio.muscles.opensim_model import OpensimModel

    return OpensimModel(path)
