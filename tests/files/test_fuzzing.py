"""Fuzzing of the readers of untrusted files, see `fuzz_readers`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.files import fuzz_readers

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = int(os.environ.get("QEVD_BIO_FUZZ_S", "1200"))


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 600)
@pytest.mark.parametrize("name", fuzz_readers.TARGETS)
def test_no_input_ends_in_anything_but_a_data_error(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.files.fuzz_readers", name, str(SECONDS)],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.mark.parametrize("name", fuzz_readers.TARGETS)
def test_a_second_of_random_changes_ends_in_data_errors(name: str) -> None:
    """Kept in the normal tests, so that the long form does not rot."""
    run, seeds = fuzz_readers.TARGETS[name]
    assert fuzz_readers.fuzz_by_chance(run, seeds, 1.0) > 20
