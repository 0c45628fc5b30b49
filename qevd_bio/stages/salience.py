"""Between features and findings, on request: a trained selector chooses the joints of segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qevd_bio.engine.stage import Stage
from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.salience import Salience, SegmentSalience
from qevd_bio.features.selector_folder import ABOUT_FILE, TrainedSelector, load_selector
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.skeleton.dofs import JOINT_INDEX
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.tables import features as features_table
from qevd_bio.tables import salience as salience_table
from qevd_bio.tables.parquet import read_parquet, rows_table, schema_sha256, write_parquet

if TYPE_CHECKING:
    from qevd_bio.arrays import Float16Array, FloatArray
    from qevd_bio.qevd.segments import Segment

SALIENCE = "salience"


@dataclass(slots=True)
class _Loaded:
    """What is loaded once for all videos of a worker."""

    selector: TrainedSelector | None = None


@dataclass(frozen=True)
class SalienceStage(Stage):
    """Choose the salient joints of each segment, once for the whole of it.

    Attributes
    ----------
    sessions : Sessions
        The source data.
    selector : Path
        Folder of a trained selector.
    """

    sessions: Sessions
    selector: Path
    name: str = SALIENCE
    version: int = 1
    reads: tuple[str, ...] = ("features",)
    writes: str = SALIENCE
    schema_digest: str = schema_sha256(salience_table.SCHEMA)
    _loaded: _Loaded = field(default_factory=_Loaded, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, sessions: Sessions, selector: Path) -> SalienceStage:
        """Name the folder of a selector; `UsageError` where it holds none."""
        if not (selector / ABOUT_FILE).is_file():
            raise UsageError(
                f"holds no {ABOUT_FILE}",
                where=f"--salient-joints selector:{selector}",
                next_step="Name the folder 'selector' in the folder of `qevd-bio train selector`",
            )
        return cls(sessions, selector)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the selector and the segments."""
        session = self.sessions.by_id[video_id]
        return {
            "selector": sha256_file(self.selector / ABOUT_FILE),
            "segments": session.segments_digest(),
        }

    def setup(self) -> None:
        """Load the selector."""
        self._loaded.selector = load_selector(self.selector)

    def loaded(self) -> Mapping[str, str]:
        """Name the selector that was loaded."""
        selector = self._loaded.selector
        return {} if selector is None else {"selector": selector.about_sha256}

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Choose the joints of each segment of one video that has a feature map."""
        selector = self._loaded.selector
        if selector is None:
            raise RuntimeError("the stage was not set up")
        _, maps, time_s, notes = features_table.read_features(inputs["features"])
        _check_network(selector, notes, self.selector)
        chosen = [
            (segment, _choice(selector, maps, time_s, segment))
            for segment in self.sessions.by_id[video_id].segments
        ]
        rows = [
            {"video_id": video_id, "segment_index": segment.index, **choice}
            for segment, choice in chosen
            if choice is not None
        ]
        write_parquet(rows_table(rows, salience_table.SCHEMA), out)
        return {"segments": len(rows), "segments_without_features": len(chosen) - len(rows)}

    def teardown(self) -> None:
        """Release the selector."""
        self._loaded.selector = None


def with_salience(stage: type[Stage], chosen: Sequence[SalienceStage]) -> tuple[str, ...]:
    """Name what a stage reads, and the chosen joints where a selector chooses them."""
    return (*stage.reads, *(one.writes for one in chosen))


def salience_for(session: Session, inputs: Mapping[str, Path]) -> dict[int, SegmentSalience]:
    """Return the salient joints by segment: the selector's, else those of the session.

    Until a selector has seen what it decides by, those of the session count.
    """
    found = {index: SegmentSalience(one) for index, one in session.salience.items()}
    if SALIENCE in inputs:
        for row in read_parquet(inputs[SALIENCE], salience_table.SCHEMA).to_pylist():
            found[row["segment_index"]] = SegmentSalience(
                Salience(tuple(row["joints"]), "selector"),
                known_s=row["known_s"],
                before=session.salience.get(row["segment_index"]),
            )
    return found


def _check_network(selector: TrainedSelector, notes: Mapping[str, Any], folder: Path) -> None:
    """Refuse features of another network than the selector was trained on."""
    made_by = features_table.network_identity(notes)
    if made_by != selector.features:
        raise DataError(
            f"was trained on features of {selector.features}, these are of {made_by}",
            where=f"selector {folder}",
            next_step="Give the --features it was trained on, or train it on these",
        )


def _choice(
    selector: TrainedSelector, maps: Float16Array, time_s: FloatArray, segment: Segment
) -> dict[str, Any] | None:
    """Choose the joints of a segment; None without its time or a feature map."""
    from qevd_bio.features.joint_selector import most_important, segment_maps

    if segment.start_s is None or segment.end_s is None:
        return None
    seen = segment_maps(time_s, segment.start_s, segment.end_s, selector.decide_s)
    own = maps[seen]
    scores = selector.scores(own)
    if scores is None:
        return None
    joints = most_important(scores)
    return {
        "joints": joints,
        "importance": [float(scores[JOINT_INDEX[name]]) for name in joints],
        "known_s": float(time_s[seen][-1]),
        "feature_maps": len(own),
    }
