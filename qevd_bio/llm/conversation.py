"""What the client's thread does: calls within limits, repeated where that helps, all kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Never

from qevd_bio.errors import EnvironmentProblem, QevdBioError
from qevd_bio.llm.abilities import MODE, is_kept, mode_of, mode_question
from qevd_bio.llm.budget import Budget, estimated_tokens
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.calls import Caller, CallFailed
from qevd_bio.llm.chat import Answer, ChatRequest
from qevd_bio.llm.endpoint import Endpoint
from qevd_bio.llm.identity import digest_of, endpoint_json, request_json
from qevd_bio.llm.reply import Reply
from qevd_bio.llm.structured import MODES, Mode, checked
from qevd_bio.llm.waiting import backoff_s

MOST_WAIT_S = 600.0
"""A server that asks to wait longer ends the run; it can be resumed."""

PATIENCE_S = 300.0
"""Being one of too many (429) is no fault of a request while others were answered so lately."""

LEAST_IN_VAIN = 8
"""Requests in a row without an answer that end the run; as many as are in flight, if more."""

_PICTURE_TOKENS = 1_000
_LOOK = "See `qevd-bio doctor --endpoint URL --model NAME`"


class Conversation:
    """Asks one endpoint in one event loop."""

    def __init__(self, endpoint: Endpoint, answers: AnswerFile, budget: Budget) -> None:
        self._endpoint = endpoint
        self._answers = answers
        self._budget = budget
        self._caller = Caller(endpoint)
        self._who = endpoint_json(endpoint)
        self._places = asyncio.Semaphore(endpoint.concurrency)
        self._asking_mode = asyncio.Lock()
        self._mode: Mode | None = None
        self._end: QevdBioError | None = None
        self._has_ended = asyncio.Event()
        self._not_before = 0.0
        self._last_reply = asyncio.get_running_loop().time()
        self._in_vain = 0
        self._unsynced: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Cancel what goes on and cut the connections."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._caller.close()
        await asyncio.get_running_loop().shutdown_default_executor()

    async def models(self) -> list[str]:
        """List the models of the server."""
        try:
            return await self._caller.models()
        except CallFailed as error:
            failure = error
        raise self._problem(failure.reason)

    async def mode(self) -> Mode:
        """Choose how to ask for JSON: as remembered, else the strictest that works."""
        async with self._asking_mode:
            remembered = self._answers.abilities(self._who)
            if remembered is not None:
                return mode_of(remembered)
            if self._mode is None:
                self._mode, is_sure = await self._find_mode()
                if is_sure:
                    with self._ended_by_the_file():
                        self._answers.remember(self._who, {MODE: self._mode})
                        await self._synced()
            return self._mode

    async def answer(
        self, request: ChatRequest, written: Mapping[str, Any], digest: str
    ) -> Answer:
        """Ask until there is an answer, or it is clear that there is none."""
        async with self._places:
            mode = await self.mode() if request.schema is not None else "text"
            reply, _ = await self._reply(request, written, digest, mode)
            answer = checked(request, reply, self._endpoint, cached=False)
            self._count(answer)
            return answer

    async def _find_mode(self) -> tuple[Mode, bool]:
        """Try the modes; an answer of another model, or a cut one, leaves it open for later."""
        is_sure = True
        for mode in MODES[:-1]:
            question = mode_question(mode)
            written = request_json(question)
            digest = digest_of(self._endpoint, written)
            reply, failure = await self._reply(question, written, digest, mode)
            if failure is not None and failure.again:
                self._stop(self._problem(failure.reason))
            answer = checked(question, reply, self._endpoint, cached=False)
            if is_kept(answer):
                return mode, is_sure
            is_sure &= answer.outcome != "truncated" and self._endpoint.is_same_model(reply.model)
        return MODES[-1], is_sure

    async def _reply(
        self, request: ChatRequest, written: Mapping[str, Any], digest: str, mode: Mode
    ) -> tuple[Reply, CallFailed | None]:
        """Call, and call again; returns the last reply, and the failure that it stands for."""
        loop, attempt, strikes = asyncio.get_running_loop(), 0, 0
        while True:
            await self._turn()
            reply, failure = await self._call(request, written, digest, mode)
            if failure is None:
                self._last_reply = loop.time()
                return reply, None
            if failure.stops:
                self._stop(self._problem(failure.reason))
            is_queue = failure.is_turned_away and loop.time() - self._last_reply < PATIENCE_S
            strikes += not is_queue
            if not failure.again or strikes > self._endpoint.retries:
                return reply, failure
            self._hold_all(failure.wait_s)
            await self._rest(backoff_s(attempt, failure.wait_s))
            attempt += 1

    async def _turn(self) -> None:
        """Wait until a call may begin; raise where none may any more."""
        loop = asyncio.get_running_loop()
        while self._end is None and (left := self._not_before - loop.time()) > 0:
            await self._rest(left)
        if self._end is not None:
            raise self._end
        try:
            self._budget.check(self._answers.spent, where=str(self._answers.path))
        except QevdBioError as spent:
            self._stop(spent)

    async def _call(
        self, request: ChatRequest, written: Mapping[str, Any], digest: str, mode: Mode
    ) -> tuple[Reply, CallFailed | None]:
        """Call once and keep what came of it."""
        prompt = sum(
            estimated_tokens(one.text) + _PICTURE_TOKENS * len(one.pictures)
            for one in request.messages
        )
        most = request.sampling.max_tokens
        with self._ended_by_the_file():
            number = self._answers.begin(digest, prompt, most)
        failure: CallFailed | None = None
        try:
            reply = await self._caller.ask(request, mode)
        except CallFailed as error:
            failure = error
            reply = Reply(problem=error.reason)
            counted = (prompt, most) if error.may_have_cost else (0, 0)
        else:
            counted = (
                prompt if reply.prompt_tokens is None else reply.prompt_tokens,
                estimated_tokens(reply.text)
                if reply.completion_tokens is None
                else reply.completion_tokens,
            )
        asked = {**self._who, "key": request.key, "mode": mode, "request": written}
        with self._ended_by_the_file():
            self._answers.end(number, digest, asked, reply, counted)
            await self._synced()
        return reply, failure

    @contextmanager
    def _ended_by_the_file(self) -> Iterator[None]:
        """Let no call begin any more where answers cannot be kept."""
        try:
            yield
        except QevdBioError as problem:
            self._stop(problem)

    async def _synced(self) -> None:
        """Wait until all that was appended is on the disk; one sync serves all who wait."""
        done = asyncio.get_running_loop().create_future()
        self._unsynced.append(done)
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._sync())
        await done

    async def _sync(self) -> None:
        loop = asyncio.get_running_loop()
        while self._unsynced:
            batch, self._unsynced = self._unsynced, []
            problem: QevdBioError | None = None
            try:
                await loop.run_in_executor(None, self._answers.sync)
            except QevdBioError as error:
                problem = error
            for one in batch:
                if one.done():
                    continue
                if problem is None:
                    one.set_result(None)
                else:
                    one.set_exception(problem)

    def _hold_all(self, wait_s: float | None) -> None:
        """Let no call begin before the time that the server named."""
        if not wait_s:
            return
        if wait_s > MOST_WAIT_S:
            self._stop(self._problem(f"the server asks to come back in {wait_s:,.0f} s"))
        loop = asyncio.get_running_loop()
        self._not_before = max(self._not_before, loop.time() + wait_s)

    async def _rest(self, seconds: float) -> None:
        """Wait, but not beyond the end of the asking."""
        try:
            async with asyncio.timeout(seconds):
                await self._has_ended.wait()
        except TimeoutError:
            return

    def _count(self, answer: Answer) -> None:
        """End the asking where nothing but failures comes back."""
        is_right = self._endpoint.is_same_model(answer.model)
        if answer.outcome != "failed" and is_right:
            self._in_vain = 0
            return
        self._in_vain += 1
        if self._in_vain >= max(LEAST_IN_VAIN, self._endpoint.concurrency):
            cause = f"no answer to {self._in_vain} requests in a row; the last: {answer.reason}"
            self._end = self._end or self._problem(cause)
            self._has_ended.set()

    def _stop(self, problem: QevdBioError) -> Never:
        """Let no call begin any more."""
        self._end = self._end or problem
        self._has_ended.set()
        raise self._end

    def _problem(self, cause: str) -> EnvironmentProblem:
        where = f"{self._endpoint.base_url} model {self._endpoint.model}"
        return EnvironmentProblem(cause, where=where, next_step=_LOOK)
