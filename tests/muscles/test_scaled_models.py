"""A scaled model is in its file whole, or the file is as it was."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qevd_bio.errors import DataError
from qevd_bio.muscles import opensim_model
from qevd_bio.muscles.opensim_model import write_scaled


class Model:
    """Of two bodies; what it prints, and whether it can, is set by the test."""

    content, printed, scaled = "<whole/>", True, True

    def __init__(self, path: str) -> None:
        self.path = path

    def initSystem(self) -> None:  # noqa: N802  OpenSim's name
        return None

    def getBodySet(self) -> Any:  # noqa: N802
        named = [SimpleNamespace(getName=lambda: "torso"), SimpleNamespace(getName=lambda: "toes")]
        return SimpleNamespace(getSize=lambda: 2, get=lambda i: named[i])

    def scale(self, *_: object) -> bool:
        return self.scaled

    def printToXML(self, path: str) -> bool:  # noqa: N802
        Path(path).write_text(self.content, encoding="utf-8")
        return self.printed


@pytest.fixture
def opensim(monkeypatch: pytest.MonkeyPatch) -> type[Model]:
    def nothing(*_: object) -> Any:
        return SimpleNamespace(**dict.fromkeys(
            ("setSegmentName", "setScaleFactors", "setApply", "cloneAndAppend"), nothing
        ))  # fmt: skip

    kind = type("Faulty", (Model,), {})
    parts = SimpleNamespace(Model=kind, ScaleSet=nothing, Scale=nothing, Vec3=nothing)
    monkeypatch.setattr(opensim_model, "import_opensim", lambda: parts)
    return kind


@pytest.mark.parametrize(
    ("fault", "words"),
    [({"content": "<ha", "printed": False}, "cannot be written"),
     ({"scaled": False}, "cannot be scaled")],
)  # fmt: skip
def test_a_fault_leaves_the_file_that_was(opensim, fault, words, tmp_path: Path) -> None:
    out = tmp_path / "body.osim"
    write_scaled(tmp_path / "model.osim", out, {"": 1.0}, 70.0)
    assert out.read_text(encoding="utf-8") == "<whole/>"
    for name, value in fault.items():
        setattr(opensim, name, value)
    with pytest.raises(DataError, match=words):
        write_scaled(tmp_path / "model.osim", out, {"": 1.1}, 70.0)
    assert out.read_text(encoding="utf-8") == "<whole/>"
    assert list(tmp_path.iterdir()) == [out]
