# SPDX-License-Identifier: Apache-2.0
"""One thread asks, the others take what it gets; nobody waits for a core that has failed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.remote.questions import SharedQuestion

PATIENCE = 30


class Announcing:
    """A lock that says when somebody comes to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.comers = threading.Semaphore(0)

    @property
    def own(self) -> Announcing:
        return self

    def acquire(self, blocking: bool = True) -> bool:
        self.comers.release()
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()


class Core:
    """Answers when it is told to: with `answer`, or with a failure where that is None."""

    def __init__(self) -> None:
        self.question = SharedQuestion()
        self.question._asking = self.lock = Announcing()  # type: ignore[assignment]
        self.known: str | None = None
        self.answer: str | None = None
        self.asked = 0
        self.may_answer = threading.Event()
        self.is_asked = threading.Event()

    def ask(self) -> str:
        self.asked += 1
        self.is_asked.set()
        assert self.may_answer.wait(PATIENCE)
        if self.answer is None:
            raise SuperTokensGeneralError("no response in time")
        self.known = self.answer
        return self.answer

    def shared(self) -> str:
        return self.question.answer(lambda: self.known, self.ask)


class Threads:
    """Threads that note what they got."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self._threads: list[threading.Thread] = []

    def start(self, verb: Callable[[], str]) -> None:
        def run() -> None:
            try:
                self.outcomes.append(verb())
            except SuperTokensGeneralError as error:
                self.outcomes.append(f"error: {error}")

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def ended(self) -> list[str]:
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        return self.outcomes


def eight_at_once(core: Core, answer: str | None) -> list[str]:
    threads = Threads()
    core.answer = answer
    for _ in range(8):
        threads.start(core.shared)
    for _ in range(8):
        assert core.lock.comers.acquire(timeout=PATIENCE)
    core.may_answer.set()
    return threads.ended()


def test_one_thread_asks_and_the_others_have_its_answer() -> None:
    core = Core()
    assert eight_at_once(core, "keys") == ["keys"] * 8
    assert core.asked == 1


def test_who_has_waited_shares_the_failure_instead_of_trying_in_turn() -> None:
    core = Core()
    assert eight_at_once(core, None) == ["error: no response in time"] * 8
    assert core.asked == 1


def test_after_a_failure_one_thread_asks_and_nobody_waits_for_it() -> None:
    core = Core()
    core.may_answer.set()
    with pytest.raises(SuperTokensGeneralError):
        core.shared()
    core.may_answer.clear()
    core.is_asked.clear()
    prober, others = Threads(), Threads()
    prober.start(core.shared)
    assert core.is_asked.wait(PATIENCE)
    for _ in range(7):
        others.start(core.shared)
    assert others.ended() == ["error: no response in time"] * 7
    core.answer = "keys"
    core.may_answer.set()
    assert prober.ended() == ["keys"]
    assert core.shared() == "keys"
    assert core.asked == 2


def test_who_does_not_want_to_wait_has_no_answer_while_another_asks() -> None:
    core, asker = Core(), Threads()
    core.answer = "keys"
    asker.start(core.shared)
    assert core.is_asked.wait(PATIENCE)
    assert core.question.answer_unless_asked(core.ask) is None
    core.may_answer.set()
    assert asker.ended() == ["keys"]
    assert core.question.answer_unless_asked(core.ask) == "keys"


def test_an_interrupted_thread_leaves_the_question_to_the_next() -> None:
    core = Core()

    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        core.question.answer(lambda: None, interrupted)
    core.answer = "keys"
    core.may_answer.set()
    assert core.shared() == "keys"
