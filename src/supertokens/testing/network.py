# SPDX-License-Identifier: Apache-2.0
"""Simulated network faults, for a browser's next requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from supertokens.testing.clock import FakeClock
from supertokens.testing.messages import Request, Response

__all__ = ["InFlight", "Network"]


class InFlight:
    r"""A request that the browser has sent, with the cookies of that moment. Nothing happens to it by itself.

    `answer` calls the app, and `take` lets the browser store what a response sets.

    >>> first, second = tab.start("POST", "/session/refresh"), other_tab.start("POST", "/session/refresh")
    >>> first.reach()
    <Response 200 '{}\n'>
    >>> second.arrive().status, first.arrive().status  # the responses are reordered
    (200, 200)
    """

    def __init__(self, request: Request, answer: Callable[[], Response], take: Callable[[Response], None]) -> None:
        self.request = request
        self._answer = answer
        self._take = take
        self._response: Response | None = None
        self._is_over = False

    def reach(self) -> Response:
        """Let the app respond, once, and return the response, which the browser has not received yet.

        Raise ResponseLostError if the worker dies while handling it.
        """
        if self._response is None:
            self._response = self._answer()
        return self._response

    def arrive(self) -> Response:
        """Let the response arrive, after `reach` if necessary, and return it. The browser stores its cookies.

        Raise RuntimeError if it was lost or has arrived already; and as `reach`.
        """
        self._end()
        response = self.reach()
        self._take(response)
        return response

    def lose(self) -> None:
        """Let the app respond, and lose the response. Raise as `arrive`."""
        self._end()
        self.reach()

    def lose_request(self) -> None:
        """Lose the request before it reaches the app. Raise RuntimeError if it has reached it, or was lost, already."""
        if self._response is not None:
            raise RuntimeError("the request has reached the app already")
        self._end()

    def repeat(self) -> InFlight:
        """Send the same request again, with the same cookies, and return it: a duplicate, as proxies send them."""
        return InFlight(self.request, self._answer, self._take)

    def _end(self) -> None:
        if self._is_over:
            raise RuntimeError("the response has arrived, or was lost, already")
        self._is_over = True


class Network:
    """The network between one browser and the app: perfect, except for the requested faults.

    Each fault affects one request, in the order in which they were requested. Requests sent with `Tab.start` are not
    affected: the test decides about each of them.

    >>> browser.network.lose_responses()
    >>> tab.refresh()
    Traceback (most recent call last):
    supertokens.testing.messages.ResponseLostError: no response to POST http://localhost/session/refresh
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._faults: deque[Callable[[InFlight], Response | None]] = deque()

    def lose_responses(self, count: int = 1) -> None:
        """Lose the responses to the next `count` requests, which do reach the app.

        >>> browser.network.lose_responses(2)
        """
        self._faults.extend([_lose_response] * count)

    def lose_requests(self, count: int = 1) -> None:
        """Lose the next `count` requests before they reach the app.

        >>> browser.network.lose_requests()
        """
        self._faults.extend([_lose_request] * count)

    def duplicate_requests(self, count: int = 1) -> None:
        """Deliver each of the next `count` requests twice, as proxies may; both responses reach the browser.

        >>> browser.network.duplicate_requests()
        """
        self._faults.extend([_duplicate] * count)

    def delay_responses(self, seconds: float, count: int = 1) -> None:
        """Let `seconds` pass between the app's response and its arrival, for each of the next `count` requests.

        >>> browser.network.delay_responses(30)
        """
        self._faults.extend([partial(self._delay, seconds)] * count)

    def carry(self, flight: InFlight) -> Response | None:
        """Bring `flight` to the app and the response back, with the next fault, if any; return None if lost."""
        fault = self._faults.popleft() if self._faults else None
        return flight.arrive() if fault is None else fault(flight)

    def _delay(self, seconds: float, flight: InFlight) -> Response:
        flight.reach()
        self._clock.advance(seconds=seconds)
        return flight.arrive()


def _lose_response(flight: InFlight) -> None:
    flight.lose()


def _lose_request(flight: InFlight) -> None:
    flight.lose_request()


def _duplicate(flight: InFlight) -> Response:
    again = flight.repeat()
    flight.arrive()
    return again.arrive()
