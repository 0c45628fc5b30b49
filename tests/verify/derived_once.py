"""A sound release is made once; what verifying derives from equal inputs is derived once."""

from __future__ import annotations

import copy as copying
import hashlib
import io
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.stages.annotations import AnnotationsStage
from qevd_bio.stages.contexts import ContextsStage
from qevd_bio.verify import derived_rows
from tests.made_once import MadeOnce


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def sound(made_once: MadeOnce) -> Path:
    """A folder with a release, the work it is of and, under QEVD, its source. Never changed."""
    from tests.verify.made_release import made_release

    return made_once("sound", made_release)


def kept(derive: Callable[..., Any]) -> Callable[..., Any]:
    """Remember what a function gave for its inputs; each call gets its own copy."""
    known: dict[bytes, Any] = {}

    def derived(*inputs: Any, **more: Any) -> Any:
        key = digest_of((inputs, more))
        if key not in known:
            known[key] = derive(*inputs, **more)
        return copying.deepcopy(known[key])

    return derived


class _WithoutPlaces(pickle.Pickler):
    """Writes files by their names: a rule says where it lies, in a copy of a release elsewhere."""

    def persistent_id(self, value: Any) -> str | None:
        is_place = isinstance(value, str) and value.startswith("/") and value.endswith(".json")
        return Path(value).name if is_place else None


def digest_of(inputs: object) -> bytes:
    written = io.BytesIO()
    _WithoutPlaces(written).dump(inputs)
    return hashlib.sha256(written.getvalue()).digest()
