"""A column is added to a table and nobody raises the version of the stage that writes it."""

from __future__ import annotations

import io
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from qevd_bio.pipeline.config import PipelineConfig
from qevd_bio.pipeline.pipeline import open_pipeline
from qevd_bio.tables.parquet import schema_sha256
from qevd_bio.tables.published import TABLES
from tests.engine.table_world import TableWorld
from tests.pipeline.sessions_made import SQUATS, record, write_root


def test_the_stage_runs_again_and_the_release_has_the_column(tmp_path, monkeypatch):
    world = TableWorld(tmp_path / "work")
    world.run()
    assert world.publish()
    table = TABLES["quality"]
    added = pa.field("added", pa.int32(), nullable=True, metadata={"description": "Added"})
    monkeypatch.setitem(TABLES, "quality", replace(table, schema=table.schema.append(added)))

    assert world.actions() == dict.fromkeys(TableWorld.pipeline, "done") | {"quality": "run"}
    assert world.plan()["quality", "0001"].why == ("schema of what it writes changed",)
    assert world.run() == [("quality", "0001"), ("quality", "0002")]
    shards = [data for name, data in world.publish().items() if name.startswith("quality/")]
    assert "added" in pq.read_schema(io.BytesIO(shards[0])).names


def test_every_stage_names_the_schema_of_its_table(tmp_path):
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS)])
    stages = open_pipeline(PipelineConfig(root), tmp_path / "work").stages
    assert {stage.writes for stage in stages} == set(TABLES)
    for stage in stages:
        assert stage.schema_digest == schema_sha256(TABLES[stage.writes].schema)
