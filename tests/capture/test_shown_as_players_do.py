"""Frames as a player shows them: pixel aspect, display matrix, edit lists, cover pictures."""

from __future__ import annotations

import struct
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.footage import open_footage
from qevd_bio.capture.monocular.backend import capture_motion, fit_landmarks
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.person.follow_person import detect
from qevd_bio.capture.video.decode import FrameStream, probe, sampled_frames
from qevd_bio.errors import VideoError
from qevd_bio.files.restricted_numpy import load_npy
from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.video_files import grey_ramp, write_video

RATE = 24.0


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> Path:
    folder = shared_data.parent / "cases" / "video"
    if not folder.is_dir():
        pytest.skip(f"no videos at {folder}: this test needs them")
    return folder


@pytest.fixture(scope="module")
def base(cases: Path) -> list[np.ndarray]:
    return list(FrameStream(cases / "base.mp4"))


SAME = {
    "sar.mp4": (0, 3.0, "pixels 2:1"),
    "mirrormat.mp4": (0, 1.0, "mirrored"),
    "trim.mp4": (24, 1e-9, ""),
    "cover.mkv": (0, 3.0, ""),
}
"""By file: frames of the base that are hidden, most mean difference, what is noted."""


@pytest.mark.data
@pytest.mark.parametrize("name", SAME)
def test_pictures_are_those_of_the_base(name: str, cases: Path, base: list[np.ndarray]) -> None:
    hidden, most, noted = SAME[name]
    stream = FrameStream(cases / name)
    shown = list(stream)
    assert len(shown) == len(base) - hidden
    assert stream.decoded.complete
    for frame in (0, 60, 120, len(shown) - 1):
        away = np.abs(base[frame + hidden].astype(float) - shown[frame]).mean()
        assert away <= most, (frame, away)
    assert str(stream.display) == noted
    samples = [one.image for one in sampled_frames(cases / name, 5, longest_side_px=640)]
    assert len(samples) == 5 and samples[0].shape == base[0].shape


@pytest.mark.data
@pytest.mark.parametrize("name", SAME)
def test_timestamps_of_the_shown_frames_fit(name: str, cases: Path) -> None:
    frames = 200 - SAME[name][0]
    assert probe(cases / name).frames in (frames, None)
    footage = open_footage(cases / name, np.arange(frames) / RATE, "0200", VideoConfig())
    list(footage.frames)
    footage.check_decoded(VideoConfig())


SIDE_FRAMES = 80
"""Enough to tell right from left: a squat down and up."""


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["mirrormat.mp4"])
def test_sides_are_those_of_the_base(name: str, cases: Path) -> None:
    time_s, config = np.arange(200) / RATE, MediaPipeConfig()
    with np.load(cases / "truth_squat_side.npz") as held:
        truth = held["poses"][:SIDE_FRAMES]
    rmse = {}
    for file in ("base.mp4", name):
        footage = open_footage(cases / file, time_s, "clip", config.video)
        marks = detect(islice(footage.frames, SIDE_FRAMES), config.video)
        assert marks.found.all()
        q = fit_landmarks(marks, time_s[:SIDE_FRAMES], marks.found, config).q
        rmse[file] = [
            float(np.rad2deg(np.sqrt(np.mean((q[:, d] - truth[:, d]) ** 2))))
            for d in (DOF_INDEX["knee_angle_r"], DOF_INDEX["knee_angle_l"])
        ]
    assert np.allclose(rmse[name], rmse["base.mp4"], atol=3.0), rmse


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_of_two_equally_large_people_the_one_who_squats_is_followed(cases: Path) -> None:
    squat = ExpectedExercise(0, 120, "repetitive", "standing", "knee_flexion", 1.0, 15.0)
    captured = capture_motion(
        cases / "two_r.mp4", np.arange(120) / RATE, video_id="clip",
        config=MediaPipeConfig(), exercises=(squat,),
    )  # fmt: skip
    knees = np.rad2deg(captured.motion.q[:, [DOF_INDEX[f"knee_angle_{s}"] for s in "rl"]])
    assert captured.notes["people_seen"] == 2
    assert captured.notes["person_changes"] == ""
    assert 90.0 < np.percentile(knees.mean(axis=1), 99.0) < 115.0
    assert knees.mean(axis=1)[captured.motion.valid].min() < 20.0


@pytest.mark.data
def test_milliseconds_are_refused_with_the_guess(cases: Path) -> None:
    stamps = load_npy(cases / "milliseconds_timestamps.npy")
    with pytest.raises(Exception, match="these look like milliseconds"):
        frame_times_s(stamps, where="0200_timestamps.npy")


@pytest.mark.data
def test_a_list_of_other_files_is_no_video(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data.parent / "cases" / "input" / "cc.mp4"
    if not source.is_file():
        pytest.skip("cc.mp4 is not beside the checkout")
    (tmp_path / "cc.mp4").write_bytes(source.read_bytes())
    write_video(tmp_path / "rel.mp4", grey_ramp(5))
    with pytest.raises(VideoError, match="may name other files"):
        list(FrameStream(tmp_path / "cc.mp4"))


PLAYLISTS = {
    "concat": "ffconcat version 1.0\nfile rel.mp4\n",
    "plain concat": "file 'rel.mp4'\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nrel.mp4\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "marked hls": "\ufeff#EXTM3U\n#EXTINF:9,\nrel.mp4\n",
    "after space": "\n\n  ffconcat version 1.0\nfile rel.mp4\n",
    "asx": "<asx version='3.0'><entry><ref href='rel.mp4'/></entry></asx>",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_no_list_is_followed(name: str, tmp_path: Path) -> None:
    write_video(tmp_path / "rel.mp4", grey_ramp(5))
    path = tmp_path / "0001.mp4"
    path.write_text(PLAYLISTS[name], encoding="utf-8")
    with pytest.raises(VideoError):
        probe(path)


def set_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Write a display matrix, as small whole numbers, into the track header."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 4
    values = [v << 16 for v in (a, b)] + [0] + [v << 16 for v in (c, d)] + [0, 0, 0, 1 << 30]
    content[start + 40 : start + 76] = struct.pack(">9i", *values)
    path.write_bytes(bytes(content))


CORNERS = {
    (1, 0, 0, 1): "upper left",
    (-1, 0, 0, 1): "upper right",
    (1, 0, 0, -1): "lower left",
    (-1, 0, 0, -1): "lower right",
    (0, 1, -1, 0): "upper right",  # clockwise
    (0, -1, 1, 0): "lower left",
    (0, 1, 1, 0): "upper left",  # mirrored at the diagonal
    (0, -1, -1, 0): "lower right",
    (0, 0, 0, 0): "upper left",  # no matrix at all
}


@pytest.mark.parametrize("matrix", CORNERS)
def test_every_quarter_turn_and_flip(matrix: tuple[int, int, int, int], tmp_path: Path) -> None:
    path = tmp_path / "ramp.mp4"
    write_video(path, grey_ramp(3))
    set_matrix(path, *matrix)
    stream = FrameStream(path)
    image = next(iter(stream))
    is_turned = matrix[0] == matrix[3] == 0 and matrix[1] != 0
    assert image.shape == ((96, 64, 3) if is_turned else (64, 96, 3))
    height, width = image.shape[0] // 5, image.shape[1] // 5
    blocks = {
        "upper left": image[:height, :width],
        "upper right": image[:height, -width:],
        "lower left": image[-height:, :width],
        "lower right": image[-height:, -width:],
    }
    assert max(blocks, key=lambda name: blocks[name].mean()) == CORNERS[matrix]
    determinant = matrix[0] * matrix[3] - matrix[1] * matrix[2]
    assert list(stream) and stream.display.is_mirrored == (determinant < 0)


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [((2, 1), (64, 192)), ((1, 2), (128, 96)), ((4, 3), (64, 128)), ((1000, 1), (64, 96))],
)
def test_pixels_become_square(
    aspect: tuple[int, int], shape: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "ramp.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(*aspect)
        for image in grey_ramp(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    assert next(iter(FrameStream(path))).shape == (*shape, 3)
    longest = next(iter(FrameStream(path, longest_side_px=48)))
    assert max(longest.shape) == 48
