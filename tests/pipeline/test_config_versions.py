"""A work folder of an older or a newer version opens, and the message names the differences."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from qevd_bio.capture.hsmr.options import HsmrOptions
from qevd_bio.errors import DataError
from qevd_bio.pipeline.config import PipelineConfig, config_from
from qevd_bio.pipeline.pipeline import Pipeline, reopen_pipeline
from qevd_bio.stages.body_sources import BodySources
from tests.pipeline.sessions_made import SQUATS, record, write_root


@pytest.fixture
def pipeline(walk, tmp_path: Path) -> Pipeline:
    return walk(write_root(tmp_path / "QEVD", [record("0001", SQUATS)]), policy="paper")


def rewrite(pipeline: Pipeline, change) -> Path:
    path = pipeline.store.root / "work.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


def test_a_file_of_this_version_is_read_silently(pipeline: Pipeline, caplog) -> None:
    assert reopen_pipeline(pipeline.store.root).config == pipeline.config
    assert not messages(caplog)


def test_an_older_file_has_defaults_for_what_it_lacks(pipeline: Pipeline, caplog) -> None:
    def older(content: dict) -> None:
        for key in ("rules", "videos_csv", "variants"):
            del content[key]
        del content["bodies"]["shapy_root"]

    path = rewrite(pipeline, older)
    again = reopen_pipeline(pipeline.store.root)
    assert again.config == pipeline.config
    assert {unit.action for unit in again.plan()} == {"done"}
    (message,) = messages(caplog)
    assert str(path) in message
    assert message.endswith("defaults: variants, rules, videos_csv, bodies.shapy_root")


def test_a_newer_file_opens_without_the_keys_that_are_not_known(
    pipeline: Pipeline, caplog
) -> None:
    def newer(content: dict) -> None:
        content["smoothing"] = 3
        content["bodies"]["scanner"] = "x"

    path = rewrite(pipeline, newer)
    assert reopen_pipeline(pipeline.store.root).config == pipeline.config
    (message,) = messages(caplog)
    assert str(path) in message and message.endswith("ignored: bodies.scanner, smoothing")


def test_files_from_before_the_key_backend_keep_their_backend(tmp_path: Path) -> None:
    hsmr = PipelineConfig(tmp_path, backend="hsmr", hsmr=HsmrOptions(device="cpu"))
    recorded = PipelineConfig(tmp_path, backend="recorded", recorded_root=tmp_path)
    for config in (hsmr, recorded, PipelineConfig(tmp_path)):
        content = config.as_json()
        del content["backend"]
        assert config_from(content, where="work.json") == config


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    config = PipelineConfig(
        tmp_path,
        policy="paper",
        rules=tmp_path / "rules",
        backend="hsmr",
        height_m=1.8,
        bodies=BodySources(weights=tmp_path / "w"),
        hsmr=HsmrOptions(batch_size=8, compiled=True),
    )
    text = json.dumps(config.as_json())
    assert config_from(json.loads(text), where="work.json") == config


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variants": "yes"}, "variants must be true or false"),
        ({"policy": "guess"}, "policy must be one of evidence, paper"),
        ({"bodies": 3}, "bodies is not a table of keys"),
        ({"hsmr": {"batch_size": 1.5}}, "hsmr.batch_size must be a whole number"),
    ],
)
def test_a_value_of_the_wrong_type_is_an_error(tmp_path: Path, change: dict, words: str) -> None:
    content = {**PipelineConfig(tmp_path).as_json(), **change}
    with pytest.raises(DataError, match=words):
        config_from(content, where="work.json")
