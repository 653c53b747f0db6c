# SPDX-License-Identifier: Apache-2.0
"""Workers share a store and nothing else, and die when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest

from supertokens.testing import Browser, FakeClock, ResponseLostError, Tab, Workers, login_as, rotate_keys
from supertokens.testing.workers import Moment

from .an_app import fastapi_app, flask_app

EVERY_APP = pytest.mark.parametrize("make_app", [flask_app, fastapi_app])


def in_front(workers: Workers, clock: FakeClock) -> Tab:
    return Browser(clock, workers).tab()


@EVERY_APP
def test_workers_take_turns_on_one_store(make_app: Callable[..., Any], clock: FakeClock) -> None:
    workers = Workers(make_app, clock, count=3)
    tab = in_front(workers, clock)
    login_as(tab, "ada")
    assert [tab.get("/me").status for _ in range(6)] == [200] * 6
    assert len({id(worker.core) for worker in workers.workers}) == 3
    for worker in workers.workers:
        assert len(worker.core.session_handles("ada")) == 1


@EVERY_APP
@pytest.mark.parametrize("when", get_args(Moment))
def test_a_user_stays_logged_in_when_a_worker_dies_in_a_refresh(
    make_app: Callable[..., Any], clock: FakeClock, when: Moment
) -> None:
    workers = Workers(make_app, clock)
    tab = in_front(workers, clock)
    login_as(tab, "ada")
    clock.advance(hours=2)
    before = [worker.core for worker in workers.workers]
    workers.kill(when)
    with pytest.raises(ResponseLostError, match="the worker died: POST"):
        tab.refresh()
    assert sum(worker.core not in before for worker in workers.workers) == 1, "another has taken its place"
    for _ in range(3):
        assert tab.fetch("/me").status == 200


@EVERY_APP
@pytest.mark.parametrize(("when", "sessions"), [("start", 0), ("before write", 0), ("after write", 1), ("end", 1)])
def test_a_worker_dies_before_or_after_it_has_written(
    make_app: Callable[..., Any], clock: FakeClock, when: Moment, sessions: int
) -> None:
    workers = Workers(make_app, clock)
    tab = in_front(workers, clock)
    workers.kill(when)
    with pytest.raises(ResponseLostError):
        tab.post("/login")
    assert len(workers.workers[0].core.session_handles("ada")) == sessions
    assert tab.browser.jar == {}
    assert tab.post("/login").status == 200, "only one was killed"


@pytest.mark.parametrize(("when", "returned"), [("before write", False), ("after write", False), ("end", True)])
def test_a_view_goes_no_further_than_its_worker_lives(clock: FakeClock, when: Moment, returned: bool) -> None:
    seen = []

    def make_app(core: Any) -> Any:
        app = flask_app(core)
        log_in = app.view_functions["login"]
        app.view_functions["login"] = lambda: (log_in(), seen.append("after"))[0]
        return app

    workers = Workers(make_app, clock)
    workers.kill(when)
    with pytest.raises(ResponseLostError):
        in_front(workers, clock).post("/login")
    assert bool(seen) is returned


def test_no_handler_of_the_app_hears_of_it(clock: FakeClock) -> None:
    heard = []

    def make_app(core: Any) -> Any:
        app = flask_app(core)
        app.errorhandler(Exception)(lambda error: heard.append(error) or "handled")  # type: ignore[func-returns-value]
        return app

    workers = Workers(make_app, clock)
    workers.kill("before write")
    with pytest.raises(ResponseLostError):
        in_front(workers, clock).post("/login")
    assert heard == []


def test_a_request_that_writes_nothing_dies_with_its_response(clock: FakeClock) -> None:
    workers = Workers(flask_app, clock)
    tab = in_front(workers, clock)
    workers.kill("before write")
    with pytest.raises(ResponseLostError):
        tab.get("/me")


@pytest.mark.parametrize(("seconds", "expected"), [(0, [200, 200]), (-5, [200, 200]), (7200, [200, 401])])
def test_the_clock_of_one_worker_may_be_wrong(clock: FakeClock, seconds: float, expected: list[int]) -> None:
    workers = Workers(flask_app, clock)
    tab = in_front(workers, clock)
    login_as(tab, "ada")
    workers.workers[1].clock.skew(seconds=seconds)
    assert [tab.get("/me").status for _ in range(2)] == expected


def test_a_new_worker_has_the_clock_of_the_machine(clock: FakeClock) -> None:
    workers = Workers(flask_app, clock, count=1)
    workers.workers[0].clock.skew(minutes=1)
    workers.kill()
    with pytest.raises(ResponseLostError):
        in_front(workers, clock).get("/me")
    assert workers.workers[0].core.clock() - clock() == 60_000


def test_keys_that_one_worker_rotates_are_accepted_by_the_others(clock: FakeClock) -> None:
    workers = Workers(flask_app, clock)
    tab = in_front(workers, clock)
    login_as(tab, "ada")
    clock.advance(seconds=1)
    rotate_keys(workers.workers[0].core)
    clock.advance(minutes=2)
    assert tab.refresh().status == 200
    assert [tab.get("/me").status for _ in range(4)] == [200] * 4
