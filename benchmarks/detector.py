"""The detector against mediapipe on the same frames: landmarks and time.

Run ``python -m benchmarks.detector VIDEO...`` where mediapipe 0.10.21 is installed (Python 3.12 at
most, numpy below 2). Its wheel holds the full network; for ``--model heavy`` copy
pose_landmark_heavy.tflite of the npm package @mediapipe/pose into its modules/pose_landmark.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from mediapipe.python.solutions.pose import Pose

from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.capture.config import PersonConfig, VideoConfig
from qevd_bio.capture.person.pose_landmarker import PoseLandmarker
from qevd_bio.capture.video.decode import FrameStream

COMPLEXITY = {"full": 1, "heavy": 2}
Found = tuple[FloatArray, FloatArray, FloatArray]


def by_mediapipe(pose: Pose, image: ByteArray) -> Found | None:
    """Landmarks (33, 2) in pixels, (33, 3) in metres and visibility (33,), as ours."""
    seen = pose.process(image)
    if seen.pose_landmarks is None:
        return None
    size = (image.shape[1], image.shape[0])
    flat = np.array([(m.x * size[0], m.y * size[1]) for m in seen.pose_landmarks.landmark])
    world = np.array([(m.x, m.y, m.z) for m in seen.pose_world_landmarks.landmark])
    return flat, world, np.array([m.visibility for m in seen.pose_landmarks.landmark])


def compared(video: Path, model: str, *, follow: bool, frames: int) -> str:
    """One row of the table."""
    spent = np.zeros(2)
    gaps: list[list[FloatArray]] = []
    unlike = count = 0
    stream = FrameStream(video, longest_side_px=VideoConfig().longest_side_px)
    with (
        Pose(static_image_mode=not follow, model_complexity=COMPLEXITY[model],
             smooth_landmarks=False) as pose,
        PoseLandmarker(PersonConfig(detector_model=model), follow=follow) as ours,
    ):  # fmt: skip
        for count, image in enumerate(itertools.islice(stream, frames), 1):  # noqa: B007
            times = [time.process_time()]
            pair = [by_mediapipe(pose, image)]
            times.append(time.process_time())
            pair.append(ours(image))
            times.append(time.process_time())
            spent += np.diff(times)
            theirs, mine = pair
            if theirs is None or mine is None:
                unlike += theirs is not mine
                continue
            gaps.append([np.linalg.norm(theirs[0] - mine[0], axis=1),
                         1e3 * np.linalg.norm(theirs[1] - mine[1], axis=1),
                         np.abs(theirs[2] - mine[2])])  # fmt: skip
    cells = [video.name, model, "followed" if follow else "single", f"{count}", f"{unlike}"]
    for part in range(3):
        gap = np.array([one[part] for one in gaps])
        cells.append(f"{np.median(gap):.4f}, {np.percentile(gap, 99):.3f}, {gap.max():.3f}")
    cells += [f"{1e3 * one / count:.1f}" for one in spent]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--model", choices=sorted(COMPLEXITY), default="full")
    parser.add_argument("--frames", type=int, default=100)
    chosen = parser.parse_args()
    print("| video | network | pictures | frames | found by one only | image, px: median, 99 %, "
          "most | world, mm | visibility | CPU ms mediapipe | CPU ms ours |")  # fmt: skip
    print("|" + "---|" * 10)
    for video in chosen.videos:
        for follow in (False, True):
            print(compared(video, chosen.model, follow=follow, frames=chosen.frames), flush=True)


if __name__ == "__main__":
    main()
