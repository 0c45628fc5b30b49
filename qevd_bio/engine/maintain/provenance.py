"""What an artifact was made from, unit by unit back to the source files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.engine.plan import UPSTREAM
from qevd_bio.engine.record import UNIT_FILE, UnitRecord
from qevd_bio.engine.runs import RUNS_FOLDER, read_run
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.engine.unit_files import units_of_video
from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class Link:
    """One unit of a chain, the file that holds its record, and the record of the run that made it.

    `run` is None where it is gone, damaged or there was none; `run_problem` says why although the
    unit names a run.
    """

    record: UnitRecord
    unit_file: Path
    run: Mapping[str, JsonValue] | None
    run_problem: str = ""


def chain(record: UnitRecord, stages: Sequence[Stage], store: Store) -> list[Link]:
    """Follow the artifact of a completed unit back to the source files.

    The unit itself comes first, then those it was made from, each once; `DataError` when one of
    their artifacts is not in the store any more.
    """
    writer = {stage.writes: stage.name for stage in stages}
    found = {record.stage: record}
    open_records = [record]
    while open_records:
        current = open_records.pop(0)
        for name, digest in sorted(current.depends.items()):
            artifact = name.removeprefix(UPSTREAM)
            if name.startswith(UPSTREAM) and writer.get(artifact) not in found:
                upstream = unit_with_output(
                    store, writer.get(artifact, artifact), record.video_id, digest
                )
                found[upstream.stage] = upstream
                open_records.append(upstream)
    return [_link(one, store) for one in found.values()]


def unit_with_output(store: Store, stage: str, video_id: str, sha256: str) -> UnitRecord:
    """Find the newest unit of a stage and video by the digest of its artifact, or `DataError`."""
    records = units_of_video(store.video_folder(stage, video_id))
    found = [one for one in records if any(o.sha256 == sha256 for o in one.outputs)]
    if not found:
        raise DataError(
            f"no unit of {stage} has an artifact with sha256 {sha256}",
            where=f"{stage}/{video_id}",
            next_step="Look in the work folder the release was made from; gc may have cleared it",
        )
    return max(found, key=lambda record: record.timings.finished_utc)


def _link(record: UnitRecord, store: Store) -> Link:
    folder = store.folder(record.stage, record.video_id, record.identity)
    if not record.run_id:
        return Link(record, folder / UNIT_FILE, None)
    try:
        run = read_run(store.root / RUNS_FOLDER / record.run_id)
    except DataError as error:
        return Link(record, folder / UNIT_FILE, None, error.message)
    return Link(record, folder / UNIT_FILE, run)
