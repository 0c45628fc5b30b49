"""What verifying and comparing cost: CPU and wall seconds and memory beside the size of a release.

Its videos are workouts of five exercises with all their tables; a few different ones are repeated
under other names.

python -m benchmarks.release_checks [videos] [frames a video]
"""

from __future__ import annotations

import itertools
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.speed import RULES, workout
from qevd_bio import __version__
from qevd_bio.feedback.morphology import reportable_measurements
from qevd_bio.motion.record import Motion
from qevd_bio.qevd.record import LoadedRecords, Record
from qevd_bio.release.compare import compare_releases
from qevd_bio.release.made_with import files_used
from qevd_bio.release.publish import publish
from qevd_bio.released.contents import PublishedVideo, ReleaseInput
from qevd_bio.released.drop_in import records_table
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.stages.annotations import AnnotationsStage, Measured
from qevd_bio.stages.contexts import ContextsStage
from qevd_bio.stages.cycles import cycle_rows
from qevd_bio.stages.findings import finding_rows
from qevd_bio.stages.morphometrics import columns_of_capture
from qevd_bio.stages.quality import quality_row
from qevd_bio.stages.salience import salience_for
from qevd_bio.stages.sessions import Sessions, session_of
from qevd_bio.tables import morphometrics
from qevd_bio.tables.contexts import angles_source
from qevd_bio.tables.kinematics import motion_from_table, motion_table
from qevd_bio.tables.parquet import parquet_bytes, read_parquet, rows_table, write_parquet
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.made_by import STAGES
from qevd_bio.verify.release import verify_release

DIFFERENT = 4
"""Workouts that are made; contexts take ten times as long as all else."""

UTTERANCES_EACH = 20
"""Of an exercise."""

LENGTHS_M = {
    "thigh": 0.42, "shank": 0.41, "foot": 0.2, "trunk": 0.5, "upper_arm": 0.3, "forearm": 0.26,
    "hip_width": 0.2, "shoulder_width": 0.36,
}  # fmt: skip
FIRST_S = 1.69e9
SAID = "Sink deeper"


@dataclass(frozen=True, slots=True)
class Made:
    """One workout: its motion as an artifact holds it, source record and rows by table."""

    motion: Motion
    raw: dict[str, Any]
    rows: dict[str, list[dict[str, Any]]]


def made(frames: int, seed: int) -> Made:
    """Analyse one workout as the stages do."""
    done = workout(frames, seed)
    moved = replace(done.motion, time_s=done.motion.time_s + FIRST_S, segment_lengths_m=LENGTHS_M)
    motion = as_artifact(moved, "made")
    raw = source_record([rule.names[0] for rule in done.rules], motion)
    session = session_of(record_of(raw, motion), RULES)
    sessions, salient = (
        Sessions({"made": session}, LoadedRecords((), ())),
        salience_for(session, {}),
    )
    body = dict.fromkeys(morphometrics.SCHEMA.names) | columns_of_capture(motion)
    body |= {"video_id": "made", "source": "none", "reason": "no shape", "flags": []}
    cycles, _ = cycle_rows(session, motion)
    said = reportable_measurements(body)
    measured = Measured(
        motion, angles_source({}), scaled_skeleton(LENGTHS_M), said, salience=salient
    )
    made_from = {
        "kinematics_sha256": "",
        "findings_sha256": None,
        "generator_version": __version__,
    }
    rows = {
        "quality": [quality_row("made", motion, session, cycles)],
        "morphometrics": [body],
        "cycles": cycles,
        "findings": finding_rows(session, motion, cycles, salient),
        "contexts": ContextsStage(sessions).rows(session, motion, {}, body=said, salient=salient),
        "annotations": AnnotationsStage(sessions).rows(session, measured, made_from),
    }
    return Made(motion, raw, rows)


def as_artifact(motion: Motion, video: str) -> Motion:
    """Round a motion as its artifact does."""
    with tempfile.TemporaryDirectory() as home:
        table, notes = motion_table(video, motion)
        write_parquet(table, Path(home) / "a", notes={**notes, "capture": {}})
        return motion_from_table(read_parquet(Path(home) / "a", TABLES["kinematics"].schema))


def source_record(exercises: list[str], motion: Motion) -> dict[str, Any]:
    """Announce each exercise, and say the same again and again."""
    frames = len(motion.time_s)
    each = frames // len(exercises)
    said = [(f"{'Moving on to' if i else 'First up are'} {name}!", i * each + 1, True)
            for i, name in enumerate(exercises)]  # fmt: skip
    step = each // (UTTERANCES_EACH + 1)
    said += [(SAID, i * each + step * n, False)
             for i in range(len(exercises)) for n in range(1, UTTERANCES_EACH + 1)]  # fmt: skip
    said.append(("That is all", frames - 10, True))
    dense = [""] * frames
    for text, frame, _ in said:
        dense[frame : frame + 5] = [text] * 5
    ordered = sorted(said, key=lambda one: one[1])
    return {
        "feedbacks": dense,
        "feedback_timestamps": [float(motion.time_s[frame]) for _, frame, _ in ordered],
        "is_transition": [flag for *_, flag in ordered],
    }


def record_of(raw: dict[str, Any], motion: Motion) -> Record:
    """Take a record for read."""
    return Record(
        "made", "made", "train", Path(), Path(), tuple(raw["feedbacks"]),
        tuple(raw["feedback_timestamps"]), tuple(raw["is_transition"]), motion.time_s, (), 0, "",
    )  # fmt: skip


def artifacts(folder: Path, video: str, one: Made) -> PublishedVideo:
    """Write the artifacts of a workout under another name."""
    found = {name: folder / video / f"{name}.parquet" for name in TABLES}
    table, notes = motion_table(video, one.motion)
    notes |= {"capture": {}}
    write_parquet(table, found["kinematics"], notes=notes)
    digest = sha256(parquet_bytes(table, notes=notes)).hexdigest()
    for name, rows in one.rows.items():
        own: list[dict[str, Any]] = [{**row, "video_id": video} for row in rows]
        if name == "annotations":
            for row in own:
                row["provenance"] = {**row["provenance"], "kinematics_sha256": digest}
        reasons = {"no_cycle_reasons": {}} if name == "cycles" else None
        write_parquet(rows_table(own, TABLES[name].schema), found[name], notes=reasons)
    return PublishedVideo(video_id=video, split="train", artifacts=found)


def release_of(home: Path, videos: int, frames: int) -> ReleaseInput:
    """Make a release of many workouts."""
    different = [made(frames, seed) for seed in range(min(DIFFERENT, videos))]
    chosen = list(itertools.islice(itertools.cycle(different), videos))
    names = [f"{i:04d}" for i in range(videos)]
    raw = [one.raw for one in chosen]
    used = {row["exercise"] for one in different for row in one.rows["cycles"]}
    used |= {row["exercise"] for one in different for row in one.rows["contexts"]}
    rules = [RULES[name] for name in sorted(used - {None})]
    return ReleaseInput(
        [artifacts(home / "work", *pair) for pair in zip(names, chosen, strict=True)],
        drop_in={"QEVD-FIT-COACH": raw_with(chosen)},
        records={"QEVD-FIT-COACH": records_table(raw, dict(enumerate(names)))},
        generator={
            "qevd_bio": __version__, "policy": "evidence", "variants": "no",
            "salient_joints": "rules",
            **{f"stage {name}": str(version) for name, version in STAGES.items()},
            **{f"rule {rule.id}": str(rule.version) for rule in rules},
        },
        made_with=files_used(rules),
    )  # fmt: skip


def raw_with(chosen: list[Made]) -> list[dict[str, Any]]:
    """Put the new sentences into the records."""
    written = []
    for one in chosen:
        dense = list(one.raw["feedbacks"])
        for row in one.rows["annotations"]:
            span = slice(row["frame_start"], row["frame_end"])
            dense[span] = [row["feedback"]] * (row["frame_end"] - row["frame_start"])
        written.append({**one.raw, "feedbacks": dense})
    return written


def measured(what: str, old: Path, new: Path) -> str:
    """Run one check in this process and return its cost as a line."""
    start, began = time.process_time(), time.perf_counter()
    if what == "verify":
        found = verify_release(old)
        outcome: object = [found.as_json()["counts"] or "no issue", found.issues[:3]]
    else:
        outcome = f"{compare_releases(old, new).required} step"
    wall, took = time.perf_counter() - began, time.process_time() - start
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    took += children.ru_utime + children.ru_stime
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    more = children.ru_maxrss / 1024.0
    cost = f"{wall:.1f} s, {took:.1f} s CPU"
    return f"{what}: {outcome}, {cost}, peak {peak:.0f} MB, largest other process {more:.0f} MB"


def main(videos: int, frames: int) -> None:
    """Print the costs."""
    with tempfile.TemporaryDirectory() as home:
        given = release_of(Path(home), videos, frames)
        old, new = (
            publish(given, out=Path(home) / "release", version=version).folder
            for version in ("1.0.0", "1.0.1")
        )
        size = sum(path.stat().st_size for path in old.rglob("*") if path.is_file()) / 1e6
        print(f"{videos * frames} frames, {size:.0f} MB")
        for what in ("verify", "compare"):
            # a separate process: the peak of writing is not that of reading
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                print(pool.submit(measured, what, old, new).result())


if __name__ == "__main__":
    main(*(int(one) for one in (sys.argv[1:] or ["20", "3000"])))
