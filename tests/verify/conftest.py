"""The release that tests damage, made once."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.stages.contexts import ContextsStage
from tests.verify.made_release import made_release


@pytest.fixture(scope="session", autouse=True)
def equal_inputs_are_derived_once() -> Iterator[None]:
    """Keep the contexts that equal motions, rules and options gave: two fifths of verifying.

    A forged row leaves them as they are; whatever they follow from is in the key.
    """
    derive, kept = ContextsStage.rows, dict[bytes, list[dict[str, Any]]]()

    def rows(stage: ContextsStage, *inputs: Any, **more: Any) -> list[dict[str, Any]]:
        key = hashlib.sha256(pickle.dumps((stage.policy, inputs, more))).digest()
        if key not in kept:
            kept[key] = derive(stage, *inputs, **more)
        return list(kept[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ContextsStage, "rows", rows)
        yield


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a release and, under QEVD, its source."""
    folder = tmp_path_factory.mktemp("sound")
    made_release(folder)
    return folder


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    """A copy of the release, to be damaged."""
    return Path(shutil.copytree(home / "release" / "1.0.0", tmp_path / "1.0.0"))
