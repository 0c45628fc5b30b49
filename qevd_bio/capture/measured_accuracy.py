"""How accurate each backend measured rendered people, whose angles are exactly known."""

from __future__ import annotations

ACCURACY: dict[str, str] = {
    "mediapipe": (
        "the built-in capture: on 27 rendered clips with bodies, views and movements that "
        "nothing was chosen on, the median RMSE of 81 moving limbs in view is 3.2 degrees, and 59 "
        "of them (73 %) are within a slope of 0.93 to 1.07, an RMSE of 6 degrees and a "
        "correlation of 0.98. On a real recording from above, beside a reference from several "
        "cameras, the knees are off by 6 to 24 degrees RMSE"
    ),
    "hsmr": (
        "not measured on rendered people: its network needs weights that this project may not ship"
    ),
    "recorded": "that of the recording, which this project has not measured",
}
"""By the name of the backend. Source: benchmarks/RESULTS-capture.md, 2026-11-30, of the toolkit's
repository; `python -m benchmarks.capture_unseen` measures it again."""

UNKNOWN = "not measured"
