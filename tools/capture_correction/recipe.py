"""The whole recipe in one command, which goes on where it was left, on any machine.

``python -m tools.capture_correction.recipe STATE --minutes 60 --recordings HDM05``; the same
command again goes on. What is made of what is declared below, in `WHOLE`:

- sets of clips, rendered and looked at by the detector (a clip is a function of set and number);
- the first round: two networks from nothing (`first`);
- the second round: each goes on from `first` with clips it never saw, twice, with other rates
  (`t`, `u`); the mean of the three sets of weights (`m`) keeps the old and the new;
- guard and sigma, which learn from what pairs of networks without a family of motions do to
  motion they never saw.

``--first correction.safetensors`` begins with the second round, from weights that ship. STATE
keeps ``packs`` (clips, 12 kB each) and ``networks`` (3 MB each), small enough to be committed, and
whatever is made again from them: ``bodies.npz``, ``clips``, fits. A step is made again when its
arguments, its clips or a file it takes change, and is begun only while there is time; one that was
interrupted is begun again. ``--share 0.2`` takes a fifth of the clips. ``--tiny`` runs every step
with the shipped bodies in about a minute.

To use the result, copy ``STATE/correction.safetensors`` over the file of that name in
``qevd_bio/capture/monocular/correction``, renew its digest in ``manifests/weights.json``, and run
``benchmarks.capture`` with both groups.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from string import Formatter

from tools.capture_correction import bodies, calibrate, make_clips, mean_weights, train
from tools.capture_correction.packs import pack, unpack

FAMILIES = {
    "a": "squat,good_mornings,floor_touches,lieDown,deposit",
    "b": "lunge,pushup,plank,mountain_climbers,shoulder_gators,elbowToKnee,kick,sneak",
    "c": "jack,rope,jump,high_knees,stretch,jog,rotateArms,grab,throw",
    "r": "kind:random,kind:mixed",
}
"""What the networks that train guard and sigma never saw, one family a pair."""

GOAL = "correction"
"""The step whose file ships."""


@dataclass(frozen=True, slots=True)
class ClipSet:
    """Clips to render: their seed, how many, and of how many in five the larger detector asks."""

    seed: int
    count: int
    heavy: int = 2


@dataclass(frozen=True, slots=True)
class Step:
    """One file to make.

    Attributes
    ----------
    tool : callable
        Takes the arguments, and ``--out`` with the file.
    arguments : str
        Words between spaces; ``{name}`` stands for a set of clips, or the file of another step.
    """

    tool: Callable[[Sequence[str]], None]
    arguments: str

    @property
    def takes(self) -> tuple[str, ...]:
        """Names of the sets of clips and steps that it is made of."""
        return tuple(name for _, name, _, _ in Formatter().parse(self.arguments) if name)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Sets of clips and steps by name, a step after those it takes; bodies 0 for those shipped."""

    bodies: int
    clips: Mapping[str, ClipSet]
    steps: Mapping[str, Step]


def _steps(
    sets: tuple[str, str], families: Mapping[str, str], *, first: int, without: int,
    more: tuple[int, int], options: tuple[str, str] = ("", ""),
) -> dict[str, Step]:  # fmt: skip
    """Declare both rounds.

    Parameters
    ----------
    sets : tuple of str
        Clips of the first round, and of all that follows.
    families : mapping
        Name of a network, and what it is trained without.
    first, without, more : int, int, pair of int
        Epochs of the networks from nothing, of those without a family, of those that go on.
    options : tuple of str
        Further arguments of `train` and of `calibrate`.
    """
    of_train, of_calibrate = options
    shown, new = sets
    steps = {
        "n0": Step(train.main, f"{shown} --epochs {first} --seed 1 {of_train}"),
        "n1": Step(train.main, f"{shown} --epochs {first} --seed 3 {of_train}"),
    }
    steps["first"] = Step(calibrate.main, f"{new} {{n0}} {{n1}} {of_calibrate}")
    for nth in (0, 1):
        goes_on = f"{new} --start {{first}} --nth {nth} {of_train}"
        for name, seed, epochs, rate in (("t", 7, more[0], "5e-4"), ("u", 9, more[1], "3e-4")):
            how = f"--seed {seed + nth} --epochs {epochs} --rate {rate}"
            steps[f"{name}{nth}"] = Step(train.main, f"{goes_on} {how}")
        steps[f"m{nth}"] = Step(mean_weights.main, f"{{first}} {nth} {{t{nth}}} {{u{nth}}}")
    pairs = {f"{name}{nth}": (nth, left) for name, left in families.items() for nth in (0, 1)}
    for name, (nth, left_out) in pairs.items():
        how = f"--epochs {without} --seed {1 + 2 * nth} --leave-out {left_out}"
        steps[name] = Step(train.main, f"{new} {how} {of_train}")
    networks = " ".join(f"{{{name}}}" for name in ("m0", "m1", *pairs))
    steps[GOAL] = Step(calibrate.main, f"{new} {networks} {of_calibrate}")
    return steps


WHOLE = Recipe(
    200,
    {"C4": ClipSet(4, 3926), "C5": ClipSet(5, 1195, heavy=4), "C7": ClipSet(7, 2191)},
    _steps(("{C4} {C5}", "{C7}"), FAMILIES, first=34, without=14, more=(14, 18)),
)
TINY = Recipe(
    0,
    {"C": ClipSet(6, 16)},
    _steps(("{C}", "{C}"), {}, first=2, without=1, more=(1, 1),
           options=("--channels 16", "--epochs 2")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """Where a recipe is carried out, and until when (`time.monotonic`)."""

    state: Path
    recordings: Path | None
    ends: float

    @property
    def is_over(self) -> bool:
        """Whether nothing more may begin."""
        return time.monotonic() > self.ends

    def folder(self, clips: str) -> Path:
        """Return where the clips of a set lie."""
        return self.state / "clips" / clips


def go_on(recipe: Recipe, work: Work, given: Mapping[str, Path]) -> bool:
    """Do what is missing until the time is over; return whether the weights were written.

    `given` are files that stand for steps.
    """
    names = needed(recipe, given)
    missing = sum(
        _render(recipe, work, name, recipe.clips[name]) for name in names if name in recipe.clips
    )
    if missing:
        print(f"time is over, {missing} clips are missing: run the command again")
        return False
    made = dict(given)
    steps = [name for name in names if name in recipe.steps]
    for nth, name in enumerate(steps):
        file = _once(work, name, recipe.steps[name], made)
        if file is None:
            print(f"time is over, {len(steps) - nth} files are missing: run the command again")
            return False
        made[name] = file
    shutil.copyfile(made[GOAL], work.state / f"{GOAL}.safetensors")
    return True


def needed(recipe: Recipe, given: Mapping[str, Path]) -> list[str]:
    """Order the sets of clips and steps that the weights are made of, beside what is given."""
    wanted, order = {GOAL}, []
    for name in reversed(list(recipe.steps)):
        if name in wanted - set(given):
            wanted |= set(recipe.steps[name].takes)
            order.append(name)
    return [name for name in recipe.clips if name in wanted] + order[::-1]


def _render(recipe: Recipe, work: Work, name: str, clips: ClipSet) -> int:
    """Render and pack what is missing of a set of clips; return how many still are."""
    folder, packs = work.folder(name), work.state / "packs" / name
    for one in sorted(packs.glob("*.npz")):
        unpack(one, folder)
    if clips.count > _count(folder) and not work.is_over:
        baked = work.state / "bodies.npz"
        if recipe.bodies and not baked.exists():
            work.state.mkdir(parents=True, exist_ok=True)
            bodies.bake(baked, recipe.bodies)
        make_clips.main([
            str(folder), "--seed", f"{clips.seed}", "--last", f"{clips.count}",
            "--heavy", f"{clips.heavy}",
            "--minutes", f"{max(0.0, (work.ends - time.monotonic()) / 60.0)}",
            *(["--bodies", str(baked)] if recipe.bodies else []),
            *(["--recordings", str(work.recordings)] if work.recordings else []),
        ])  # fmt: skip
    pack(folder, packs)
    return max(0, clips.count - _count(folder))


def _count(folder: Path) -> int:
    return len(list(folder.glob("*.npz")))


def _once(work: Work, name: str, step: Step, made: Mapping[str, Path]) -> Path | None:
    """Make the file of a step unless it is there; None where the time is over."""
    about, takes = [step.arguments], {}
    for taken in step.takes:
        takes[taken] = made[taken] if taken in made else work.folder(taken)
        if taken in made:
            about.append(sha256(made[taken].read_bytes()).hexdigest())
        else:
            about += sorted(path.name for path in takes[taken].glob("*.npz"))
    digest = sha256("\n".join(about).encode()).hexdigest()
    folder = work.state / "networks"
    out = folder / f"{name}-{digest[:12]}.safetensors"
    if out.exists():
        return out
    if work.is_over:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    for older in folder.glob(f"{name}-*.safetensors"):
        older.unlink()
    part = out.with_suffix(".part")
    words = [word.format(**takes) for word in step.arguments.split()]
    step.tool([*words, "--out", str(part)])
    return part.replace(out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Go on with the recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("state", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--recordings", type=Path, default=None)
    parser.add_argument("--first", type=Path, help="weights that the second round goes on from")
    parser.add_argument("--share", type=float, default=1.0, help="of the clips")
    parser.add_argument("--tiny", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.first and not chosen.first.is_file():
        parser.error(f"--first {chosen.first}: no such file")
    recipe = TINY if chosen.tiny else WHOLE
    sets = {n: replace(s, count=round(chosen.share * s.count)) for n, s in recipe.clips.items()}
    work = Work(chosen.state, chosen.recordings, time.monotonic() + 60.0 * chosen.minutes)
    go_on(replace(recipe, clips=sets), work, {"first": chosen.first} if chosen.first else {})


if __name__ == "__main__":
    main()
