"""Make the archive of today's schema version: ``python tests/archives/make.py``.

It never replaces one. While a version is not yet out its archive may be removed by hand first.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "dataset")]

from made_artifacts import published  # noqa: E402

from qevd_bio.dataset.drop_in import records_table  # noqa: E402
from qevd_bio.dataset.publish import publish  # noqa: E402
from qevd_bio.dataset.release import MissingVideo  # noqa: E402
from qevd_bio.tables.columns import SCHEMA_VERSION  # noqa: E402

RECORDS = [{"feedbacks": ["", "Go lower", "é"], "feedback_timestamps": [1690028800.2981102]}]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as place,
        tarfile.open(HERE / f"{SCHEMA_VERSION}.tar.xz", "x:xz") as archive,
    ):
        work = Path(place)
        release = publish(
            [
                published(work, "0146", "train"),
                published(work, "0150", "test", frames=7, n_cycles=0),
                published(work, "0007", "train", frames=30),
            ],
            out=work / "release",
            version=SCHEMA_VERSION,
            missing=(MissingVideo("0151", "test", "kinematics", "video file is absent"),),
            drop_in={"QEVD-FIT-COACH": RECORDS},
            records={"QEVD-FIT-COACH": records_table(RECORDS, {})},
            generator={"qevd-bio": "0.1.0"},
        )
        archive.add(release.folder, arcname=SCHEMA_VERSION, filter=_without_owner)


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
