"""The table of body measurements: one row a video."""

from __future__ import annotations

import pyarrow as pa

from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.published_table import Limit, PublishedTable

SEGMENTS: tuple[str, ...] = (
    "thigh",
    "shank",
    "foot",
    "trunk",
    "upper_arm",
    "forearm",
    "hip_width",
    "shoulder_width",
)

_UNMEASURED = "null: see `reason`"
_MALE = "From betas: everyone is measured in the male shape space, as HSMR sees all people"

MEASURES: dict[str, tuple[str, str]] = {
    "height_m": ("m", "Height, from head top to left heel"),
    "mass_kg": ("kg", "Mass: 985 kg/m3 times the volume of the body"),
    "chest_m": ("m", "Girth at the height of the right nipple"),
    "waist_m": ("m", "Girth at the height of the belly button"),
    "hip_m": ("m", "Girth at the height of the crotch"),
}
"""Unit and meaning of each measurement, to two decimals."""

_LENGTHS = [
    (f"{name}_m", "m", f"Length of the {name.replace('_', ' ')} between joint centres; null: not "
     "measured, or of unknown scale")
    for name in SEGMENTS
]  # fmt: skip
_RATIOS = [
    (f"{name}_ratio", "", f"The {name.replace('_', ' ')} as a share of thigh, shank and trunk "
     "together; null: not measured")
    for name in SEGMENTS
]  # fmt: skip


def _optional(kind: pa.DataType, *columns: tuple[str, str, str]) -> list[pa.Field]:
    return [column(name, kind, text, unit=unit, nullable=True) for name, unit, text in columns]


SCHEMA: pa.Schema = versioned(
    "morphometrics",
    [
        column("video_id", pa.string(), "Video the numbers belong to"),
        column(
            "source",
            pa.string(),
            "betas: measured on the user's SMPL or SKEL body; shapy: read from a file of SHAPY's "
            "measurements; height: nothing but the height that was given; none: nothing is known",
        ),
        column("reason", pa.string(), "Why measurements are null; empty where they are not"),
        *_optional(
            pa.float64(),
            *(
                (name, unit, f"{text}. {_MALE}; {_UNMEASURED}")
                for name, (unit, text) in MEASURES.items()
            ),
            ("given_height_m", "m", "Height the user gave for the person; null: none"),
        ),
        column(
            "flags",
            pa.list_(pa.string()),
            "What is implausible: height_range (outside 1.2 to 2.3 m), height_contradicted (more "
            "than 10 cm from the given height), mass_range (outside 25 to 250 kg), girth_order "
            "(waist wider than chest and hip), open_surface (the volume means little)",
        ),
        *_optional(
            pa.string(),
            ("shape_space", "", "Whose body was measured: skel_male or smpl_male, for women too; "
             "null: source is not betas"),
            ("shape_sha256", "", "SHA-256 of that body's file; null: source is not betas"),
        ),
        *_optional(
            pa.list_(pa.float64()),
            ("betas", "", "Ten shape numbers, averaged over the video, in standard deviations; "
             "null: the capture gives no shape"),
        ),
        *_optional(
            pa.int32(),
            ("betas_frames", "frames", "Frames the average rests on; null: the capture gives no "
             "shape"),
            ("betas_frames_left_out", "frames", "Frames left out of it, because their shape is "
             "far from the rest; null: no shape"),
        ),
        *_optional(
            pa.float64(),
            ("betas_spread", "", "Root mean square difference of windows of 3 s from the average, "
             "in standard deviations; null: one window, or no shape"),
        ),
        *_optional(
            pa.string(),
            ("segment_source", "", "body: joints of the SKEL body; capture: fitted to the "
             "picture; null: not measured"),
        ),
        *_optional(pa.float64(), *_LENGTHS, *_RATIOS),
    ],
)  # fmt: skip

TABLE = PublishedTable(
    schema=SCHEMA,
    about="One row a video: the person's body.",
    since="1.2.0",
    required=True,
    order=("video_id",),
    key=("video_id",),
    rows="one",
    limits=(Limit("*_ratio", 0.0, 1.0), Limit("*_m", 0.0, 5.0)),
    choices={
        "source": ("betas", "shapy", "height", "none"),
        "segment_source": ("body", "capture"),
        "shape_space": ("skel_male", "smpl_male"),
    },
)
