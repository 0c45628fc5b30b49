"""No artifact bears the identity of bytes it was not made from, whenever an input is exchanged."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qevd_bio.engine.events import Tally
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.plan import UPSTREAM, plan
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.engine.unit_files import read_whole_unit
from qevd_bio.files.digest import sha256_file_once
from qevd_bio.files.input_file import noted_reads, opened_input, read_input

CONTENTS = (b"aaaa", b"bbbb", b"cccccc")


class Moments:
    """Calls `happening` at every moment of a run in which an input could be exchanged."""

    def __init__(self, exchanges):
        self.exchanges, self.count = dict(exchanges), 0

    def __call__(self):
        exchange = self.exchanges.get(self.count)
        self.count += 1
        if exchange is not None:
            exchange()


class Copying(Stage):
    """Writes the bytes of its source in two reads, of its upstream artifact, and of its model."""

    version, schema_digest = 1, "bytes"

    def __init__(self, name, source, model, moments, reads=()):
        self.name = self.writes = name
        self.source, self.model, self.moments, self.reads = source, model, moments, reads
        self.held, self.held_digest = b"", ""

    def depends(self, video_id):
        self.moments()
        found = {"file": sha256_file_once(self.source), "model": sha256_file_once(self.model)}
        self.moments()
        return found

    def setup(self):
        self.moments()
        with noted_reads() as noted:
            self.held = read_input(self.model)
        self.held_digest = noted.digests[-1][1]
        self.moments()

    def loaded(self):
        return {"model": self.held_digest}

    def process(self, video_id, inputs, out):
        self.moments()
        parts = []
        for path in (*(inputs[name] for name in self.reads), self.source, self.source):
            with opened_input(path) as file:
                self.moments()
                parts.append(file.read(2))
                self.moments()
                parts.append(file.read())
            self.moments()
        out.write_bytes(b"|".join([*parts, self.held]))
        self.moments()
        return {}


def replaced(path, content):
    """Another file takes the path's place."""

    def exchange():
        beside = path.with_name("beside")
        beside.write_bytes(content)
        beside.replace(path)

    return exchange


def rewritten(path, content):
    """The same file gets other content."""
    return lambda: path.write_bytes(content)


def upstream_of(root, content):
    """The committed artifact of the first stage gets other bytes."""

    def exchange():
        for path in root.rglob("artifact.parquet"):
            if path.parts[-4] == "one" and not path.parent.name.startswith(".tmp-"):
                replaced(path, content)()

    return exchange


@pytest.mark.parametrize("how", [replaced, rewritten])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 40),
            st.sampled_from(("source", "model", "upstream")),
            st.sampled_from(CONTENTS),
        ),
        max_size=5,
    ),
    runs=st.integers(1, 2),
)
def test_no_artifact_bears_the_identity_of_other_bytes(how, steps, runs, tmp_path_factory):
    home = tmp_path_factory.mktemp("world")
    source, model, root = home / "source", home / "model", home / "work"
    source.write_bytes(CONTENTS[0])
    model.write_bytes(CONTENTS[1])
    store = Store(root)
    exchanges = {
        moment: upstream_of(root, content)
        if what == "upstream"
        else how(source if what == "source" else model, content)
        for moment, what, content in steps
    }
    moments = Moments(exchanges)
    for _ in range(runs):
        first = Copying("one", source, model, moments)
        second = Copying("two", source, model, moments, reads=("one",))
        run_local([first, second], ["0001"], store, Tally(lambda event: None))
    check_all(store, ("one", "two"))


def check_all(store: Store, stages):
    """Compare the bytes of every unit that counts with the digests in its identity."""
    contents = {hashlib.sha256(one).hexdigest(): one for one in CONTENTS}
    for stage in stages:
        for folder in store.units(stage):
            record = read_whole_unit(folder)
            if isinstance(record, str) or not record.outputs:
                continue
            source = contents[record.depends["file"]]
            parts = [source[:2], source[2:]] * 2
            held = (folder / "artifact.parquet").read_bytes()
            if stage == "two":
                # what it read of the artifact above, in two pieces, comes first
                first, _, rest = held.partition(b"|")
                pieces = rest.split(b"|")
                above = first + b"|".join(pieces[:-5])
                assert hashlib.sha256(above).hexdigest() == record.depends[f"{UPSTREAM}one"]
                held = b"|".join(pieces[-5:])
            expected = b"|".join([*parts, contents[record.depends["model"]]])
            assert held == expected, (stage, record.depends)


def test_without_an_exchange_every_unit_is_made(tmp_path):
    source, model = tmp_path / "source", tmp_path / "model"
    source.write_bytes(CONTENTS[0])
    model.write_bytes(CONTENTS[1])
    moments = Moments({})
    stages = [
        Copying("one", source, model, moments),
        Copying("two", source, model, moments, reads=("one",)),
    ]
    store = Store(tmp_path / "work")
    summary = run_local(stages, ["0001"], store, Tally(lambda event: None))
    assert summary.counts["completed"] == 2
    assert moments.count > 25, "the property test exchanges at each of them"
    check_all(store, ("one", "two"))
    assert [unit.action for unit in plan(stages, ["0001"], store)] == ["done", "done"]
