"""A power cut loses no named file: its content is on the disk before the rename."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qevd_bio.engine.record import ARTIFACT_FILE, UNIT_FILE


@pytest.fixture
def calls(monkeypatch):
    """Every sync and rename in order, by path; a temporary folder is called MADE."""
    found = []

    def name(path):
        parts = ["MADE" if part.startswith(".tmp-") else part for part in Path(path).parts]
        return "/".join(parts[parts.index("work") + 1 :]) if "work" in parts else ".."

    def fsync(descriptor, real=os.fsync):
        found.append(("sync", name(Path(f"/proc/self/fd/{descriptor}").readlink())))
        real(descriptor)

    def wrap(real):
        def moved(source, target):
            found.append((name(source), name(target)))
            real(source, target)

        return moved

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", wrap(os.rename))
    monkeypatch.setattr(os, "replace", wrap(os.replace))
    return found


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="reads /proc to see what is synced"
)


def test_a_unit_is_whole_on_the_disk_before_it_has_its_name(world, calls):
    world.videos = ["0001"]
    world.run()
    home, unit = "kinematics/0001", world.folder("kinematics")
    end = calls.index(("sync", home), calls.index((f"{home}/MADE", f"{home}/{unit.name}")))
    first = calls[: end + 1]
    assert first[-5:] == [
        ("sync", f"{home}/MADE/{UNIT_FILE}"),
        ("sync", f"{home}/MADE/{ARTIFACT_FILE}"),
        ("sync", f"{home}/MADE"),
        (f"{home}/MADE", f"{home}/{unit.name}"),
        ("sync", home),
    ]
    # Folders that were not there before are durable, too.
    assert first[:-5] == [("sync", ".."), ("sync", ""), ("sync", "kinematics")]


def test_a_failure_is_whole_on_the_disk_before_it_has_its_name(world, calls):
    world.videos = ["0001"]
    world.trouble["kinematics", "0001"] = ValueError("no")
    world.run()
    home = "kinematics/0001"
    (path,) = (world.store.root / home).glob("*.failed.json")
    assert calls[-3:] == [
        ("sync", f"{home}/MADE"),
        (f"{home}/MADE", f"{home}/{path.name}"),
        ("sync", home),
    ]


def test_what_is_set_aside_or_opened_again_stays_so(world, calls):
    world.videos = ["0001"]
    world.run()
    folder = world.folder("cycles")
    calls.clear()
    world.store.set_aside(folder)
    assert calls[-1] == ("sync", "cycles/0001")
    world.trouble["cycles", "0001"] = ValueError("no")
    world.run()
    calls.clear()
    world.store.reopen(world.plan()["cycles", "0001"].record)
    assert calls[-1] == ("sync", "cycles/0001")
