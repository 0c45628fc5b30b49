"""How much faster a coach speaks about several exercises together than one by one.

Run ``python -m benchmarks.predict_speed``: random weights of SmolLM2-135M's shape on a CPU, of
LLaMA-2-7B's on a GPU. CPU seconds are counted on a CPU, so that other programs do not matter;
runs of the two batch sizes alternate. Every coach is made to speak: at each fifth frame it says
twelve tokens.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.train_gpu import (
    LLAMA_7B,
    RATE_HZ,
    SMOL_135M,
    START_S,
    TOY,
    made_data,
    random_model,
)
from qevd_bio.model.coach import CoachModel
from qevd_bio.model.coach_tokenizer import add_action_tokens, load_tokenizer
from qevd_bio.model.generate import Speaker, speak
from qevd_bio.model.incremental import IncrementalDecoder
from qevd_bio.model.prompt import system_prompt
from qevd_bio.model.segment import frames_of
from qevd_bio.model.tiny import write_byte_tokenizer
from qevd_bio.model.turns import Turns

LEAST = {"cpu": 5.0, "cuda": 10.0}
SPEAKS_EVERY, TOKENS, WORD = 5, 12, 65


def tokens_per_s(model: CoachModel, prompt: list[int], count: int, maps: int) -> float:
    """Let a coach speak about exercises together; count decoded tokens by second."""
    data = made_data(count, maps)
    speakers = []
    for segment in data.trained_on:
        frames, _ = frames_of(segment, data.features_of(segment.video_id), None)
        turns = Turns(len(frames), model.tokens, "fixed", most_tokens=TOKENS)
        speaker = Speaker(prompt, turns, _talkative(turns, model), model.tokens)
        for place, frame in enumerate(frames):
            speaker.add_frame(torch.from_numpy(frame), START_S + place / RATE_HZ)
        speakers.append(speaker)
    clock = time.process_time if model.language.device.type == "cpu" else time.perf_counter
    began = clock()
    speak(IncrementalDecoder(model, [prompt] * count), speakers)
    return sum(len(one.emitted) for one in speakers) / (clock() - began)


def _talkative(turns: Turns, model: CoachModel) -> Callable[[torch.Tensor], int]:
    """Prefer to speak at each fifth frame, whatever the logits say; they are read all the same."""

    def choose(logits: torch.Tensor) -> int:
        likeliest = int(logits.argmax())
        begins = not turns.speaking and turns.frame % SPEAKS_EVERY == 0
        return model.tokens.begin if begins else min(likeliest, WORD)

    return choose


def main() -> None:
    """Print the figure and compare it with its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--maps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--toy", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = TOY if given.toy else LLAMA_7B if device.type == "cuda" else SMOL_135M
    with tempfile.TemporaryDirectory() as temporary:
        plain, folder = Path(temporary, "plain"), Path(temporary, "coach")
        for one in (plain, folder):
            one.mkdir()
        write_byte_tokenizer(plain)
        add_action_tokens(plain, folder)
        tokenizer = load_tokenizer(folder)
    model = random_model(size, tokenizer, device)
    # A byte is a token here; a real tokenizer makes a quarter of them.
    prompt = tokenizer.prompt(system_prompt("squats"))[:45]
    alone, together = [], []
    for _ in range(given.repeats):
        alone.append(tokens_per_s(model, prompt, 1, given.maps))
        together.append(tokens_per_s(model, prompt, given.batch, given.maps))
    ratio = sorted(together)[len(together) // 2] / sorted(alone)[len(alone) // 2]
    print(f"{size.name} on {device.type}: {max(alone):.1f} tokens/s alone, "
          f"{max(together):.1f} in batches of {given.batch}: {ratio:.1f} times "
          f"(at least {LEAST[device.type]:g})")  # fmt: skip


if __name__ == "__main__":
    main()
