"""The table of capture quality: one row a video."""

from __future__ import annotations

import pyarrow as pa

from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.published_table import Limit, PublishedTable

_NO_ROOT = "null: the backend does not measure where the body is"

SCHEMA: pa.Schema = versioned(
    "quality",
    [
        column("video_id", pa.string(), "Video the numbers belong to"),
        column("frames", pa.int32(), "Frames of the video", unit="frames"),
        column("start_s", pa.float64(), "Time of the first frame on the source's clock", unit="s"),
        column("duration_s", pa.float64(), "Time from the first to the last frame", unit="s"),
        column("valid_share", pa.float64(), "Share of the frames where somebody is seen"),
        column(
            "confidence_median",
            pa.float64(),
            "Median confidence of these frames; null: nobody is seen",
            nullable=True,
        ),
        column("longest_gap_s", pa.float64(), "Longest time that nobody is seen", unit="s"),
        *(
            column(name, pa.float64(), f"{text}; null: nothing to measure", unit=unit,
                   nullable=True)
            for name, unit, text in (
                ("pelvis_tilt_peak_deg", "deg", "Pelvis tilt furthest from upright, forward < 0"),
                ("asymmetry_deg", "deg", "Mean difference of right and left leg flexions"),
                ("angular_speed_deg_s", "deg/s", "Mean angular speed of the leg flexions"),
                ("com_speed_m_s", "m/s", "Mean speed of the body's centre of mass"),
                ("com_acceleration_m_s2", "m/s^2", "Mean acceleration of the centre of mass"),
            )
        ),
        column(
            "root_source",
            pa.string(),
            "backend: the body's place is measured; contact: its lowest joint is taken to rest",
        ),
        *(
            column(name, pa.float64(), f"{text}; {_NO_ROOT}", unit=unit, nullable=True)
            for name, unit, text in (
                ("penetration_m", "m", "Mean depth of the lowest joint below the floor"),
                ("floating_m", "m", "Mean height of the lowest joint above the floor"),
                ("foot_sliding_m_s", "m/s", "Mean speed of the lowest joint"),
            )
        ),
        column(
            "feet_drift_m_s",
            pa.float64(),
            "Mean speed of one foot against the other while both are equally low; null: never",
            unit="m/s",
            nullable=True,
        ),
        column(
            "range_excess_share",
            pa.float64(),
            "Share of the frames with an angle beyond its joint's range; null: nobody is seen",
            nullable=True,
        ),
        column(
            "range_excess_deg",
            pa.float64(),
            "Largest excess beyond a joint's range; null: none",
            unit="deg",
            nullable=True,
        ),
        column(
            "range_excess_dof",
            pa.string(),
            "Degree of freedom of the largest excess; null: none",
            nullable=True,
        ),
        column(
            "exercise_recognised",
            pa.list_(pa.string()),
            "Exercise that the movement looks like, one a segment: id of a rule without its side; "
            "empty: none that the model knows",
        ),
        column(
            "exercise_probability",
            pa.list_(pa.float64()),
            "How likely each of these answers is, by the model, from 0 to 1",
        ),
        column("concerns", pa.list_(pa.string()), "What gives reason to look at the capture"),
    ],
)  # fmt: skip

TABLE = PublishedTable(
    schema=SCHEMA,
    about="One row a video: how plausible its capture is.",
    since="1.0.0",
    required=True,
    order=("video_id",),
    key=("video_id",),
    rows="one",
    limits=(Limit("pelvis_tilt_peak_deg", -180.0, 180.0),),
    choices={"root_source": ("backend", "contact")},
)
