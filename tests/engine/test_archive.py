"""Export on one machine and import on another: no unit is lost or imported twice."""

from __future__ import annotations

import io
import json
import os
import tarfile

import pytest

from qevd_bio.engine.maintain.adopt import adopt, candidates
from qevd_bio.engine.maintain.archive import END_FILE, export_archive, import_archive
from qevd_bio.engine.record import ARTIFACT_FILE, UNIT_FILE
from qevd_bio.engine.runs import close_run, open_run, read_run
from qevd_bio.errors import DataError, EnvironmentProblem, UsageError


@pytest.fixture
def made(world, make_world, tmp_path):
    """Two parts, worked on apart, and an empty folder for the whole."""
    parts = []
    for video in world.videos:
        place = make_world(tmp_path / f"node-{video}", [video])
        place.run()
        parts.append(tmp_path / f"part-{video}.tar")
        assert export_archive(place.store.root, parts[-1]).units == 4
    return world, parts


def entries(part):
    with tarfile.open(part) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}


def rewritten(part, files):
    with tarfile.open(part, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_imported_parts_are_the_whole(made, make_world, tmp_path):
    world, parts = made
    imported = [import_archive(part, world.store.root) for part in reversed(parts)]
    assert [(one.units, one.added, one.problems) for one in imported] == [(4, 4, [])] * 2
    assert world.run() == []
    clean = make_world(tmp_path / "clean")
    clean.run()
    assert world.current() == clean.current()
    assert world.leftovers() == []
    stamps = {path: path.stat().st_mtime_ns for path in world.store.root.rglob("*")}
    assert import_archive(parts[0], world.store.root).added == 0, "importing again is harmless"
    assert {path: path.stat().st_mtime_ns for path in world.store.root.rglob("*")} == stamps


def test_all_bytes_are_on_the_disk_before_the_first_name(made, monkeypatch):
    world, parts = made
    calls = []
    real = os.rename
    monkeypatch.setattr(os, "sync", lambda: calls.append("sync"))
    monkeypatch.setattr(os, "rename", lambda *paths: calls.append("rename") or real(*paths))
    import_archive(parts[0], world.store.root)
    assert calls == ["sync", *["rename"] * 4, "sync"]


def test_what_the_folder_finished_stands_and_what_is_damaged_gives_way(made):
    world, parts = made
    world.run()
    kept = world.folder("cycles") / UNIT_FILE
    before = kept.read_bytes()
    damaged = world.folder("findings") / ARTIFACT_FILE
    damaged.write_bytes(damaged.read_bytes()[:-3])
    assert import_archive(parts[0], world.store.root).added == 1
    assert kept.read_bytes() == before
    assert world.run() == []


def test_failures_and_runs_come_along_and_take_no_success_s_place(world, make_world, tmp_path):
    node = make_world(tmp_path / "node", ["0001"])
    node.trouble["cycles", "0001"] = ValueError("no")
    run = open_run(node.store.root, argv=["run"], config={}, execution={})
    node.run()
    node.run()
    assert export_archive(node.store.root, tmp_path / "early.tar").failures == 1
    close_run(run, outcome="finished", counts={})
    node.trouble.clear()
    export_archive(node.store.root, tmp_path / "part.tar")
    for part in ("part.tar", "early.tar"):
        import_archive(tmp_path / part, world.store.root)
    assert world.plan()["cycles", "0001"].record.attempt == 2
    assert world.plan()["cycles", "0001"].why == ("failed before: ValueError: no",)
    (folder,) = (world.store.root / "runs").iterdir()
    assert read_run(folder)["outcome"] == "finished", "the later state of a run stands"
    world.run()
    assert import_archive(tmp_path / "part.tar", world.store.root).added == 0
    assert set(world.actions().values()) == {"done"}


def test_only_what_is_whole_is_exported(world, tmp_path):
    world.run()
    flipped = world.folder("cycles") / ARTIFACT_FILE
    flipped.write_bytes(b"[" + flipped.read_bytes()[1:])
    home = world.store.video_folder("cycles", "0002")
    (home / ".tmp-x-1-y").mkdir()
    (home / "note.failed.json").write_text("mine")
    (world.store.root / "holiday").mkdir()
    (world.store.root / "holiday" / "photo").write_text("mine")
    exported = export_archive(world.store.root, tmp_path / "part.tar")
    assert exported.units == 7
    assert exported.problems == [
        f"cycles/0001/{flipped.parent.name}: output artifact.parquet has other bytes than were "
        "written"
    ]
    names = entries(tmp_path / "part.tar")
    assert len(names) == 7 * 2 + 1
    assert all(name.endswith((UNIT_FILE, ARTIFACT_FILE, END_FILE)) for name in names)


def test_adopted_units_that_share_a_file_are_exported_whole(world, make_world, tmp_path):
    world.run()
    world.versions["kinematics"] = 2
    for one in candidates(world.stages[0], list(world.plan().values()), world.store):
        adopt(one, world.store, reason="the same bytes")
    export_archive(world.store.root, tmp_path / "part.tar")
    other = make_world(tmp_path / "other")
    other.versions["kinematics"] = 2
    assert import_archive(tmp_path / "part.tar", other.store.root).added == 10
    assert other.run() == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_an_archive_that_is_cut_short_imports_nothing(made, share):
    world, parts = made
    whole = parts[0].read_bytes()
    end = whole.rindex(END_FILE.encode())
    parts[0].write_bytes(whole[: int(share * end) // 512 * 512])
    with pytest.raises(DataError, match="cut short"):
        import_archive(parts[0], world.store.root)
    assert list(world.store.root.iterdir()) == []


HOSTILE = {
    "outside": {"../evil": b"x"},
    "absolute": {"/tmp/evil": b"x"},
    "another file": {"cycles/0001/run.sh": b"x"},
    "hidden": {"cycles/.x/0123456789abcdef/unit.json": b"{}"},
    "after the end": {END_FILE: b"{}", "work.json": b"{}"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_tar_file_with_anything_else_is_refused(made, name):
    world, parts = made
    rewritten(parts[0], HOSTILE[name])
    with pytest.raises(DataError, match="which `archive export` does not write"):
        import_archive(parts[0], world.store.root)
    assert list(world.store.root.iterdir()) == []


def test_units_with_other_bytes_or_another_name_are_left_out(made):
    world, parts = made
    files = entries(parts[0])
    artifact = next(n for n in files if n.startswith("cycles") and n.endswith(ARTIFACT_FILE))
    files[artifact] = b"[" + files[artifact][1:]
    rewritten(parts[0], files)
    imported = import_archive(parts[0], world.store.root)
    assert imported.added == 3
    assert "has other bytes than were written" in imported.problems[0]
    moved = {name.replace("/0001/", "/0002/"): content for name, content in files.items()}
    rewritten(parts[0], moved)
    imported = import_archive(parts[0], world.store.root)
    assert imported.added == 0 and len(imported.problems) == 4
    assert {unit.action for unit in world.plan().values() if unit.video_id == "0002"} == {"run"}


def test_places_that_cannot_be_used_are_named(world, tmp_path):
    world.run()
    with pytest.raises(UsageError, match="lies in the work folder"):
        export_archive(world.store.root, world.store.root / "part.tar")
    with pytest.raises(DataError, match="is absent"):
        export_archive(tmp_path / "absent", tmp_path / "part.tar")
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match=r"File exists.*imported twice"):
        export_archive(world.store.root, tmp_path / "file" / "part.tar")
    with pytest.raises(EnvironmentProblem, match="No such file"):
        import_archive(tmp_path / "absent.tar", world.store.root)


def test_entry_at_the_end_counts_what_is_exported(world, tmp_path):
    world.trouble["cycles", "0002"] = ValueError("no")
    world.run()
    export_archive(world.store.root, tmp_path / "part.tar")
    assert json.loads(entries(tmp_path / "part.tar")[END_FILE]) == {"units": 5, "failures": 1}
