"""A small world of stages with artifacts that name exactly their inputs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from qevd_bio.engine.events import Tally
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.plan import current_artifacts, plan
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class ToyStage(Stage):
    """Writes its inputs' bytes and the values it depends on, shortened by `keep`."""

    def __init__(self, world, name, *, reads=(), needs=(), version=1):
        self.world, self.name, self.writes, self.version = world, name, name, version
        self.reads, self.needs = tuple(reads), tuple(needs)
        self.schema_digest = digest(world.schemas.get(name, "0"))
        self.is_set_up = False

    def values(self, video_id):
        names = [need.format(video=video_id) for need in self.needs]
        return {name: self.world.settings.get(name, "0") for name in names}

    def depends(self, video_id):
        if video_id in self.world.nonsense and any("{video}" in need for need in self.needs):
            raise self.world.nonsense[video_id]
        if video_id in self.world.absent and any("{video}" in need for need in self.needs):
            raise FileNotFoundError(2, "No such file", f"{video_id}.mp4")
        return {name: digest(value) for name, value in self.values(video_id).items()}

    def setup(self):
        assert not self.is_set_up
        self.is_set_up = True
        self.world.log.append(("setup", self.name))

    def process(self, video_id, inputs, out):
        assert self.is_set_up
        assert set(inputs) == set(self.reads)
        self.world.log.append((self.name, video_id))
        made = {
            "stage": self.name,
            "version": self.version,
            "video": video_id,
            "values": self.world.keep(self.name, self.values(video_id)),
            "inputs": {name: json.loads(path.read_text()) for name, path in inputs.items()},
        }
        text = json.dumps(made, sort_keys=True)
        out.write_text(text[: len(text) // 2])
        trouble = self.world.trouble.get((self.name, video_id))
        if trouble is not None:
            raise trouble
        out.write_text(text)
        self.world.exchanged(self.name, video_id)
        return {"characters": len(text)}

    def teardown(self):
        self.is_set_up = False
        self.world.log.append(("teardown", self.name))


class World:
    """Inputs that can be edited, stages that read them, and one store.

    kinematics reads the video; cycles reads kinematics and the rule; findings reads both
    and the rule; rewriting reads findings and the prompt.
    """

    def __init__(self, root: Path, videos=("0001", "0002")):
        self.store = Store(root)
        self.videos = list(videos)
        self.settings: dict[str, str] = {}
        self.schemas: dict[str, str] = {}
        self.absent: set[str] = set()
        self.trouble: dict[tuple[str, str], BaseException] = {}
        self.exchange: dict[tuple[str, str], tuple[str, str]] = {}
        self.nonsense: dict[str, BaseException] = {}
        self.blind: set[tuple[str, str]] = set()
        self.log: list[tuple[str, str]] = []
        self.events = []
        self.versions: dict[str, int] = {}

    def exchanged(self, stage, video_id):
        """Exchange an input at the end of making a unit, where that was asked for."""
        if (stage, video_id) in self.exchange:
            name, value = self.exchange.pop((stage, video_id))
            self.settings[name] = value

    def keep(self, stage, values):
        """Drop the values that make no difference to what a stage writes."""
        return {name: value for name, value in values.items() if (stage, name) not in self.blind}

    @property
    def stages(self):
        rule = "rule:squat"
        return [
            self.stage("kinematics", needs=["video:{video}.mp4", "config"]),
            self.stage("cycles", reads=["kinematics"], needs=[rule]),
            self.stage("findings", reads=["kinematics", "cycles"], needs=[rule]),
            self.stage("rewriting", reads=["findings"], needs=["prompt"]),
        ]

    def stage(self, name, **options):
        return ToyStage(self, name, version=self.versions.get(name, 1), **options)

    def run(self):
        """Run, and return the (stage, video) pairs with a call of `process`."""
        self.log.clear()
        self.events.clear()
        self.summary = run_local(self.stages, self.videos, self.store, Tally(self.events.append))
        return self.processed()

    def processed(self):
        return [entry for entry in self.log if entry[0] not in ("setup", "teardown")]

    def plan(self):
        units = plan(self.stages, self.videos, self.store)
        return {(unit.stage, unit.video_id): unit for unit in units}

    def actions(self, video_id="0001"):
        return {
            stage: unit.action for (stage, video), unit in self.plan().items() if video == video_id
        }

    def folder(self, stage, video_id="0001"):
        record = self.plan()[stage, video_id].record
        return self.store.folder(stage, video_id, record.identity)

    def current(self):
        """Return the bytes of all current artifacts."""
        found = current_artifacts(list(self.plan().values()), self.store)
        return {
            (video_id, stage): path.read_bytes()
            for video_id, paths in found.items()
            for stage, path in paths.items()
        }

    def publish(self):
        """Return the content of a release."""
        return self.current()

    def leftovers(self):
        """Return temporary files anywhere below the root."""
        return [path for path in self.store.root.rglob("*") if path.name.startswith(".tmp-")]
