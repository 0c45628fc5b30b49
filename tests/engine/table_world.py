"""The small world of `toy_world`, with stages that write tables as a release needs them."""

from __future__ import annotations

import json
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from qevd_bio.engine.maintain.garbage import note_published
from qevd_bio.files.digest import sha256_file
from qevd_bio.released.contents import SUMS_FILE, PublishedVideo
from qevd_bio.tables.parquet import read_notes, schema_sha256, write_parquet
from qevd_bio.tables.published import TABLES
from tests.engine.toy_world import ToyStage, World
from tests.release import made_artifacts


@lru_cache
def made(video_id, frames):
    """Write the artifacts of a video once; they differ with `frames`."""
    folder = Path(tempfile.mkdtemp())
    found = made_artifacts.published(folder, video_id, "train", frames=frames, n_cycles=2)
    tables = {name: pq.read_table(found.artifacts[name]) for name in TABLES}
    shutil.rmtree(folder)
    return tables


class TableStage(ToyStage):
    """Writes a table with its inputs in its notes."""

    def __init__(self, world, name, **options):
        super().__init__(world, name, **options)
        self.schema_digest += schema_sha256(TABLES[name].schema)

    def process(self, video_id, inputs, out):
        self.world.log.append((self.name, video_id))
        values = self.values(video_id)
        table = made(video_id, 20 + sum(map(int, values.values())))[self.name]
        for field in list(TABLES[self.name].schema)[table.num_columns :]:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
        made_from = {name: sha256_file(path) for name, path in sorted(inputs.items())}
        out.write_bytes(b"PAR1")
        trouble = self.world.trouble.get((self.name, video_id))
        if trouble is not None:
            raise trouble
        notes = {**read_notes(table), "made_from": made_from, "values": values}
        write_parquet(table, out, notes={**notes, "version": self.version})
        self.world.exchanged(self.name, video_id)
        return {}


class TableWorld(World):
    """A stage for every published table."""

    pipeline = tuple(TABLES)

    @property
    def stages(self):
        rule = "rule:squat"
        own = {"kinematics", "cycles", "findings", "annotations"}
        return [
            self.stage("kinematics", needs=["video:{video}.mp4", "config"]),
            *(self.stage(name, reads=["kinematics"]) for name in TABLES if name not in own),
            self.stage("cycles", reads=["kinematics"], needs=[rule]),
            self.stage("findings", reads=["kinematics", "cycles"], needs=[rule]),
            self.stage(
                "annotations", reads=["kinematics", "cycles", "findings"], needs=["prompt"]
            ),
        ]

    def stage(self, name, **options):
        return TableStage(self, name, version=self.versions.get(name, 1), **options)

    def publish(self):
        """Publish what is finished, and return the files of the release."""
        with tempfile.TemporaryDirectory() as folder:
            release = self.release_into(Path(folder), "1.0.0", lambda folder: None)
            if release is None:
                return {}
            return {name: (release.folder / name).read_bytes() for name in release.files}

    def publish_noted(self):
        """Publish what is finished beside the work folder, under a new version."""
        taken = len(list(self.releases.glob("1.*")))
        version = f"1.{taken}.0"

        def note(home):
            units = [unit.record for unit in self.plan().values() if unit.record]
            digests = [unit.outputs[0].sha256 for unit in units if unit.outputs]
            note_published(
                self.store.root, f"{version}-{sha256_file(home / SUMS_FILE)[:12]}", digests
            )

        self.release_into(self.releases, version, note)

    @property
    def releases(self):
        """Folder of the releases of `publish_noted`."""
        return self.store.root.parent / "release"

    def published_artifacts(self):
        """Return the digests that the releases of `publish_noted` were made of."""
        manifests = [
            json.loads(path.read_text()) for path in self.releases.glob("1.*/manifest.json")
        ]
        return {
            digest
            for manifest in manifests
            for video in manifest["videos"].values()
            for digest in video["artifacts"].values()
        }

    def release_into(self, folder, version, note):
        """Publish what is finished; None where nothing is, or something is damaged."""
        paths = {}
        planned = self.plan()
        for (stage, video_id), unit in planned.items():
            if unit.record and unit.record.status == "completed":
                path = self.store.artifact_path(unit.record)
                paths.setdefault(video_id, {})[stage] = path
        whole = {
            video: found for video, found in paths.items() if len(found) == len(self.pipeline)
        }
        if not whole or not all(self.is_sound(unit) for unit in planned.values()):
            return None
        return made_artifacts.publish(
            [PublishedVideo(video, "train", found) for video, found in whole.items()],
            out=folder,
            version=version,
            check=note,
            generator={"generator": "test"},
        )

    def is_sound(self, unit):
        """Report whether the bytes are those recorded; a history may have damaged them."""
        if unit.record is None or not unit.record.outputs:
            return True
        return sha256_file(self.store.artifact_path(unit.record)) == unit.record.outputs[0].sha256
