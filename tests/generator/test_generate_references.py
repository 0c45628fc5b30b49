"""From objectives to a folder that a run takes: the model, OpenSim and the shipped weights."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from benchmarks.generated_squats import maker_of
from benchmarks.unguided_squats import shift_lines, start_lines, unguided_sets
from qevd_bio.errors import DataError
from qevd_bio.exercises.given_references import with_references
from qevd_bio.exercises.load import load_rules
from qevd_bio.generator import judging
from qevd_bio.generator.attempts import BATCH, MOTION
from qevd_bio.generator.generate import (
    ATTEMPTS,
    PAGE,
    REPORT,
    Request,
    generate,
    shipped_weights,
)
from qevd_bio.generator.judging import (
    NO_FORCES,
    TOO_SHORT,
    reasons_against,
    simulated_motion,
)
from qevd_bio.generator.measures import MEASURES
from qevd_bio.generator.objectives_file import asked_by_options, read_objectives
from qevd_bio.muscles.prepared import prepare
from qevd_bio.muscles.smooth import CUTOFF_HZ
from tests.cli.calling import qevd_bio

MODEL = Path("opencap_opensim") / "LaiUhlrich2022.osim"
WIDE = {"depth": "50:130", "vastus_medialis": "0.05:0.9"}


@pytest.fixture(scope="module")
def model(shared_data: Path) -> Path:
    pytest.importorskip("opensim", reason='needs the extra: pip install "qevd-bio[muscles]"')
    pytest.importorskip("daqp")
    for what in ("surrogate", "vqvae"):
        try:
            shipped_weights("squat", what)
        except DataError as error:
            pytest.skip(str(error))
    return shared_data / MODEL


@pytest.fixture(scope="module")
def request_made(model: Path, fits: Path, tmp_path_factory: pytest.TempPathFactory) -> Request:
    asked = asked_by_options("squat", WIDE)
    out = tmp_path_factory.mktemp("made") / "out"
    request = Request(asked, model, out, count=1, seed=4, tries=BATCH, steps=8)
    assert generate(request, fits).accepted
    return request


@pytest.mark.data
@pytest.mark.slow
def test_a_motion_is_simulated_at_any_tempo_and_rejected_where_no_forces_are_found(
    request_made: Request, fits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(request_made.model, fits)
    with np.load(next((request_made.out / ATTEMPTS).glob("*.npz"))) as kept:
        q, duration_s = kept["q"][0], float(kept["duration_s"][0])
    slow_s = np.linspace(0.0, max(8.0, 2.0 * duration_s), len(q))
    assert 1.0 / slow_s[1] < 2.0 * CUTOFF_HZ
    slow = simulated_motion(prepared, q, slow_s, 1.0)
    assert slow.activations.shape[0] == len(q) and np.isfinite(slow.activations).all()
    fine_s = np.linspace(0.0, slow_s[-1], 4 * (len(q) - 1) + 1)
    fine = simulated_motion(prepared, CubicSpline(slow_s, q)(fine_s), fine_s, 1.0)
    assert np.abs(slow.activations - fine.activations[::4]).mean() < 1e-3
    # between the frames of the slow one the vasti may reach a little higher
    assert abs(slow.motion.activation.max() - fine.motion.activation[::4].max()) < 0.01

    short = simulated_motion(prepared, q, np.linspace(0.0, 0.4, len(q)), 1.0)
    assert short.doubts[-1] == f"{TOO_SHORT} (0.40 s)" and np.isnan(short.activations).all()

    def fails(*_: object, **__: object) -> None:
        raise ArithmeticError("flag -1")

    monkeypatch.setattr(judging, "simulate", fails)
    wild = simulated_motion(prepared, q, slow_s, 1.0)
    reasons = reasons_against(wild, request_made.asked.objectives)
    (why,) = (one for one in reasons if NO_FORCES in one)
    assert "flag -1" in why
    assert "vastus medialis was not measured by simulation" in reasons


@pytest.mark.data
@pytest.mark.slow
def test_the_folder_is_for_references_and_tells_where_it_comes_from(request_made: Request) -> None:
    out = request_made.out
    report = json.loads((out / REPORT).read_text(encoding="utf-8"))
    assert report["seed"] == 4 and report["tried"] == 1 + len(report["rejected"])
    (accepted,) = report["accepted"]
    assert 50.0 <= accepted["by_simulation"]["depth"] <= 130.0
    for folder in (out, out / report["chosen"]):
        rule = with_references(load_rules(), folder)["squat"]
        assert rule.given is not None
        told = rule.given.entry["generated"]
        assert told["attempt"] == accepted["attempt"] and len(told["model_sha256"]) == 64
        assert told["asked"] == report["asked"]
    assert (out / report["chosen"] / "squat.mot").is_file()
    assert read_objectives(out / "objectives.json") == request_made.asked
    assert "of " in (out / PAGE).read_text(encoding="utf-8")


@pytest.mark.data
@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_kept_batches_are_not_made_again(
    request_made: Request, fits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def content(folder: Path) -> dict[str, bytes]:
        files = (one for one in folder.rglob("*") if one.is_file())
        return {str(one.relative_to(folder)): one.read_bytes() for one in files}

    again = replace(request_made, out=tmp_path / "again")
    generate(again, fits)
    before = content(request_made.out)
    assert content(again.out) == before
    monkeypatch.setattr("qevd_bio.generator.attempts.guided", None)
    (again.out / PAGE).unlink()
    shutil.rmtree(again.out / json.loads((again.out / REPORT).read_text())["chosen"])
    shutil.copytree(again.out / "attempts", again.out / f"{MOTION}999")
    generate(again, fits)
    assert content(again.out) == before, "what a larger request accepted is gone"
    with pytest.raises(DataError, match="other objectives, another seed"):
        generate(replace(again, seed=5), fits)
    with monkeypatch.context() as older:
        older.setattr("qevd_bio.generator.generate.VERSION", 1)
        with pytest.raises(DataError, match="by another version of this program"):
            generate(again, fits)
    assert content(again.out) == before


@pytest.mark.data
@pytest.mark.slow
def test_rows_beside_are_of_the_same_weights_and_unguided(
    request_made: Request, fits: Path
) -> None:
    report = json.loads((request_made.out / REPORT).read_text(encoding="utf-8"))
    maker = maker_of(request_made.out, report, prepare(request_made.model, fits))
    with np.load(next((request_made.out / ATTEMPTS).glob("*.npz"))) as kept:
        held_out = [(kept["q"][0], np.linspace(0.0, float(kept["duration_s"][0]), 64))]
    sets = unguided_sets(maker, held_out, 1, 0)
    assert {len(one) for one in sets.values()} == {1} and len(sets) == 4
    decoded, prepared = sets["VQ-VAE, samples"][0], sets["samples, smooth and planted"][0]
    assert prepared.measured["sliding"] < 0.03 < decoded.measured["sliding"]
    lines = shift_lines(maker, report["accepted"])
    assert len(lines) == 1 + len(MEASURES) and lines[1].startswith("depth: ")
    counted = start_lines(maker, report | {"tried": 2})
    assert counted[1] == "guided: 1 of 2 accepted"
    found = re.fullmatch(r"their starts, smooth and planted: (\d) of 2", counted[2])
    assert found is not None and 1 <= int(found[1]) <= 2
    with pytest.raises(SystemExit, match=r"squat_vqvae\.safetensors"):
        maker_of(request_made.out, report | {"vqvae_sha256": "0"}, maker.model)


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opensim", None)
    (tmp_path / "model.osim").write_text("", encoding="utf-8")
    done = qevd_bio(
        "references", "generate", "squat", "--depth", "100", "--model", "model.osim",
        "--out", "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "qevd-bio[muscles]" in done.stderr and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["plank", "--depth", "100"], "no motions of this exercise"),
        (["squat"], "nothing is asked for"),
        (["--depth", "100"], "names no exercise"),
        (["squat", "--objectives", "o.json"], "the file says what is asked for"),
    ],
)
def test_usage_errors_name_the_option(words, told, tmp_path: Path) -> None:
    done = qevd_bio("references", "generate", *words, "--model", "m.osim", cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr
