"""What the frames at the end of a window lose: the same frames with few and with many after them.

    python -m benchmarks.window_end CLIPS [NET.safetensors ...]

CLIPS are rendered clips of `tools/capture_correction` at 12 frames a second; half of those held
out of training are used. Each is cut some frames after the frame that is measured, and the body
is fitted to what is left, as the live coach does with its window. NET are single networks that
`tools.capture_correction.train` wrote; the shipped ones are always measured.

C clips, T frames, A = 8 limb angles
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.correctness import table
from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.monocular.correction.apply import RATE_HZ, answers, correct
from qevd_bio.capture.monocular.correction.bone_directions import directions
from qevd_bio.capture.monocular.correction.features import FittedFrames, correction_features
from qevd_bio.capture.monocular.correction.network import CorrectionNetwork
from qevd_bio.capture.monocular.correction.weights import load_weights
from tools.capture_correction.calibrate import load_network
from tools.capture_correction.dataset import fitted_clip
from tools.capture_correction.train import CALIBRATION_EVERY, limb_angles, shown_weights

AFTER = (0, 2, 4, 12)
"""Frames after the one that is measured."""

IN_VIEW = 0.7
"""Weight of a limb angle by what the picture shows of it (`shown_weights`)."""

LIMBS = ("knee", "elbow", "hip", "shoulder")


def angles_deg(bones: FloatArray) -> FloatArray:
    """Limb angles (T, A) of bone directions (T, B, 3)."""
    return np.asarray(np.rad2deg(limb_angles(torch.tensor(bones)).numpy()))


def corrected_bones(
    seen: FittedFrames, networks: dict[str, CorrectionNetwork]
) -> list[FloatArray]:
    """Directions (T, B, 3): the fit, as shipped without and with the guard, of each network."""
    weights, frames = load_weights(), len(seen.joints_m)
    every = np.ones((frames, 13))
    time_s, sections = np.arange(frames) / RATE_HZ, np.zeros(frames, dtype=np.int64)
    return [
        directions(seen.joints_m),
        answers(seen, weights.networks, weights.known).bones(every),
        directions(correct(seen, time_s, sections, weights)[0]),
        *(answers(seen, [one], weights.known).bones(every) for one in networks.values()),
    ]


def measured(
    path: Path, networks: dict[str, CorrectionNetwork]
) -> tuple[FloatArray, BoolArray] | None:
    """Errors (K, ways, A) of the frame before the last twelve, degrees, and which A are in view.

    K as `AFTER`. None where the clip is too short for a fit to what comes before that frame.
    """
    config = MediaPipeConfig()
    whole = fitted_clip(path, config)
    if whole is None or len(whole[1]) < 2 * AFTER[-1]:
        return None
    at = len(whole[1]) - 1 - AFTER[-1]
    true = angles_deg(directions(whole[1]))[at]
    shown = shown_weights(torch.tensor(correction_features(whole[0])))[at] > IN_VIEW
    errors = []
    for after in AFTER:
        cut = fitted_clip(path, config, first=at + 1 + after)
        assert cut is not None
        ways = [angles_deg(bones)[at] for bones in corrected_bones(cut[0], networks)]
        errors.append([np.abs((one - true + 180.0) % 360.0 - 180.0) for one in ways])
    return np.array(errors), shown.numpy()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print errors of limb angles in view by the number of frames that follow."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("networks", type=Path, nargs="*")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    networks = {one.stem: load_network(one)[0] for one in chosen.networks}
    step = 2 * CALIBRATION_EVERY
    paths = [path for path in sorted(chosen.clips.glob("*.npz")) if int(path.stem) % step == 0]
    found = [one for one in (measured(path, networks) for path in paths) if one is not None]
    shown = np.stack([shown for _, shown in found])
    errors = np.where(shown[:, None, None], np.stack([one for one, _ in found]), np.nan)
    rows = []
    for nth, after in enumerate(AFTER):
        for way, name in enumerate(("the fit", "no guard", "as it ships", *networks)):
            of_sides = errors[:, nth, way].reshape(-1, len(LIMBS))
            cells = (np.nanmean(of_sides), np.nanmedian(of_sides), *np.nanmean(of_sides, axis=0))
            rows.append((f"{after}", name, *(f"{cell:.2f}" for cell in cells)))
    print(f"{len(found)} clips, one frame each; absolute errors of limb angles in view, degrees")
    print(table(("frames after", "by", "mean", "median", *LIMBS), rows))


if __name__ == "__main__":
    main()
