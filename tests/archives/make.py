"""Make the archive of today's schema version: ``python tests/archives/make.py``.

It never replaces one. While a version is not yet out its archive may be removed by hand first.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from qevd_bio.exercises.load import load_rules  # noqa: E402
from qevd_bio.qevd.record import Record  # noqa: E402
from qevd_bio.qevd.utterances import reconcile  # noqa: E402
from qevd_bio.release.made_with import files_used  # noqa: E402
from qevd_bio.released.contents import MissingVideo, PublishedVideo  # noqa: E402
from qevd_bio.released.drop_in import records_of, records_table  # noqa: E402
from qevd_bio.tables.annotations import SCHEMA as ANNOTATIONS  # noqa: E402
from qevd_bio.tables.columns import SCHEMA_VERSION  # noqa: E402
from qevd_bio.tables.kinematics import SCHEMA as KINEMATICS  # noqa: E402
from qevd_bio.tables.parquet import read_parquet  # noqa: E402
from tests.release.made_artifacts import publish, published, source_record  # noqa: E402

UNUSABLE = {"feedbacks": ["", "Go lower", "é"], "feedback_timestamps": [1690028800.2981102]}
"""A record of the source that belongs to no video; it comes first in its file."""


GENERATOR = {
    "qevd_bio": "0.1.0",
    "policy": "evidence",
    "variants": "no",
    "salient_joints": "rules",
    "rule squat": "1",
}
"""No stage is named: the rows are made up, and follow from no angles."""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as place,
        tarfile.open(HERE / f"{SCHEMA_VERSION}.tar.xz", "x:xz") as archive,
    ):
        work = Path(place)
        train = [
            with_faults(published(work, "0007", "train", frames=30)),
            with_faults(published(work, "0146", "train")),
        ]
        test = [with_faults(published(work, "0150", "test", frames=7, n_cycles=0))]
        folders = {"QEVD-FIT-COACH": train, "QEVD-FIT-COACH-Benchmark": test}
        source = {name: [UNUSABLE, *map(source_record, own)] for name, own in folders.items()}
        ids = {
            name: {i: v.video_id for i, v in enumerate(own, 1)} for name, own in folders.items()
        }
        records = {name: records_table(found, ids[name]) for name, found in source.items()}
        said = [
            row
            for video in (*train, *test)
            for row in read_parquet(video.artifacts["annotations"], ANNOTATIONS).to_pylist()
        ]
        release = publish(
            [*train, *test],
            out=work / "release",
            version=SCHEMA_VERSION,
            missing=[
                MissingVideo("record 0", split, "source", "feedback_timestamps has another length")
                for split in ("train", "test")
            ],
            drop_in={
                name: records_of(
                    table, [row for row in said if row["video_id"] in ids[name].values()]
                )
                for name, table in records.items()
            },
            records=records,
            generator=GENERATOR,
            made_with=_made_with(),
        )
        archive.add(release.folder, arcname=SCHEMA_VERSION, filter=_without_owner)


def with_faults(video: PublishedVideo) -> PublishedVideo:
    """Name the faults of the video's record, as reading it would."""
    raw = source_record(video)
    times_s = read_parquet(video.artifacts["kinematics"], KINEMATICS)["time_s"].to_numpy()
    record = Record(
        unit_id=video.video_id,
        video_id=video.video_id,
        split=video.split,
        video_file=Path(),
        timestamps_file=Path(),
        feedbacks=tuple(raw["feedbacks"]),
        feedback_timestamps=tuple(raw["feedback_timestamps"]),
        is_transition=tuple(raw["is_transition"]),
        times_s=times_s,
        issues=(),
        index=0,
        digest="",
    )
    frames, texts = len(times_s), len(record.feedbacks)
    uneven = f"{frames} frame timestamps for {texts} texts, both taken from frame 0 on"
    return replace(video, issues=(uneven, *(one.message for one in reconcile(record).issues)))


def _made_with() -> dict[str, bytes]:
    """Carry the prompts, and the rule of the squat under the version that the rows name."""
    files = files_used([load_rules()["squat"]])
    rule = json.loads(files["rules/squat.json"]) | {"version": 1}
    return files | {"rules/squat.json": json.dumps(rule).encode()}


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
