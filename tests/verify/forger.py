"""A forger who knows the formats: changes rows and makes everything else agree with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS
from qevd_bio.release.json_schemas import row_schema
from qevd_bio.release.shards import release_schema
from qevd_bio.released.drop_in import records_of
from qevd_bio.tables.kinematics import ANGLE_COLUMNS
from qevd_bio.tables.left_out import full_schema, with_columns
from qevd_bio.tables.published import TABLES
from tests.verify.made_release import reseal

Row = dict[str, Any]


class Forger:
    """The rows of a release as plain values; `seal` writes them and all that depends on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self._schemas: dict[Path, pa.Schema] = {}
        self._rows: dict[Path, list[Row]] = {}
        self.files: dict[str, bytes] = {}

    def rows(self, config: str) -> list[Row]:
        """All rows of a table, to be changed in place."""
        return [row for path in self._paths(config) for row in self._read(path)]

    def remove(self, config: str, row: Row) -> None:
        """Take a row out of its table."""
        for path in self._paths(config):
            kept = [one for one in self._read(path) if one is not row]
            self._rows[path][:] = kept

    def add(self, config: str, row: Row, after: Row) -> None:
        """Put a row behind another one of its table."""
        for path in self._paths(config):
            rows = self._read(path)
            places = [place for place, one in enumerate(rows) if one is after]
            if places:
                rows.insert(places[0] + 1, row)

    def one(self, config: str, fits: Callable[[Row], bool] = lambda row: True) -> Row:
        """The first row that fits."""
        return next(row for row in self.rows(config) if fits(row))

    def rewritten(self) -> Row:
        """The first rewritten utterance."""
        return self.one("annotations", lambda row: row["status"] == "rewritten")

    def findings_of(self, row: Row) -> Iterator[tuple[Row, Row]]:
        """Findings of an utterance, each with its row in the table of findings."""
        index = row["cycle"]["cycle_index"]
        table = [
            one
            for one in self.rows("findings")
            if (one["video_id"], one["segment_index"], one["cycle_index"])
            == (row["video_id"], row["segment_index"], index)
        ]
        return iter(list(zip(row["findings"], table, strict=True)))

    def alike(self, row: Row, config: str = "annotations") -> list[Row]:
        """Rows of a table that speak of the same cycle."""
        cycle = row["cycle"]
        return [
            one
            for one in self.rows(config)
            if one["video_id"] == row["video_id"]
            and one["cycle"] is not None
            and one["cycle"]["start_s"] == cycle["start_s"]
        ]

    def set_cycle(self, cycle: Row, **values: Any) -> None:
        """Change a cycle, its times with its frames, and its copies in annotations."""
        cycle |= values
        times = self.times(cycle["video_id"])
        for name in ("start", "key", "end"):
            cycle[f"{name}_s"] = times[cycle[f"frame_{name}"]]
        for row in self.rows("annotations"):
            own = row["cycle"]
            if (
                own is not None
                and row["video_id"] == cycle["video_id"]
                and row["segment_index"] == cycle["segment_index"]
                and own["cycle_index"] == cycle["cycle_index"]
            ):
                own |= {name: cycle[name] for name in own if name in cycle}

    def set_finding(self, finding: Row, **values: Any) -> None:
        """Change a row of findings, what follows from its numbers, and its copies."""
        before = {name: finding[name] for name in ("constraint_id", "side")}
        finding |= values
        self._judge(finding)
        times = self.times(finding["video_id"])
        finding["key_s"] = times[finding["key_frame"]]
        for row in self.rows("annotations"):
            if (
                row["cycle"] is None
                or row["video_id"] != finding["video_id"]
                or row["segment_index"] != finding["segment_index"]
                or row["cycle"]["cycle_index"] != finding["cycle_index"]
            ):
                continue
            for own in row["findings"]:
                if all(own[name] == value for name, value in before.items()):
                    own |= {name: finding[name] for name in own if name in finding}

    @staticmethod
    def _judge(finding: Row) -> None:
        value, low, high = finding["measured"], finding["target_low"], finding["target_high"]
        if value is None:
            finding |= {"deviation": None, "violated": False, "severity": 0.0}
            return
        nearest = min(max(value, low), high)
        beyond = abs(value - nearest) - finding["tolerance"]
        violated = finding["status"] == "measured" and beyond > finding["guard"] * finding["sigma"]
        scale = finding["tolerance"] or high
        finding |= {
            "deviation": value - nearest,
            "violated": violated,
            "severity": beyond / scale if violated and scale else 0.0,
        }

    def copy_video(self, name: str, noise_rad: float) -> None:
        """Put the first video, a little noisy, into the other split under another name."""
        random = np.random.default_rng(0)
        first = min(self.manifest["videos"])
        entry = json.loads(json.dumps(self.manifest["videos"][first]))
        entry["split"] = "test" if entry["split"] == "train" else "train"
        self.manifest["videos"][name] = entry
        splits = self.manifest["splits"]
        splits.setdefault(entry["split"], {"videos": 0})["videos"] += 1
        for config in self.manifest["configs"]:
            path = max(self._files(config, entry["split"]))
            copies = [
                {**row, "video_id": name} for row in self.rows(config) if row["video_id"] == first
            ]
            for row in copies if config == "kinematics" else ():
                for column in ANGLE_COLUMNS:
                    if row[column] is not None:
                        row[column] += float(random.normal(0.0, noise_rad))
            self._read(path).extend(copies)
        self._copy_record(first, name, entry["split"])

    def _files(self, config: str, split: str) -> list[Path]:
        return [path for path in self._paths(config) if path.name.startswith(split)]

    def _copy_record(self, first: str, name: str, split: str) -> None:
        tables = {
            home: pq.ParquetFile(self.folder / "drop_in" / home / "records.parquet").read()
            for home in SPLIT_FOLDERS.values()
        }
        record = next(
            row for one in tables.values() for row in one.to_pylist() if row["video_id"] == first
        )
        table = tables[SPLIT_FOLDERS[split]]
        rows = [*table.to_pylist(), {**record, "video_id": name, "record_index": table.num_rows}]
        path = self.folder / "drop_in" / SPLIT_FOLDERS[split] / "records.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)

    def times(self, video: str) -> list[float]:
        """Times of the frames of a video."""
        return [row["time_s"] for row in self.rows("kinematics") if row["video_id"] == video]

    def column(self, name: str, change: Callable[[Any], Any], video: str | None = None) -> None:
        """Change a column of kinematics."""
        for row in self.rows("kinematics"):
            if video in (None, row["video_id"]):
                row[name] = change(row[name])

    def _paths(self, config: str) -> list[Path]:
        return sorted((self.folder / config).glob("*.parquet"))

    def _read(self, path: Path) -> list[Row]:
        if path not in self._rows:
            file = pq.ParquetFile(path)
            self._schemas[path] = file.schema_arrow
            schema, left_out = full_schema(file.schema_arrow)
            self._rows[path] = with_columns(file.read(), schema, left_out).to_pylist()
        return self._rows[path]

    def _fill_columns_left_out(self) -> None:
        """Put columns without a value back into the shards where a value was made up."""
        left_out = self.manifest.get("left_out", {})
        for config, names in list(left_out.items()):
            paths = self._paths(config)
            if not any(path in self._rows for path in paths):
                continue
            rows = self.rows(config)
            empty = [name for name in names if all(row[name] is None for row in rows)]
            if empty == names:
                continue
            left_out |= {config: empty}
            generator, version = self.manifest["generator"], self.manifest["version"]
            schema = release_schema(config, version, generator, empty)
            self._schemas |= dict.fromkeys(paths, schema)
            text = json.dumps(row_schema(TABLES[config], left_out=empty))
            (self.folder / "schema" / f"{config}.json").write_text(text, encoding="utf-8")

    def write_generator(self) -> None:
        """Put what the manifest says that made the release into every shard, too."""
        generator, version = self.manifest["generator"], self.manifest["version"]
        for config in self.manifest["configs"]:
            left_out = self.manifest.get("left_out", {}).get(config, [])
            for path in self._paths(config):
                self._read(path)
                self._schemas[path] = release_schema(config, version, generator, left_out)

    def seal(self) -> None:
        """Write tables, manifest, drop-in, descriptions and sums."""
        self._fill_columns_left_out()
        for path, rows in self._rows.items():
            lost = {n for row in rows for n in row} - set(TABLES[path.parent.name].schema.names)
            assert not lost, f"no column of {path.name} is called {lost}"
            table = pa.Table.from_pylist(rows, schema=self._schemas[path])
            pq.write_table(table, path, row_group_size=16_384, compression="zstd")
        statuses: dict[str, dict[str, int]] = {}
        for row in self.rows("annotations"):
            split = self.manifest["videos"][row["video_id"]]["split"]
            counts = statuses.setdefault(split, {})
            counts[row["status"]] = counts.get(row["status"], 0) + 1
        self.manifest["statuses"] = statuses
        for name, content in self.files.items():
            (self.folder / name).write_bytes(content)
            if name in self.manifest.get("made_with", {}):
                self.manifest["made_with"][name] = hashlib.sha256(content).hexdigest()
        (self.folder / "manifest.json").write_text(json.dumps(self.manifest), encoding="utf-8")
        self._write_drop_in()
        reseal(self.folder)

    def _write_drop_in(self) -> None:
        for split, home in SPLIT_FOLDERS.items():
            folder = self.folder / "drop_in" / home
            if not folder.is_dir():
                continue
            table = pq.ParquetFile(folder / "records.parquet").read()
            videos = {v for v, one in self.manifest["videos"].items() if one["split"] == split}
            rows = [row for row in self.rows("annotations") if row["video_id"] in videos]
            records = records_of(table, rows)
            (folder / RECORDS_FILE).write_text(json.dumps(records) + "\n", encoding="utf-8")
