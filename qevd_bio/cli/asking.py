"""Options of commands that ask a language model."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qevd_bio.cli.options import PROGRAM
from qevd_bio.errors import UsageError
from qevd_bio.llm.budget import Budget
from qevd_bio.llm.endpoint import KEY_VARIABLE, Endpoint, found_key

if TYPE_CHECKING:
    from qevd_bio.llm.client import Client

_PANEL = "Language model"
_NAMED = inspect.Parameter.KEYWORD_ONLY


def _option(*names: str, help: str, **more: Any) -> Any:  # noqa: ANN401  what typer takes
    return typer.Option(*names, help=help, rich_help_panel=_PANEL, show_default=True, **more)


EndpointUrl = Annotated[
    str | None,
    _option(
        "--endpoint",
        metavar="URL",
        envvar="QEVD_BIO_LLM_ENDPOINT",
        help="OpenAI-compatible server, such as http://localhost:8000/v1.",
    ),
]
Model = Annotated[
    str | None,
    _option("--model", envvar="QEVD_BIO_LLM_MODEL", help="Name of the model there."),
]
KeyFile = Annotated[
    Path | None,
    _option(
        "--key-file", help=f"File with the key in its only line. Else {KEY_VARIABLE} is read."
    ),
]
TimeoutS = Annotated[
    float, _option("--timeout-s", min=0.001, help="Longest time of one call, in seconds.")
]

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "endpoint": (EndpointUrl, None),
    "model": (Model, None),
    "key_file": (KeyFile, None),
    "revision": (
        Annotated[
            str,
            _option(
                "--revision", help="Which weights the model has, in your words; kept with answers."
            ),
        ],
        "",
    ),
    "reported_model": (
        Annotated[
            str,
            _option(
                "--reported-model",
                help="The name under which the server reports the model, if it is another.",
            ),
        ],
        "",
    ),
    "concurrency": (
        Annotated[int, _option("--concurrency", min=1, help="Most calls at a time.")],
        Endpoint.concurrency,
    ),
    "timeout_s": (TimeoutS, Endpoint.timeout_s),
    "retries": (
        Annotated[int, _option("--retries", min=0, help="How often a failed call is repeated.")],
        Endpoint.retries,
    ),
    "answers": (
        Annotated[
            Path | None,
            _option(
                "--answers",
                metavar="FILE",
                help="File that keeps every call; what it answers is not asked again.",
            ),
        ],
        None,
    ),
    "max_requests": (
        Annotated[
            int | None,
            _option("--max-requests", min=0, help="Most calls, of all runs with these answers."),
        ],
        None,
    ),
    "max_tokens_total": (
        Annotated[
            int | None,
            _option("--max-tokens-total", min=0, help="Most tokens, counted likewise."),
        ],
        None,
    ),
    "max_cost": (
        Annotated[
            float | None,
            _option("--max-cost", min=0.0, help="Highest cost, counted likewise; needs prices."),
        ],
        None,
    ),
    "prompt_price": (
        Annotated[
            float | None,
            _option("--prompt-price", min=0.0, help="Price of a million tokens of prompts."),
        ],
        None,
    ),
    "completion_price": (
        Annotated[
            float | None,
            _option("--completion-price", min=0.0, help="Price of a million tokens of answers."),
        ],
        None,
    ),
}


@dataclass(frozen=True, slots=True)
class Asking:
    """What the user said about a language model.

    Attributes
    ----------
    endpoint : Endpoint or None
        None where no ``--endpoint`` is given.
    answers : Path or None
        File that keeps the calls; None: the command's own choice.
    budget : Budget
        Limits over all calls of that file.
    """

    endpoint: Endpoint | None
    answers: Path | None
    budget: Budget

    @contextmanager
    def client(self, default_answers: Path) -> Iterator[Client]:
        """Open the file of answers and a client that shows its progress.

        Parameters
        ----------
        default_answers : Path
            The file of answers where ``--answers`` names none.

        Raises
        ------
        UsageError
            No endpoint is given, or another process uses the file.
        """
        from qevd_bio.llm.cache import AnswerFile
        from qevd_bio.llm.client import Client

        if self.endpoint is None:
            raise UsageError(
                "no language model is named",
                where=PROGRAM,
                next_step="Give --endpoint URL and --model NAME (see docs/llm.md)",
            )
        # These take a tenth of a second to import; help and other commands need not wait.
        from qevd_bio.cli.progress import asking_progress

        path = self.answers or default_answers
        with (
            AnswerFile(path) as answers,
            asking_progress() as show,
            Client(self.endpoint, answers, self.budget, show) as client,
        ):
            yield client


def asks_a_model(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command, which takes ``asking: Asking``, the options about a language model.

    It goes below ``@guarded``, whose messages cover what these options say wrongly.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())
    kept = [one.replace(kind=_NAMED) for one in own if one.name != "asking"]
    shared = [
        inspect.Parameter(name, _NAMED, annotation=hint, default=default)
        for name, (hint, default) in _OPTIONS.items()
    ]

    def run(**given: Any) -> int:  # noqa: ANN401
        values = {name: given.pop(name) for name in _OPTIONS}
        return command(asking=asking_from(**values), **given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    parameters = [*kept, *shared]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def asking_from(**given: Any) -> Asking:  # noqa: ANN401  the values of the options
    """Make the settings of the values of the options."""
    budget = Budget(
        max_calls=given["max_requests"],
        max_tokens=given["max_tokens_total"],
        max_cost=given["max_cost"],
        prompt_price=given["prompt_price"],
        completion_price=given["completion_price"],
    )
    return Asking(endpoint_from(given), given["answers"], budget)


def endpoint_from(given: dict[str, Any]) -> Endpoint | None:
    """Make the endpoint of the values of the options; None where none is named."""
    if given["endpoint"] is None:
        return None
    if not given["model"]:
        raise UsageError(
            "an endpoint is named and no model",
            where=PROGRAM,
            next_step=f"Give --model NAME; `{PROGRAM} doctor --endpoint URL` lists the models",
        )
    return Endpoint(
        base_url=given["endpoint"],
        model=given["model"],
        revision=given["revision"],
        key=found_key(given["key_file"], os.environ),
        reported_model=given["reported_model"],
        concurrency=given["concurrency"],
        timeout_s=given["timeout_s"],
        retries=given["retries"],
    )
