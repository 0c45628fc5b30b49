"""Videos that are not as they should be have a stated outcome each."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from qevd_bio.capture.captured import Captured
from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.monocular.backend import capture_motion
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.errors import DataError, VideoError
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.measures import measure_values
from qevd_bio.synthetic.body_mesh import load_body
from qevd_bio.synthetic.scene import OUTFITS, VIEWS, camera_for, render_motion

UPRIGHT = MediaPipeConfig(video=VideoConfig(turn=TurnConfig(fixed_deg=0)))
SQUAT_S = 2.4
SECONDS = 5.4


def phases(time_s: np.ndarray) -> np.ndarray:
    """Two squats with rests: the reference's point at each time."""
    return np.clip((time_s - 0.3) % SQUAT_S / 2.0 * 100, 0, 100).astype(int)


def squats(time_s: np.ndarray) -> Iterable[np.ndarray]:
    camera = camera_for(VIEWS["oblique45"], 240, 320)
    q = build_reference(load_rules()["squat"])[phases(time_s)]
    return render_motion(q, load_body("man"), OUTFITS[0], camera, prone=False)


def write(path: Path, images: Iterable[np.ndarray], time_s: np.ndarray) -> Path:
    """Encode each picture at its time."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", 1000, {"preset": "ultrafast", "crf": "20"})
        stream.pix_fmt = "yuv420p"
        for image, at in zip(images, time_s, strict=True):
            if not stream.codec_context.is_open:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(1000 * at), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def capture(path: Path, time_s: np.ndarray) -> Captured:
    return capture_motion(path, time_s, video_id=path.stem, config=UPRIGHT)


def counted(captured: Captured) -> int:
    motion = captured.motion
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    rule = load_rules()["squat"]
    return len(segment_cycles(motion, rule, 0, len(motion.time_s), skeleton).cycles)


def uneven(seconds: float) -> np.ndarray:
    steps = np.random.default_rng(2).choice([0.03, 0.05, 0.12], size=300)
    time_s = np.cumsum(steps)
    return time_s[time_s < seconds]


def bottom_deg(captured: Captured) -> float:
    motion = captured.motion
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    name = "knee_flexion_l"
    measured = measure_values([name], motion.q, skeleton, motion.gravity)[name]
    return float(np.percentile(measured, 95))


@pytest.fixture(scope="module")
def evenly_filmed_deg(tmp_path_factory: pytest.TempPathFactory) -> float:
    time_s = np.arange(0, SECONDS, 1 / 18)
    path = tmp_path_factory.mktemp("even") / "v.mp4"
    return bottom_deg(capture(write(path, squats(time_s), time_s), time_s))


@pytest.mark.slow
@pytest.mark.parametrize(
    "time_s",
    [
        pytest.param(np.arange(0, SECONDS, 1 / 5), id="5 per second"),
        pytest.param(uneven(SECONDS), id="variable rate"),
    ],
)
def test_repetitions_are_counted_at_any_rate(
    tmp_path: Path, time_s: np.ndarray, evenly_filmed_deg: float
) -> None:
    """How low this view reads is not the matter here: the rate must not change it."""
    captured = capture(write(tmp_path / "v.mp4", squats(time_s), time_s), time_s)
    assert captured.motion.valid.mean() > 0.95
    assert counted(captured) == 2
    assert abs(bottom_deg(captured) - evenly_filmed_deg) < 8.0


@pytest.mark.slow
def test_a_4k_video_is_read_at_working_size(tmp_path: Path) -> None:
    time_s = np.arange(6) / 6
    images = (np.kron(image, np.ones((12, 9, 1), np.uint8)) for image in squats(time_s))
    path = write(tmp_path / "v.mp4", (image[:3840, :2160] for image in images), time_s)
    captured = capture(path, time_s)
    assert captured.motion.valid.all()


@pytest.mark.parametrize(
    ("image", "cause"),
    [
        pytest.param(np.zeros((320, 240, 3), np.uint8), "nobody is seen in any of 12", id="black"),
        pytest.param(np.full((320, 240, 3), 140, np.uint8), "nobody is seen", id="empty"),
    ],
)
def test_nobody_in_the_picture_is_reported(tmp_path: Path, image: np.ndarray, cause: str) -> None:
    time_s = np.arange(12) / 12
    with pytest.raises(VideoError, match=cause):
        capture(write(tmp_path / "v.mp4", [image] * 12, time_s), time_s)


def test_a_file_of_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16_000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate, silence.pts = 16_000, 0
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    with pytest.raises(VideoError, match="no video stream"):
        capture(path, np.arange(4) / 4)


@pytest.mark.slow
def test_the_content_counts_and_not_the_extension(tmp_path: Path) -> None:
    time_s = np.arange(8) / 8
    path = write(tmp_path / "v.mp4", squats(time_s), time_s).rename(tmp_path / "v.txt")
    assert capture(path, time_s).motion.valid.all()


def test_one_still_picture_is_no_video_of_many_frames(tmp_path: Path) -> None:
    time_s = np.zeros(1)
    path = write(tmp_path / "v.mp4", [np.zeros((64, 64, 3), np.uint8)], time_s)
    with pytest.raises(DataError, match="there are 30 timestamps but"):
        capture(path, np.arange(30) / 30)
