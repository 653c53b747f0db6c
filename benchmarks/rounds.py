# SPDX-License-Identifier: Apache-2.0
"""The discipline of measuring: many short rounds, every case in each of them, in an order that changes.

A machine's speed drifts and other processes come and go. Cases that are measured within milliseconds of each other
share that, so a ratio is computed in each round, and its median over the rounds is the figure.
"""

from __future__ import annotations

import gc
import math
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

__all__ = [
    "Case", "Figure", "Joint", "Loop", "Once", "Single", "Spread", "Team", "Timings", "interleave", "order_of_round",
    "sample",
]  # fmt: skip

Timings = dict[str, list[float]]
"""Microseconds per operation, by case and round."""


_WARM_UP: Final = 0.1
"""What share of a batch is run before it, untimed."""

_SAMPLED_BATCHES: Final = 2
"""Batches that make one slice of operations that are timed one by one."""


class Case(Protocol):
    """Something whose speed is measured, in batches."""

    @property
    def name(self) -> str: ...

    def calibrate(self, seconds: float) -> None:
        """Warm up, and find the size of a batch that takes about that long."""

    def measure(self) -> float:
        """Run one batch: microseconds per operation. Raises where an operation came out wrong."""

    def sample(self) -> list[float]:
        """Run some operations: microseconds of each. Empty where single ones cannot be timed."""


def _repeated(count: int) -> Sequence[Any]:
    return [None] * count


def _accepted(outcomes: list[Any]) -> None:
    """Take any outcome."""


@dataclass
class Loop:
    """One thread that repeats an operation.

    `prepare(count)` gives the arguments of so many operations, `settle(outcomes)` looks at what they returned and
    raises if that is wrong; neither is timed. Nor are the first operations of a batch, in which the processor's caches
    forget the case before.
    """

    name: str
    operation: Callable[[Any], Any]
    prepare: Callable[[int], Sequence[Any]] = _repeated
    settle: Callable[[list[Any]], None] = _accepted
    count: int = field(default=1, init=False)

    def calibrate(self, seconds: float) -> None:
        self.count = _calibrated(self._batch, seconds, 1)

    def measure(self) -> float:
        return self._batch(self.count) / self.count * 1e6

    def _batch(self, count: int) -> float:
        before = math.ceil(count * _WARM_UP)
        arguments, operation = self.prepare(before + count), self.operation
        first, others = arguments[:before], arguments[before:]
        with _collector_off():
            outcomes = [operation(argument) for argument in first]
            start = time.perf_counter_ns()
            outcomes += [operation(argument) for argument in others]
            elapsed = time.perf_counter_ns() - start
        self.settle(outcomes)
        return elapsed / 1e9

    def sample(self) -> list[float]:
        before = math.ceil(self.count * _WARM_UP)
        arguments, operation = self.prepare(before + _SAMPLED_BATCHES * self.count), self.operation
        outcomes = [operation(argument) for argument in arguments[:before]]
        times: list[float] = []
        for argument in arguments[before:]:
            start = time.perf_counter_ns()
            outcome = operation(argument)
            times.append((time.perf_counter_ns() - start) / 1000)
            outcomes.append(outcome)
        self.settle(outcomes)
        return times


@dataclass
class Team:
    """Threads that share the operations of a batch; the time is from the first one's start to the last one's end.

    `worker(number)` is called once in the life of each thread's part and gives what repeats the operation so often.
    """

    name: str
    threads: int
    worker: Callable[[int], Callable[[int], None]]
    count: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        self._workers = [self.worker(number) for number in range(self.threads)]

    def calibrate(self, seconds: float) -> None:
        self.count = _calibrated(self._batch, seconds, self.threads)

    def measure(self) -> float:
        return self._batch(self.count) / self.count * 1e6

    def sample(self) -> list[float]:
        """A thread's own time for each of its operations, its wait for the others included."""
        times: list[float] = []

        def timed(work: Callable[[int], None]) -> None:
            for _ in range(math.ceil(_SAMPLED_BATCHES * self.count / self.threads)):
                start = time.perf_counter_ns()
                work(1)
                times.append((time.perf_counter_ns() - start) / 1000)

        self._together(timed)
        return times

    def _batch(self, count: int) -> float:
        share = math.ceil(count / self.threads)
        spans: list[tuple[int, int]] = []

        def timed(work: Callable[[int], None]) -> None:
            start = time.perf_counter_ns()
            work(share)
            spans.append((start, time.perf_counter_ns()))

        with _collector_off():
            self._together(timed)
        elapsed = max(end for _, end in spans) - min(start for start, _ in spans)
        return elapsed / 1e9 * count / (share * self.threads)

    def _together(self, timed: Callable[[Callable[[int], None]], None]) -> None:
        """Run `timed` on the work of every thread, all of them at once."""
        barrier = threading.Barrier(self.threads)
        failures: list[BaseException] = []

        def run(work: Callable[[int], None]) -> None:
            try:
                barrier.wait(60)
                timed(work)
            except BaseException as failure:  # noqa: BLE001 - raised below, in the thread that waits for this one
                failures.append(failure)

        threads = [threading.Thread(target=run, args=(work,)) for work in self._workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise RuntimeError(f"{self.name}: {len(failures)} threads failed") from failures[0]


@dataclass
class Joint:
    """One of several figures that a single measurement gives. Whoever is asked first in a round measures for all."""

    name: str
    measured: Callable[[str], float]
    warmed_up: Callable[[float], None]

    @classmethod
    def cases(
        cls,
        names: Sequence[str],
        measurement: Callable[[], Sequence[float]],
        calibrate: Callable[[float], None] = lambda _: None,
    ) -> list[Case]:
        """Return a case for each of the figures of `measurement`, whose length `calibrate` may set, in seconds."""
        waiting: dict[str, float] = {}

        def figure(name: str) -> float:
            if name not in waiting:
                waiting.update(zip(names, measurement(), strict=True))
            return waiting.pop(name)

        return [cls(name, figure, calibrate if name == names[0] else lambda _: None) for name in names]

    def calibrate(self, seconds: float) -> None:
        self.warmed_up(seconds)

    def measure(self) -> float:
        return self.measured(self.name)

    def sample(self) -> list[float]:
        """Nothing: such a measurement gives its percentiles as figures of their own, where it has any."""
        return []


@dataclass
class Single:
    """An operation that takes so long that a batch is one of it."""

    name: str
    operation: Callable[[], object]

    def calibrate(self, seconds: float) -> None:  # noqa: ARG002 - it takes as long as it takes
        self.operation()

    def measure(self) -> float:
        with _collector_off():
            [took] = self.sample()
        return took

    def sample(self) -> list[float]:
        start = time.perf_counter_ns()
        self.operation()
        return [(time.perf_counter_ns() - start) / 1000]


@dataclass
class Once:
    """A figure that no noise touches, such as a number of bytes: measured once, the same in every round."""

    name: str
    measured: Callable[[], float]

    def calibrate(self, seconds: float) -> None:  # noqa: ARG002 - it takes as long as it takes
        self._figure = self.measured()

    def measure(self) -> float:
        return self._figure

    def sample(self) -> list[float]:
        """Nothing: it is no time."""
        return []


def interleave(
    cases: Sequence[Case], rounds: int, seconds: float, progress: Callable[[str], None] = lambda _: None
) -> Timings:
    """Measure every case once in each round, in batches of about so many seconds."""
    for case in cases:
        progress(f"warming up: {case.name}")
        case.calibrate(seconds)
    gc.collect()
    gc.freeze()  # what stands by now need not be looked at again by each collection
    timings: Timings = {case.name: [] for case in cases}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for case in order_of_round(cases, number):
            timings[case.name].append(case.measure())
    gc.unfreeze()
    return timings


@dataclass(frozen=True)
class Spread:
    """How long single operations take: the median, and what 99 of 100 stay below (µs), of so many."""

    p50: float
    p99: float
    operations: int

    @classmethod
    def of(cls, times: Sequence[float]) -> Spread:
        """Return that of at least two times, by the nearest rank: a time that was measured, no mean of two."""
        ordered = sorted(times)
        return cls(
            p50=ordered[math.ceil(0.50 * len(times)) - 1],
            p99=ordered[math.ceil(0.99 * len(times)) - 1],
            operations=len(times),
        )


def sample(cases: Sequence[Case], slices: int, progress: Callable[[str], None] = lambda _: None) -> dict[str, Spread]:
    """Time single operations of every case that `interleave` has measured, in slices that take turns.

    A pass of its own, since looking at the clock between operations would disturb the batches. Python's collector works
    as it does in an application: whom it stops, it stops.
    """
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(slices):
        progress(f"slice {number + 1} of {slices}")
        for case in order_of_round(cases, number):
            times[case.name] += case.sample()
    return {name: Spread.of(each) for name, each in times.items() if each}


def order_of_round(cases: Sequence[Case], number: int) -> list[Case]:
    """Return the cases in the order of that round. In as many rounds as there are cases, each takes each place once; in
    twice as many, each follows each other one equally often, since some leave the machine's caches colder than others
    (E. J. Williams, "Experimental designs balanced for the estimation of residual effects of treatments", 1949).
    """
    size = len(cases)
    zigzag = [(step + 1) // 2 if step % 2 else -step // 2 for step in range(size)]
    order = [cases[(number + place) % size] for place in zigzag]
    return order[::-1] if number // size % 2 else order


@dataclass(frozen=True)
class Figure:
    """A quantity over the rounds. `of_minima`: the same quantity, computed from each case's best round."""

    median: float
    low: float
    high: float
    of_minima: float
    """`low` and `high`: the quartiles."""

    @classmethod
    def of(cls, quantity: Callable[[Mapping[str, float]], float], timings: Timings) -> Figure:
        """`quantity` computes it from one round's microseconds by case. Raises KeyError for a case that is missing."""
        rounds = len(next(iter(timings.values())))
        values = [quantity({name: times[number] for name, times in timings.items()}) for number in range(rounds)]
        low, median, high = statistics.quantiles(values, n=4) if rounds > 1 else values * 3
        best = quantity({name: min(times) for name, times in timings.items()})
        return cls(median=median, low=low, high=high, of_minima=best)


def _calibrated(batch: Callable[[int], float], seconds: float, least: int) -> int:
    count, elapsed = least, batch(least)
    while elapsed < seconds / 2:
        count *= 2 if elapsed > seconds / 8 else 4
        elapsed = min(batch(count), batch(count))  # one of them may have been interrupted
    return max(least, round(count * seconds / elapsed / least) * least)


@contextmanager
def _collector_off() -> Iterator[None]:
    """A collection that falls into one batch would be charged to a case that did not cause it."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
