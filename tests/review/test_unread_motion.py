"""Motion that cannot be read: its sentences are shown with the cause, and can be judged."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from qevd_bio.review.source import open_source
from qevd_bio.tables.parquet import NOTES_KEY
from qevd_bio.verdicts.store import VerdictStore
from tests.review.conftest import Serve, wait_for_item

VIDEO = "0301"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def remove(path: Path) -> None:
    path.unlink()


def overwrite(path: Path) -> None:
    """Other bytes of the same number, so that nothing is seen before they are read."""
    content = path.read_bytes()
    path.write_bytes(content[:2_000] + b"\xff" * 4_000 + content[6_000:])


def forget_motion(path: Path) -> None:
    """A readable table without the notes that say how to read it."""
    table = pq.read_table(path)
    metadata = {**(table.schema.metadata or {}), NOTES_KEY: b'["no", "motion"]'}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def garble_schema(path: Path) -> None:
    """Other letters in the names of the columns, which are no UTF-8."""
    content = path.read_bytes()
    name = b"knee_angle_r_rad"
    assert content.count(name) > 1
    path.write_bytes(content.replace(name, b"\xcc" * len(name)))


def motion_file(folder: Path) -> Path:
    """The file with the motion of `VIDEO`."""
    of_work = list((folder / "kinematics" / VIDEO).rglob("artifact.parquet"))
    (path,) = of_work or (folder / "kinematics").glob("*.parquet")
    return path


@pytest.mark.parametrize(
    ("made", "damage"),
    [*(("made_work", damage) for damage in (cut, remove, overwrite, garble_schema, forget_motion)),
     *(("made_release", damage) for damage in (cut, remove, overwrite))],
)  # fmt: skip
def test_a_sentence_without_motion_is_shown_with_the_cause(
    serve: Serve,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    made: str,
    damage: Callable[[Path], None],
) -> None:
    folder = shutil.copytree(request.getfixturevalue(made), tmp_path / made)
    served = serve(folder)
    anna, path = served.client(), motion_file(folder)
    damage(path)
    item = anna.get(f"/api/next?q={VIDEO}").value["item"]
    assert path.name in item["unread"]
    assert any(words in item["unread"] for words in ("cannot be read", "no readable"))
    assert item["curves"] == [] and item["frames"]["media_s"] == []
    assert item["original"].startswith("Sink deeper") and item["feedback"] and item["findings"]
    assert anna.get(f"/api/skeleton/{item['id']}").value["points"] == []
    sent = {"event_id": str(uuid.uuid4()), "item": item["id"], "judged": item["digest"],
            "verdict": "skipped"}  # fmt: skip
    assert anna.post("/api/verdict", sent).status == 200
    following = anna.get(f"/api/next?q={VIDEO}&after={item['id']}").value["item"]
    assert following["id"] != item["id"] and following["unread"]


@pytest.mark.parametrize("table", ["kinematics", "cycles", "quality"])
@pytest.mark.parametrize("damage", [cut, remove, overwrite])
def test_a_release_with_a_damaged_shard_can_be_reviewed(
    tmp_path: Path, made_release: Path, table: str, damage: Callable[[Path], None]
) -> None:
    folder = shutil.copytree(made_release, tmp_path / "release")
    (shard,) = (folder / table).glob("*.parquet")
    damage(shard)
    source = open_source(folder)
    assert len(list(source.rows())) == len(list(open_source(made_release).rows()))
    if table != "kinematics":
        assert any(shard.name in one for one in source.videos()[VIDEO].concerns)


@pytest.mark.parametrize("table", ["cycles", "quality", "kinematics"])
def test_damage_of_one_video_costs_its_evidence_only(
    tmp_path: Path, made_work: Path, table: str
) -> None:
    folder = shutil.copytree(made_work, tmp_path / "work")
    (path,) = (folder / table / VIDEO).rglob("artifact.parquet")
    overwrite(path)
    source = open_source(folder)
    assert len(list(source.rows())) == len(list(open_source(made_work).rows()))
    doubts = {name: str(one.concerns) for name, one in source.videos().items()}
    assert (str(path) in doubts[VIDEO]) == (table != "kinematics")
    assert not any(str(path) in text for name, text in doubts.items() if name != VIDEO)


@pytest.mark.browser
def test_the_page_goes_on_past_a_sentence_without_motion(
    serve: Serve, open_page: Any, tmp_path: Path, made_work: Path
) -> None:
    folder = shutil.copytree(made_work, tmp_path / "work")
    served = serve(folder)
    motion_file(folder).unlink()
    page = open_page(served.address(query=f"q={VIDEO}"))
    first = wait_for_item(page)
    said = page.inner_text("#unread")
    assert said.startswith("The motion cannot be read.") and "artifact.parquet" in said
    assert "Sink deeper" in page.inner_text("#old") and page.inner_text("#new")
    assert page.locator("#curves figure").count() == 0 and page.is_hidden("#no-curves")
    assert "The motion cannot be read." in page.inner_text("#live")
    for key in (" ", ",", ".", "b", "z", "l", "c"):
        page.keyboard.press(key)
    page.keyboard.press("j")
    second = wait_for_item(page, other_than=first)
    page.keyboard.press("s")
    third = wait_for_item(page, other_than=second)
    assert third not in (first, second)
    page.goto(served.address(query="q=0302"))
    wait_for_item(page, other_than=third)
    assert page.is_hidden("#unread") and page.locator("#curves figure").count() > 0
    store = VerdictStore(served.store)
    assert [(one.key.item_id(), one.verdict) for one in store.events()] == [(second, "skipped")]
    store.close()
