"""The section "Add an exercise in five minutes" of docs/rules.md, done step by step."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.exercises.load import load_rules
from tests.cli.calling import qevd_bio
from tests.exercises.performed import performed
from tests.pipeline.sessions_made import FRAME_NS, FRAMES, record, write_root

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = (CHECKOUT / "docs" / "rules.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Add an exercise in five minutes")[2].partition("\n### ")[0]
SAID = [
    (5, "First up are deadlifts!", 12, True),
    (200, "Hinge deeper", 20, False),
    (300, "Moving on to zorbing!", 12, True),
    (400, "That's it for today!", 12, True),
]


def command(arguments: list[str], folder: Path) -> str:
    """Run the program somewhere else than in the checkout."""
    done = qevd_bio(*arguments, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def edit(path: Path, change: dict[str, Any]) -> None:
    """Write the keys of a block into a rule; a constraint takes the place of its namesake."""
    rule = json.loads(path.read_text(encoding="utf-8"))
    if "id" in change:
        ids = [constraint["id"] for constraint in rule["constraints"]]
        rule["constraints"][ids.index(change["id"])] = change
    else:
        assert change.keys() <= rule.keys()
        rule.update(change)
    path.write_text(json.dumps(rule, indent=1), encoding="utf-8")


def recorded_deadlifts(folder: Path) -> None:
    """Motion that a capture would have found, with hips that bend too little."""
    rule = load_rules(folder / "my_rules")["deadlift"]
    fault = {"hip_flexion_r": -50.0, "hip_flexion_l": -50.0}
    q = performed(rule, 10, rate_hz=1e9 / FRAME_NS, fault=fault, noise_deg=0.5)
    standing = np.repeat(q[-1:], max(FRAMES - len(q), 0), axis=0)
    (folder / "motion").mkdir()
    np.save(folder / "motion" / "0001.npy", np.concatenate([q, standing])[:FRAMES])


def test_an_exercise_is_added_as_the_page_describes(tmp_path: Path) -> None:
    write_root(tmp_path / "QEVD", [record("0001", SAID)])
    settings = 'backend = "recorded"\nrecorded_root = "motion"\nworkers = 0\n'
    (tmp_path / "qevd-bio.toml").write_text(settings, encoding="utf-8")
    shown = {}
    for language, block in re.findall(r"```(sh|json)\n(.*?)```", SECTION, re.DOTALL):
        if language == "json":
            edit(tmp_path / "my_rules" / "deadlift.json", json.loads(block))
            continue
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "qevd-bio"
            if arguments[0] == "run":
                recorded_deadlifts(tmp_path)
            shown[" ".join(arguments[:2])] = command(arguments, tmp_path)
    assert "ok" in shown["rules check"] and "romanian deadlift" in shown["rules show"]
    assert re.search(r"exercise without a rule +segments\nzorbing +1", shown["run --data-root"])
    (sentence,) = re.findall(r"^> (.+)$", SECTION, re.MULTILINE)
    assert sentence in " ".join(shown["diff"].split())


@pytest.mark.parametrize("name", ["rules list", "rules show", "rules new", "rules check"])
def test_the_page_names_the_commands(name: str) -> None:
    assert f"qevd-bio {name}" in PAGE
