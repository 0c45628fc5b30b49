"""The client: asks an endpoint many questions at once, and gives the answers in their order."""

from __future__ import annotations

import asyncio
import operator
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from qevd_bio.errors import QevdBioError
from qevd_bio.llm.asking import Asked
from qevd_bio.llm.budget import Budget, Spent
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.chat import Answer, ChatRequest
from qevd_bio.llm.endpoint import Endpoint
from qevd_bio.llm.identity import digest_of, request_json
from qevd_bio.llm.structured import checked

if TYPE_CHECKING:
    from qevd_bio.llm.conversation import Conversation

_AHEAD = 8
"""Requests in hand for each that may be in flight: a slow one does not hold up the others."""

_LOOK_S = 0.25

T = TypeVar("T")


@dataclass(frozen=True)
class _Waiting:
    """A request in hand: its answer is here, or will come, or that of an equal one."""

    request: ChatRequest
    digest: str
    answer: Answer | None = None
    coming: Future[Answer] | None = None
    is_shared: bool = False


class Client(AbstractContextManager["Client"]):
    """Asks one endpoint; an `Asker`.

    Parameters
    ----------
    endpoint : Endpoint
        Who is asked.
    answers : AnswerFile
        Where every call is kept and answers are looked up; the client does not close it.
    budget : Budget
        Limits over all calls of that file.
    on_progress : callable, optional
        Gets an `Asked` after every answer, and a few times a second.

    Notes
    -----
    Calls run in a thread of the client; a program that only reads answers starts none. An answer
    is on the disk before it is given out. Equal questions are asked once.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        answers: AnswerFile,
        budget: Budget | None = None,
        on_progress: Callable[[Asked], None] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.budget = budget or Budget()
        self._answers = answers
        self._on_progress = on_progress
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._talk: Conversation | None = None

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut the connections and end the thread; the file of answers stays open."""
        if self._loop is None or self._thread is None:
            return
        if self._talk is not None:
            asyncio.run_coroutine_threadsafe(self._talk.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = self._talk = None

    def ask(self, requests: Iterable[ChatRequest]) -> Iterator[Answer]:
        """Yield one answer a request, in the order of the requests.

        Parameters
        ----------
        requests : iterable of ChatRequest
            Read a little ahead of the answers.

        Yields
        ------
        Answer
            ``cached`` where it was answered before; every other question is asked, also those
            whose earlier answer is of no use.

        Raises
        ------
        BudgetSpent
            At the first request that may not be asked any more; calls in flight are waited for.
        EnvironmentProblem
            The endpoint refuses the key or does not know the model, or gave no answer to several
            requests in a row.
        """
        tally = _Tally(operator.length_hint(requests) or None, self._answers.spent, self.budget)
        source, most = iter(requests), _AHEAD * self.endpoint.concurrency
        waiting: deque[_Waiting] = deque()
        in_flight: dict[str, Future[Answer]] = {}
        try:
            while True:
                while len(waiting) < most and (request := next(source, None)) is not None:
                    waiting.append(self._in_hand(request, in_flight))
                if not waiting:
                    return
                answer = self._awaited(waiting[0], tally)
                done = waiting.popleft()
                if answer.outcome == "answered":  # found in the file from now on
                    in_flight.pop(done.digest, None)
                tally.take(answer)
                self._show(tally)
                yield answer
        except QevdBioError:
            _settle(waiting)
            raise
        finally:
            for one in waiting:
                if one.coming is not None:
                    one.coming.cancel()

    def models(self) -> list[str]:
        """List the models of the server; `EnvironmentProblem` where it does not tell."""
        return self._run(self._conversation().models()).result()

    def structured_mode(self) -> str:
        """Find out how the endpoint is asked for JSON; asks it where it was not asked before."""
        return self._run(self._conversation().mode()).result()

    def _in_hand(self, request: ChatRequest, in_flight: dict[str, Future[Answer]]) -> _Waiting:
        written = request_json(request)
        digest = digest_of(self.endpoint, written)
        if (shared := in_flight.get(digest)) is not None:
            return _Waiting(request, digest, coming=shared, is_shared=True)
        reply = self._answers.get(digest)
        if reply is not None:
            answer = checked(request, reply, self.endpoint, cached=True)
            if answer.outcome == "answered":
                return _Waiting(request, digest, answer)
        coming = self._run(self._conversation().answer(request, written, digest))
        in_flight[digest] = coming
        return _Waiting(request, digest, coming=coming)

    def _awaited(self, one: _Waiting, tally: _Tally) -> Answer:
        if one.coming is None:
            assert one.answer is not None  # noqa: S101  one of both is there
            return one.answer
        while True:
            try:
                answer = one.coming.result(timeout=_LOOK_S)
            except NotYet:
                if one.coming.done():
                    raise
                self._show(tally)
            else:
                break
        if not one.is_shared:
            return answer
        return replace(answer, request=one.request, cached=answer.outcome == "answered")

    def _show(self, tally: _Tally) -> None:
        if self._on_progress is not None:
            self._on_progress(tally.asked(self._answers.spent))

    def _conversation(self) -> Conversation:
        if self._talk is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="language model", daemon=True
            )
            self._thread.start()
            self._talk = self._run(_begun(self.endpoint, self._answers, self.budget)).result()
        return self._talk

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        assert self._loop is not None  # noqa: S101  there is a conversation
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


class _Tally:
    """Counts what one `ask` has done."""

    def __init__(self, total: int | None, before: Spent, budget: Budget) -> None:
        self._total = total
        self._before = before
        self._budget = budget
        self._begin = time.monotonic()
        self._done = self._cached = self._unscored = 0

    def take(self, answer: Answer) -> None:
        """Count an answer."""
        self._done += 1
        self._cached += answer.cached
        self._unscored += answer.outcome != "answered"

    def asked(self, spent: Spent) -> Asked:
        """Say how far it is, given what all runs have spent."""
        own = Spent(
            spent.calls - self._before.calls,
            spent.prompt_tokens - self._before.prompt_tokens,
            spent.completion_tokens - self._before.completion_tokens,
        )
        return Asked(
            total=self._total,
            done=self._done,
            cached=self._cached,
            unscored=self._unscored,
            calls=own.calls,
            tokens=own.tokens,
            cost=self._budget.cost(own),
            seconds=time.monotonic() - self._begin,
        )


async def _begun(endpoint: Endpoint, answers: AnswerFile, budget: Budget) -> Conversation:
    # Reading answers needs none of openai, which takes a second to import.
    from qevd_bio.llm.conversation import Conversation

    return Conversation(endpoint, answers, budget)


def _settle(waiting: Iterable[_Waiting]) -> None:
    """Wait for calls in flight: they are paid for, and their answers are kept."""
    for one in waiting:
        if one.coming is not None:
            one.coming.exception()
