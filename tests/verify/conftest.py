"""The release that tests damage, made once."""

from __future__ import annotations

import copy as copying
import hashlib
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.stages.annotations import AnnotationsStage
from qevd_bio.stages.contexts import ContextsStage
from qevd_bio.verify import derived_rows
from tests.verify.made_release import made_release


@pytest.fixture(scope="session", autouse=True)
def equal_inputs_are_derived_once() -> Iterator[None]:
    """Keep the rows that equal motions, rules and options gave: most of verifying.

    A forged row leaves most of them as they are; whatever they follow from is in the key.
    """
    with pytest.MonkeyPatch.context() as patch:
        for stage in (ContextsStage, AnnotationsStage):
            patch.setattr(stage, "rows", kept(stage.rows))
        for name in ("quality_row", "cycle_rows", "finding_rows"):
            patch.setattr(derived_rows, name, kept(getattr(derived_rows, name)))
        yield


def kept(derive: Callable[..., Any]) -> Callable[..., Any]:
    """Remember what a function gave for its inputs; each call gets its own copy."""
    known: dict[bytes, Any] = {}

    def derived(*inputs: Any, **more: Any) -> Any:
        key = hashlib.sha256(pickle.dumps((inputs, more))).digest()
        if key not in known:
            known[key] = derive(*inputs, **more)
        return copying.deepcopy(known[key])

    return derived


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
