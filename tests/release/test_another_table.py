"""A table more: its schema, its line in the list and its stage are all that it needs."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest

from qevd_bio.engine.stage import Skip, Stage
from qevd_bio.errors import UsageError
from qevd_bio.pipeline.pipeline import PipelineConfig, open_pipeline
from qevd_bio.release.assembly import release_from
from qevd_bio.release.compare import compare_releases
from qevd_bio.released.contents import Release
from qevd_bio.released.loading import load_split, videos_of
from qevd_bio.tables import annotations
from qevd_bio.tables.columns import SCHEMA_VERSION, column, versioned
from qevd_bio.tables.parquet import read_parquet, rows_table, schema_sha256, write_parquet
from qevd_bio.tables.published import TABLES
from qevd_bio.tables.published_table import PublishedTable, Reference, Rising
from qevd_bio.verify.release import verify_release
from tests.release.test_archives import ARCHIVES, VERSIONS
from tests.verify.made_release import edit_json, edit_rows, reseal

pytestmark = pytest.mark.usefixtures("equal_inputs_are_derived_once")

LACKING = "0002"
SHARD = "remarks/train-00000-of-00001.parquet"

REMARKS = PublishedTable(
    schema=versioned(
        "remarks",
        [
            column("video_id", pa.string(), "Video of the utterance"),
            column("feedback_index", pa.int32(), "Utterance of the video"),
            column("style", pa.string(), "short or long"),
            column("text", pa.string(), "What is known at that moment", nullable=True),
        ],
    ),
    about="One row an utterance: what is known at that moment.",
    since="99.0.0",
    required=False,
    order=("video_id", "feedback_index"),
    key=("video_id", "feedback_index"),
    rows="some",
    choices={"style": ("short", "long")},
    rising=(Rising("feedback_index", step=1, start=0),),
    references=(Reference(("feedback_index",), "annotations", ("feedback_index",)),),
)


@dataclass(frozen=True)
class RemarksStage(Stage):
    """Writes one remark an utterance, but not for one of the videos."""

    name: str = "remarks"
    version: int = 1
    reads: tuple[str, ...] = ("annotations",)
    writes: str = "remarks"
    schema_digest: str = schema_sha256(REMARKS.schema)

    def depends(self, video_id: str) -> Mapping[str, str]:
        return {}

    def process(self, video_id: str, inputs: Mapping[str, Path], out: Path) -> Mapping[str, str]:
        if video_id == LACKING:
            raise Skip("nothing is known")
        said = read_parquet(inputs["annotations"], annotations.SCHEMA).to_pylist()
        rows = [
            {"video_id": video_id, "feedback_index": i, "style": "short", "text": "squats"}
            for i in range(len(said))
        ]
        write_parquet(rows_table(rows, REMARKS.schema), out)
        return {}


def publish_with_remarks(home: Path, version: str) -> Release:
    """Publish the work of `made_release` with one stage more."""
    pipeline = open_pipeline(PipelineConfig(home / "QEVD"), home / "work")
    pipeline = replace(pipeline, stages=(*pipeline.stages, RemarksStage()))
    pipeline.run((), argv=["test"], on_event=lambda event: None)
    return release_from(pipeline, out=home / "release", version=version)


@pytest.fixture(scope="module")
def home(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Release 1.0.0 from before the table was known, 1.1.0 with it; the table is known now."""
    folder = Path(shutil.copytree(sound, tmp_path_factory.mktemp("another") / "home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TABLES, "remarks", REMARKS)
        publish_with_remarks(folder, "1.1.0")
        yield folder


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home / "release" / "1.1.0", tmp_path / "1.1.0"))


def test_a_release_with_the_table_is_sound_and_loads(home: Path) -> None:
    folder = home / "release" / "1.1.0"
    verdict = verify_release(folder, home / "QEVD")
    assert verdict.issues == [] and verdict.unchecked == [] and verdict.absent == []
    assert verdict.rows["remarks"] == 12
    assert set(load_split("train", folder, "remarks")["video_id"]) == {"0001"}
    assert [video for video, _ in videos_of("test", folder, "remarks")] == ["0003"]
    assert json.loads((folder / "schema" / "remarks.json").read_text())["title"] == "remarks"


def test_a_video_without_the_table_is_published_and_the_card_names_it(home: Path) -> None:
    folder = home / "release" / "1.1.0"
    assert LACKING in set(load_split("train", folder)["video_id"])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["missing"] == []
    for video, entry in manifest["videos"].items():
        assert ("remarks" in entry["artifacts"]) == (video != LACKING)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "Without `remarks`: 1 of 3 videos: 0002." in card
    assert REMARKS.about in card


def test_a_video_without_a_required_table_is_not_published(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLES, "remarks", replace(REMARKS, required=True))
    contents = publish_with_remarks(home, "1.2.0").contents
    assert contents.videos == {"train": 1, "test": 1}
    assert [(one.video_id, one.stage) for one in contents.missing] == [(LACKING, "remarks")]
    assert "nothing is known" in contents.missing[0].reason


def test_a_release_from_before_is_sound_and_loads(home: Path) -> None:
    folder = home / "release" / "1.0.0"
    verdict = verify_release(folder)
    assert verdict.sound and verdict.unchecked == [] and verdict.absent == ["remarks"]
    assert len(load_split("train", folder)) == 12
    with pytest.raises(UsageError, match=r"no config 'remarks'.* came with schema version 99.0.0"):
        load_split("train", folder, "remarks")


def test_a_required_table_is_due_only_in_releases_since_it_began(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "release" / "1.0.0"
    monkeypatch.setitem(TABLES, "remarks", replace(REMARKS, required=True))
    assert verify_release(folder).sound
    monkeypatch.setitem(TABLES, "remarks", replace(REMARKS, required=True, since=SCHEMA_VERSION))
    verdict = verify_release(folder)
    assert [one.cause for one in verdict.issues] == ["has no table 'remarks'"]
    assert verdict.absent == []


@pytest.mark.parametrize("version", VERSIONS)
def test_archives_are_verified_as_before(home: Path, tmp_path: Path, version: str) -> None:
    with tarfile.open(ARCHIVES / f"{version}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    with pytest.MonkeyPatch.context() as patch:
        known = verify_release(tmp_path / version)
        patch.delitem(TABLES, "remarks")
        before = verify_release(tmp_path / version)
    assert known.absent == [*before.absent, "remarks"]
    assert known.as_json() | {"absent_tables": before.absent} == before.as_json()
    assert ("morphometrics" in before.absent) == (version < "1.2.0")


def test_the_comparison_names_the_table(home: Path) -> None:
    old, new = (home / "release" / version for version in ("1.0.0", "1.1.0"))
    found = compare_releases(old, new)
    assert found.schema == ("table remarks added",)
    assert found.configs["remarks"].added == 12
    assert found.configs["annotations"].same == 18
    assert compare_releases(new, old).schema == ("table remarks removed",)
    changelog = (new / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "`remarks` train: 6 rows." in changelog


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda rows: rows[0].update(style="loud"), "choice", "style is 'loud'"),
        (lambda rows: rows[-1].update(feedback_index=9), "order+reference", "not in annotations"),
        (lambda rows: rows.append(rows[-1]), "duplicate", "is there already"),
        (lambda rows: rows.append({**rows[-1], "video_id": "0009"}), "order+reference", "'0009'"),
    ],
    ids=["choice", "reference", "duplicate", "video"],
)
def test_what_the_list_declares_is_verified(copy: Path, change, kind: str, words: str) -> None:
    edit_rows(copy / SHARD, lambda rows: change(rows) and None)
    reseal(copy)
    verdict = verify_release(copy)
    assert set(verdict.counts) == set(kind.split("+"))
    assert any(words in one.cause for one in verdict.issues)


def test_a_table_cannot_be_taken_away(copy: Path) -> None:
    shutil.rmtree(copy / "remarks")
    (copy / "schema" / "remarks.json").unlink()
    edit_json(copy / "manifest.json", lambda m: m["configs"].pop("remarks") and None)
    reseal(copy, rows_too=False)
    verdict = verify_release(copy)
    assert dict(verdict.counts) == {"manifest": 1, "rows": 2}
    causes = [one.cause for one in verdict.issues]
    assert causes[0] == "names 'stage remarks', which makes no release"
    assert causes[1:] == ["its rows are not there any more"] * 2
