"""Forged against source, rules and manifest, and twins in both splits."""

from __future__ import annotations

import json

from tests.verify.forger import Forger
from tests.verify.forgery import Change, Forgery, Registered

FORGERIES: list[Forgery] = []
forgery = Registered(FORGERIES)


@forgery("rules", "another exercise of the same rule family")
def _exercise(forger: Forger) -> None:
    for name in ("annotations", "contexts", "cycles", "findings"):
        for row in forger.rows(name):
            if row["exercise"] is not None:
                row["exercise"] = "lunges"


@forgery("rules", "the exercise's text")
def _text(forger: Forger) -> None:
    for name in ("annotations", "contexts"):
        for row in forger.rows(name):
            if row["exercise_text"] is not None:
                row["exercise_text"] = "jumping jacks"


@forgery("rules", "segment numbers")
def _segments(forger: Forger) -> None:
    for name in ("annotations", "contexts", "cycles", "findings"):
        for row in forger.rows(name):
            if row["segment_index"] is not None:
                row["segment_index"] += 1


@forgery("rules", "rule version")
def _version(forger: Forger) -> None:
    rules = {name for name in forger.manifest["generator"] if name.startswith("rule ")}
    forger.manifest["generator"] |= dict.fromkeys(rules, "99")
    for name in ("contexts", "cycles"):
        for row in forger.rows(name):
            if row["rule_version"] is not None:
                row["rule_version"] = 99
    for row in forger.rows("annotations"):
        if row["provenance"]["rule_version"] is not None:
            row["provenance"]["rule_version"] = 99


@forgery("rules", "the target in the rule that the release carries")
def _rule(forger: Forger) -> None:
    name = next(name for name in forger.manifest["made_with"] if name.startswith("rules/"))
    rule = json.loads((forger.folder / name).read_text(encoding="utf-8"))
    rule["constraints"][0]["tolerance"] += 1.0
    forger.files[name] = json.dumps(rule).encode()


@forgery("rules", "the prompts that the release carries")
def _prompt(forger: Forger) -> None:
    path = forger.folder / "prompts" / "sentences.json"
    forger.files["prompts/sentences.json"] = path.read_bytes().replace(b"Increase", b"Reduce")


@forgery(
    "rules",
    "an original sentence",
    missed="the source record in the release is forged with it; --data-root finds it",
)
def _original(forger: Forger) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = forger.one("annotations", lambda r: r["status"] == "kept" and not r["is_transition"])
    old, new = row["feedback_original"], row["feedback_original"] + "!"
    for one in forger.rows("annotations"):
        for name in ("feedback_original", "feedback"):
            one[name] = new if one[name] == old else one[name]
    for path in forger.folder.glob("drop_in/*/records.parquet"):
        table = pq.ParquetFile(path).read()
        rows = table.to_pylist()
        for one in rows:
            for run in one["runs"] or ():
                run["text"] = new if run["text"] == old else run["text"]
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def generator(**values: str) -> Change:
    return lambda forger: forger.manifest["generator"].update(values)


forgery("manifest", "policy")(generator(policy="paper"))
forgery("manifest", "variants")(generator(variants="yes"))
forgery("manifest", "version of qevd_bio")(generator(qevd_bio="9.9.9"))
forgery("manifest", "what chose the salient joints")(generator(salient_joints="selector"))
forgery("manifest", "version of a stage")(
    lambda forger: forger.manifest["generator"].update({"stage cycles": "3"})
)


def generator_everywhere(**values: str) -> Change:
    def change(forger: Forger) -> None:
        forger.manifest["generator"] |= values
        forger.write_generator()

    return change


forgery("manifest", "an accuracy among what made it, in every shard too")(
    generator_everywhere(accuracy="0.1 degrees")
)
forgery("manifest", "a stage that is none, in every shard too")(
    generator_everywhere(**{"stage magic": "1"})
)


@forgery("manifest", "kinds that a person decided, in every shard too")
def _person(forger: Forger) -> None:
    row = forger.one("annotations", lambda one: one["kind"] == "motivational")
    row |= {"kind": "other", "kind_source": "person Eve", "kind_confidence": 1.0}
    generator_everywhere(kinds="opinions")(forger)


def noted(part: str, **values: object) -> Change:
    return lambda forger: next(iter(forger.manifest["videos"].values()))["kinematics"][
        part
    ].update(values)


forgery("manifest", "backend")(noted("motion", backend="hsmr"))
forgery("manifest", "gravity")(noted("motion", gravity=[0.0, 0.0, 1.0]))
forgery("manifest", "capture notes")(noted("capture", turn_deg=180))
forgery("manifest", "frames seen")(noted("capture", frames_valid=3))
forgery("manifest", "noise of an angle")(
    lambda forger: next(iter(forger.manifest["videos"].values()))["kinematics"]["motion"][
        "sigma_rad"
    ].update(knee_angle_r=0.5)
)


@forgery("manifest", "a missing video invented")
def _missing(forger: Forger) -> None:
    forger.manifest.setdefault("missing", []).append(
        {"video_id": "0999", "split": "train", "stage": "kinematics", "reason": "VideoError"}
    )


@forgery("manifest", "digest of an artifact")
def _artifact(forger: Forger) -> None:
    video = next(iter(forger.manifest["videos"].values()))
    video["artifacts"]["cycles"] = "0" * 64


@forgery("manifest", "digests of kinematics and findings in manifest and rows")
def _artifacts(forger: Forger) -> None:
    for name, video in forger.manifest["videos"].items():
        video["artifacts"] |= {"kinematics": "1" * 64, "findings": "2" * 64}
        for row in forger.rows("annotations"):
            if row["video_id"] == name:
                row["provenance"] |= {"kinematics_sha256": "1" * 64, "findings_sha256": "2" * 64}


@forgery("manifest", "faults of the source record")
def _faults(forger: Forger) -> None:
    next(iter(forger.manifest["videos"].values()))["source_faults"] = ["a fault nobody saw"]


@forgery("twins", "a recording in the other split under a new id, with .0001 rad of noise")
def _twin(forger: Forger) -> None:
    forger.copy_video("0999", noise_rad=1e-4)
