"""The table of annotations: one row an utterance, old and new sentence with the evidence."""

from __future__ import annotations

import pyarrow as pa

from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.contexts import PAST, WHOLE_CLIP
from qevd_bio.tables.cycles import KINDS_SO_FAR, QUALITY_FIELDS, SIDES
from qevd_bio.tables.findings import FINDING_FIELDS
from qevd_bio.tables.published_table import Limit, PublishedTable, Rising

CYCLE: pa.DataType = pa.struct(
    [
        column("cycle_index", pa.int32(), "Cycle of the segment, of those known by then, from 0"),
        column("kind", pa.string(), "cycle, half, hold, or hold_in_progress: the part so far"),
        column("side", pa.string(), "Leading side, r or l", nullable=True),
        column(
            "cut",
            pa.string(),
            "start or end: not seen by then, so its phase and the duration are unknown",
            nullable=True,
        ),
        column("start_s", pa.float64(), "Time of the first frame", unit="s"),
        column("key_s", pa.float64(), "Time of the key frame", unit="s"),
        column("end_s", pa.float64(), "Time of the last frame", unit="s"),
        column("phase", pa.string(), "Phase of the key frame"),
        *QUALITY_FIELDS,
    ]
)

FINDING: pa.DataType = pa.struct(
    [
        *FINDING_FIELDS,
        column("matches_cue", pa.bool_(), "The trainer's words are about this measure"),
        column("spoken", pa.bool_(), "The new sentence speaks of this finding"),
    ]
)

POSE_ANGLE: pa.DataType = pa.struct(
    [
        column("name", pa.string(), "SKEL degree of freedom; of the shoulder a measure instead"),
        column("angle_deg", pa.float64(), "Angle at the first frame of the utterance", unit="deg"),
    ]
)

PROVENANCE: pa.DataType = pa.struct(
    [
        column("kinematics_sha256", pa.string(), "Artifact the angles came from"),
        column(
            "findings_sha256",
            pa.string(),
            "Artifact of the findings; null since schema 2.0.0: they are made with the row",
            nullable=True,
        ),
        column("rule_version", pa.int32(), "Version of the exercise rule", nullable=True),
        column("generator_version", pa.string(), "Version of qevd_bio"),
    ]
)

REVIEW: pa.DataType = pa.struct(
    [
        column(
            "verdict",
            pa.string(),
            "Verdict of the annotator: accepted, rejected, edited, kept_rightly or "
            "should_be_rewritten",
        ),
        column("annotator", pa.string(), "Who gave it: a name or pseudonym"),
        column("time", pa.string(), "When, ISO 8601 UTC"),
        column("reason", pa.string(), "Why it was rejected, by id; else empty"),
        column("decided", pa.string(), "By a single annotator, agreed by several, or adjudicated"),
        column("judged_sha256", pa.string(), "Digest of the sentences and findings judged"),
        column("generated_feedback", pa.string(), "Sentence that was judged"),
        column("generated_status", pa.string(), "Its status"),
    ]
)

SCHEMA: pa.Schema = versioned(
    "annotations",
    [
        column("video_id", pa.string(), "Video the utterance belongs to"),
        column("segment_index", pa.int32(), "Exercise segment of the session", nullable=True),
        column("exercise_text", pa.string(), "Exercise as the trainer named it", nullable=True),
        column("exercise", pa.string(), "Rule of that exercise", nullable=True),
        column("feedback_index", pa.int32(), "Utterance of the video, from 0"),
        column(
            "timestamp_s",
            pa.float64(),
            "Time of the utterance, bit for bit as in the source; null where it has none",
            unit="s",
            nullable=True,
        ),
        column(
            "video_time_s",
            pa.float64(),
            "Time of its first frame since the video's first; null beyond the last frame",
            unit="s",
            nullable=True,
        ),
        column("frame_start", pa.int32(), "First frame of the utterance", unit="frames"),
        column("frame_end", pa.int32(), "Frame after the last one", unit="frames"),
        column("is_transition", pa.bool_(), "Announces the next exercise or the end"),
        column("kind", pa.string(), "corrective, instructional, motivational, counting, ..."),
        column("kind_source", pa.string(), "What decided the kind"),
        column("kind_confidence", pa.float64(), "0 to 1"),
        column("feedback_original", pa.string(), "Sentence of the source, to the character"),
        column("feedback", pa.string(), "Sentence of this data set"),
        column(
            "status",
            pa.string(),
            "rewritten, kept, unsupported, low_confidence, unmeasurable or no_cycle",
        ),
        column("reason", pa.string(), "Why the sentence has this status"),
        column(
            "motion_context",
            pa.string(),
            "Pose state at the utterance and violations of its cycle, in words",
        ),
        column("morphology_context", pa.string(), "Body measurements in words"),
        column(
            "salient_joints",
            pa.list_(pa.string()),
            "SKEL joints the segment is judged by, most important first, each with all its DoFs",
        ),
        column(
            "salient_source",
            pa.string(),
            "What chose them: rules, annotation or selector; null where there are none",
            nullable=True,
        ),
        column("pose", pa.list_(POSE_ANGLE), "Observed angles of the salient joints"),
        column(
            "cycle",
            CYCLE,
            "Most recent cycle, as known at the first frame of the utterance; null: none",
            nullable=True,
        ),
        column("findings", pa.list_(FINDING), "Constraints checked on that cycle"),
        column(
            "angles_from",
            pa.string(),
            "What each frame's angles were estimated from: the whole_clip, or its past",
        ),
        column(
            "review",
            REVIEW,
            "Verdict of a person who watched the utterance; null: nobody has",
            nullable=True,
        ),
        column("provenance", PROVENANCE, "What this row was made from"),
    ],
)

TABLE = PublishedTable(
    schema=SCHEMA,
    about="One row an utterance, with the old and the new sentence and the evidence.",
    since="1.0.0",
    required=True,
    order=("video_id", "feedback_index"),
    key=("video_id", "feedback_index"),
    limits=(Limit("cycle.quality*", 0.0, 1.0),),
    choices={
        "status": (
            "rewritten", "kept", "unsupported", "low_confidence", "unmeasurable", "no_cycle",
        ),
        "kind": (
            "corrective", "instructional", "motivational", "counting", "transition",
            "informational", "other",
        ),
        "salient_source": ("rules", "annotation", "selector"),
        "review.verdict": (
            "accepted", "rejected", "edited", "kept_rightly", "should_be_rewritten",
        ),
        "review.decided": ("single", "agreed", "adjudicated"),
        "cycle.kind": KINDS_SO_FAR,
        "cycle.side": SIDES,
        "cycle.cut": ("start", "end"),
        "angles_from": (WHOLE_CLIP, PAST),
    },
    not_after=(
        ("frame_start", "frame_end"),
        ("cycle.start_s", "cycle.key_s"),
        ("cycle.key_s", "cycle.end_s"),
    ),
    rising=(Rising("feedback_index", step=1, start=0), Rising("frame_start")),
)  # fmt: skip
