"""Pairs, controls and sentences with human verdicts before a judge: questions out, scores in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from qevd_bio.choices import JudgeMetric, JudgeMode
from qevd_bio.evaluation.human_verdicts import HumanJudged
from qevd_bio.evaluation.judge_answer import score_of
from qevd_bio.evaluation.judge_controls import Control
from qevd_bio.evaluation.pairs import Pair
from qevd_bio.llm.chat import Asker, ChatRequest, Sampling
from qevd_bio.llm.prompt_file import load_model_prompt
from qevd_bio.tables.columns import column

PROMPT_OF: Mapping[JudgeMetric, str] = {"llm-acc": "llm_acc", "llm-bio-acc": "llm_bio_acc"}
MOST_TOKENS = 64

FORMAT, VERSION = "qevd_bio.judgements", 1
SCHEMA: pa.Schema = pa.schema(
    [
        column("about", pa.string(), "pair, human, or control:NAME"),
        column("key", pa.string(), "Name of the pair, the judged sentence or the control"),
        column("session", pa.string(), "Video, or empty"),
        column("exercise", pa.string(), "Id of the rule", nullable=True),
        column("true", pa.string(), "True sentence that the judge was shown"),
        column("predicted", pa.string(), "Predicted sentence that the judge was shown"),
        column("human", pa.int32(), "Verdict of a person as a score; null: none", nullable=True),
        column("repeat", pa.int32(), "Repetition, from 0"),
        column("score", pa.int32(), "1 to 5; null: unscored", nullable=True),
        column("reason", pa.string(), "Why it is unscored, else empty"),
        column("answer", pa.string(), "Raw answer of the judge"),
        column("model", pa.string(), "Model that the server named"),
    ],
    metadata={"qevd_bio.format": FORMAT, "qevd_bio.format_version": str(VERSION)},
)


@dataclass(frozen=True, slots=True)
class JudgeConfig:
    """How a judge is asked.

    Attributes
    ----------
    metric : str
        ``llm-acc`` with FitCoach's prompt, ``llm-bio-acc`` with that of the supplement.
    mode : str
        ``paper``: temperature 0.6, top-p 0.9, once, free text, as published. ``strict``:
        temperature 0 with a seed, several times, an answer in JSON where the server offers it.
    repeats : int
        Of the strict mode, 3 at least.
    seed : int
        Of the strict mode, and of controls and intervals.
    """

    metric: JudgeMetric = "llm-bio-acc"
    mode: JudgeMode = "strict"
    repeats: int = 3
    seed: int = 0

    @property
    def times(self) -> int:
        """How often each question is asked."""
        return self.repeats if self.mode == "strict" else 1

    @property
    def sampling(self) -> Sampling:
        """Parameters of the answers."""
        if self.mode == "paper":
            return Sampling(temperature=0.6, top_p=0.9, max_tokens=MOST_TOKENS)
        return Sampling(temperature=0.0, top_p=1.0, seed=self.seed, max_tokens=MOST_TOKENS)


@dataclass(frozen=True, slots=True)
class _Item:
    about: str
    key: str
    session: str
    exercise: str | None
    true: str
    predicted: str
    human: int | None = None


def judged_rows(
    asker: Asker,
    config: JudgeConfig,
    pairs: Sequence[Pair],
    controls: Sequence[Control],
    humans: Sequence[HumanJudged] = (),
) -> list[dict[str, Any]]:
    """Ask a judge about everything: rows of `SCHEMA`, controls first.

    Only matched pairs are judged. Errors of the asker pass; what was answered is in its cache.
    """
    items = [
        *(_Item(f"control:{c.name}", c.key, "", None, c.true, c.predicted) for c in controls),
        *(_Item("human", h.key, h.session, None, h.true, h.predicted, h.score) for h in humans),
        *(
            _Item("pair", p.key, p.session, p.exercise, p.true, p.predicted)
            for p in pairs
            if p.kind == "matched"
        ),
    ]
    asked = [(item, repeat) for item in items for repeat in range(config.times)]
    answers = asker.ask([_request(config, item, repeat) for item, repeat in asked])
    return list(_rows(asked, answers))


def _rows(asked: Iterable[tuple[_Item, int]], answers: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for (item, repeat), answer in zip(asked, answers, strict=True):
        score = score_of(answer)
        yield {
            "about": item.about,
            "key": item.key,
            "session": item.session,
            "exercise": item.exercise,
            "true": item.true,
            "predicted": item.predicted,
            "human": item.human,
            "repeat": repeat,
            "score": score.value,
            "reason": score.reason,
            "answer": answer.text,
            "model": answer.model,
        }


def _request(config: JudgeConfig, item: _Item, repeat: int) -> ChatRequest:
    prompt = load_model_prompt(PROMPT_OF[config.metric])
    request = prompt.request(
        f"{item.about}:{item.key}:{repeat}",
        {"truth": item.true, "prediction": item.predicted},
        config.sampling,
        repeat=repeat,
    )
    return request if config.mode == "strict" else replace(request, schema=None)
