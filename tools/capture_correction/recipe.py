"""The whole recipe in one command, which goes on where it was left, on any machine.

``python -m tools.capture_correction.recipe STATE --minutes 60 --recordings HDM05``; the same
command again goes on. STATE keeps ``packs`` (rendered clips) and ``networks``, both small enough
to be committed, and whatever is made again from them: ``bodies.npz``, ``clips``, fits. Half of the
minutes go into new clips; then the networks are trained on all of them, then guard and sigma, and
``STATE/correction.safetensors`` is written. ``--tiny`` runs all of it in about a minute.

To use the result, copy it over ``qevd_bio/capture/monocular/correction``, renew the digest in
``manifests/weights.json``, and run ``benchmarks.capture`` with both groups.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tools.capture_correction import bodies, calibrate, make_clips, train
from tools.capture_correction.packs import pack, unpack

RENDERING = 0.5
"""Share of the minutes for new clips."""

FAMILIES = {
    "a": "squat,good_mornings,floor_touches,lieDown,deposit",
    "b": "lunge,pushup,plank,mountain_climbers,shoulder_gators,elbowToKnee,kick,sneak",
    "c": "jack,rope,jump,high_knees,stretch,jog,rotateArms,grab,throw",
}
"""What the networks that train guard and sigma never saw, one family each."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is done."""

    clips: int
    bodies: int
    networks: dict[str, tuple[str, ...]]
    calibration: tuple[str, ...]


def _networks(
    epochs: int, epochs_without: int, extra: tuple[str, ...] = ()
) -> dict[str, tuple[str, ...]]:
    """Arguments of `train` for each network."""
    shipped = {
        f"n{seed}": ("--epochs", f"{epochs}", "--seed", f"{seed}", *extra) for seed in (1, 3)
    }
    without = {
        name: ("--epochs", f"{epochs_without}", "--seed", "1", "--leave-out", names, *extra)
        for name, names in FAMILIES.items()
    }
    return shipped | without


WHOLE = Amount(20_000, 200, _networks(34, 14), ())
TINY = Amount(
    16, 0,
    {name: options for name, options in _networks(2, 1, ("--channels", "16")).items()
     if name.startswith("n")},
    ("--epochs", "2"),
)  # fmt: skip


def go_on(state: Path, recordings: Path | None, minutes: float, amount: Amount, seed: int) -> bool:
    """Do what is missing until the time is over; return whether the weights were written."""
    begun = time.monotonic()
    clips, packs = state / "clips", state / "packs"
    for one in sorted(packs.glob("*.npz")):
        unpack(one, clips)
    baked = state / "bodies.npz"
    if amount.bodies and not baked.exists():
        state.mkdir(parents=True, exist_ok=True)
        bodies.bake(baked, amount.bodies)
    make_clips.main([
        str(clips), "--seed", f"{seed}", "--last", f"{amount.clips}",
        "--minutes", f"{max(0.0, RENDERING * minutes - (time.monotonic() - begun) / 60.0)}",
        *(["--bodies", str(baked)] if amount.bodies else []),
        *(["--recordings", str(recordings)] if recordings else []),
    ])  # fmt: skip
    pack(clips, packs)
    ends = begun + 60.0 * minutes
    trained = [
        _once(
            state / "networks", name, clips, options,
            lambda out, options=options: train.main([str(clips), "--out", str(out), *options]),
            ends,
        )
        for name, options in amount.networks.items()
    ]  # fmt: skip
    if None in trained or time.monotonic() > ends:
        print(f"time is over, {trained.count(None)} networks are missing: run the command again")
        return False
    calibrate.main([
        str(clips), *map(str, trained), "--out", str(state / "correction.safetensors"),
        *amount.calibration,
    ])  # fmt: skip
    return True


def _once(
    folder: Path, name: str, clips: Path, options: Sequence[str],
    make: Callable[[Path], None], ends: float,
) -> Path | None:  # fmt: skip
    """Make a network of these clips unless it is there; None where the time is over."""
    made_of = "\n".join([*(path.name for path in sorted(clips.glob("*.npz"))), *options])
    out = folder / f"{name}-{sha256(made_of.encode()).hexdigest()[:12]}.safetensors"
    if out.exists():
        return out
    if time.monotonic() > ends:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    for older in folder.glob(f"{name}-*.safetensors"):
        older.unlink()
    part = out.with_suffix(".part")
    make(part)
    return part.replace(out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Go on with the recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("state", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--recordings", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=6, help="of the clips; the same for a state")
    parser.add_argument("--tiny", action="store_true")
    chosen = parser.parse_args(arguments)
    amount = TINY if chosen.tiny else WHOLE
    go_on(chosen.state, chosen.recordings, chosen.minutes, amount, chosen.seed)


if __name__ == "__main__":
    main()
