"""The data folders are found from a checkout and from an installed wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from qevd_bio.assets import DATA_FOLDERS, asset_path
from qevd_bio.errors import EnvironmentProblem

CHECKOUT = Path(__file__).resolve().parents[1]

SOURCES = (".py", ".html", ".typed", ".safetensors")
PROBE = """
from pathlib import Path
import qevd_bio
from qevd_bio.assets import DATA_FOLDERS, asset_path
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.synthetic.body_mesh import load_body
home = Path(qevd_bio.__file__).parent
for folder in DATA_FOLDERS:
    assert asset_path(folder).is_relative_to(home), asset_path(folder)
assert "squat" in load_rules()
assert build_reference(load_rules()["squat"]).shape == (101, 46)
assert load_body("man").skeleton.joints_m.shape == (24, 3)
print(home)
"""


@pytest.mark.parametrize("folder", DATA_FOLDERS)
def test_a_checkout_uses_its_own_folders(folder: str) -> None:
    assert asset_path(folder) == CHECKOUT / folder
    assert any(asset_path(folder).iterdir())


def test_what_is_not_there_is_an_error_with_its_name() -> None:
    with pytest.raises(EnvironmentProblem, match=r"rules/zorbing\.json"):
        asset_path("rules", "zorbing.json")
    with pytest.raises(EnvironmentProblem, match="no data folder"):
        asset_path("weights")


@pytest.mark.slow
def test_a_wheel_carries_its_data_and_finds_it(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="building the wheel needs hatchling (extra dev)")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    made = subprocess.run(
        [*build, "-w", str(tmp_path), str(CHECKOUT)], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
    sources = [path for path in (CHECKOUT / "qevd_bio").rglob("*") if path.suffix in SOURCES]
    assert {path.relative_to(CHECKOUT).as_posix() for path in sources} <= set(names)
    for folder in DATA_FOLDERS:
        shipped = {n.split("_data/", 1)[1] for n in names if f"_data/{folder}/" in n}
        ours = {f"{folder}/{path.name}" for path in (CHECKOUT / folder).iterdir()}
        assert shipped == ours
    probe = subprocess.run(
        [sys.executable, "-c", PROBE],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
    )
    assert probe.returncode == 0, probe.stderr
    assert probe.stdout.strip() == str(tmp_path / "site" / "qevd_bio")
