"""Make the archive of today's schema version: ``python tests/archives/make.py``.

It never replaces one. While a version is not yet out its archive may be removed by hand first.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from qevd_bio.release.contents import MissingVideo  # noqa: E402
from qevd_bio.release.drop_in import records_of, records_table  # noqa: E402
from qevd_bio.tables.annotations import SCHEMA as ANNOTATIONS  # noqa: E402
from qevd_bio.tables.columns import SCHEMA_VERSION  # noqa: E402
from qevd_bio.tables.parquet import read_parquet  # noqa: E402
from tests.release.made_artifacts import publish, published, source_record  # noqa: E402

UNUSABLE = {"feedbacks": ["", "Go lower", "é"], "feedback_timestamps": [1690028800.2981102]}
"""A record of the source that belongs to no video; it comes first in its file."""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as place,
        tarfile.open(HERE / f"{SCHEMA_VERSION}.tar.xz", "x:xz") as archive,
    ):
        work = Path(place)
        train = [published(work, "0007", "train", frames=30), published(work, "0146", "train")]
        test = [published(work, "0150", "test", frames=7, n_cycles=0)]
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
            missing=(MissingVideo("0151", "test", "kinematics", "video file is absent"),),
            drop_in={
                name: records_of(
                    table, [row for row in said if row["video_id"] in ids[name].values()]
                )
                for name, table in records.items()
            },
            records=records,
            generator={"qevd_bio": "0.1.0", "rule squat": "1"},
        )
        archive.add(release.folder, arcname=SCHEMA_VERSION, filter=_without_owner)


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
