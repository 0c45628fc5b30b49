"""weights import, list, verify at the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.cli.main import app
from tests.weights.made_files import save_checkpoint, skel, tiny_state, write


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    monkeypatch.setenv("QEVD_BIO_WEIGHTS", str(tmp_path / "weights"))

    def invoke(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            app(args=[str(argument) for argument in ("weights", *arguments)])
        printed = capsys.readouterr()
        return int(done.value.code or 0), printed.out, printed.err

    return invoke


def test_import_list_verify(tmp_path: Path, run: Any) -> None:
    checkpoint = save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state())
    code, out, err = run("import", checkpoint)
    assert code == 1 and out == "" and "Give --allow-other-size" in err
    code, out, err = run("import", checkpoint, "--allow-other-size", "--json")
    made = json.loads(out)
    assert code == 0 and made["name"] == "hsmr" and "licence:" in err
    assert Path(made["file"]) == tmp_path / "weights" / "hsmr.safetensors"
    code, out, err = run("import", checkpoint, "--allow-other-size")
    assert code == 2 and "--replace" in err
    code, out, _ = run("import", checkpoint, "--allow-other-size", "--replace")
    assert code == 0 and made["sha256"] in "".join(out.split())  # a long path narrows its column
    code, out, _ = run("import", checkpoint, "--allow-other-size", "--replace", "--heads", 2, 3)
    assert code == 0 and "2,3" in out
    code, _, err = run("import", checkpoint, "--allow-other-size", "--replace", "--heads", 5, 3)
    assert code == 2 and "do not split into 5 heads" in err

    code, out, _ = run("list", "--json")
    states = {entry["name"]: entry["state"] for entry in json.loads(out)}
    assert code == 0 and states["hsmr"] == "imported" and states["skel_male"] == "absent"
    code, out, _ = run("list")
    assert "NOT THE OFFICIAL SIZE" in " ".join(out.split())

    code, out, _ = run("verify", "--json")
    assert code == 0
    assert [(v["name"], v["issues"]) for v in json.loads(out)] == [("hsmr", [])]
    Path(made["file"]).write_bytes(Path(made["file"]).read_bytes()[:-4])
    code, out, _ = run("verify")
    assert code == 4 and out.splitlines()[1].startswith("issue  hsmr")


def test_another_folder_and_another_name(tmp_path: Path, run: Any) -> None:
    body = write(tmp_path / "body.pkl", skel())
    code, _, err = run("import", body, "--weights", tmp_path / "other")
    assert code == 2 and "Give --as" in err
    code, _, err = run("import", body, "--as", "skel_female", "--weights", tmp_path / "other")
    assert code == 2 and "--gender-known" in err
    code, _, _ = run(
        "import", body, "--as", "skel_female", "--gender-known", "--weights", tmp_path / "other"
    )
    assert code == 0 and (tmp_path / "other" / "skel_female.safetensors").is_file()
    code, out, _ = run("verify", "skel_female", "--weights", tmp_path / "other")
    assert code == 0 and "ok  skel_female" in " ".join(out.split("   "))


def test_nothing_imported_is_reported(run: Any) -> None:
    code, out, err = run("verify", "--json")
    assert code == 0 and json.loads(out) == [] and "no weights in" in err
    code, _, err = run("verify", "hsmr")
    assert code == 1 and "were not imported" in err


def test_doctor_checks_the_weights(tmp_path: Path, run: Any) -> None:
    from qevd_bio.environment import _weights as found  # the whole examination takes seconds

    assert found().state == "ok" and found().detail.startswith("none; the built-in")
    run("import", save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state()), "--allow-other-size")
    assert found().detail == f"hsmr ({tmp_path / 'weights'})"
    (tmp_path / "weights" / "hsmr.safetensors").write_bytes(b"x")
    assert found().state == "warn" and found().fix == "qevd-bio weights verify"
