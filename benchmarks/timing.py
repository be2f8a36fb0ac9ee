"""Timing that a busy machine disturbs least: process time, one thread, candidates in turn, medians."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

ROUNDS = 7


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of what several rounds gave."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of one value or more."""
        if len(values) == 1:
            return cls(*values, *values, *values)
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


def in_turns(
    *candidates: Callable[[], object],
    rounds: int = ROUNDS,
    clean_up: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.process_time,
) -> list[list[float]]:
    """Seconds of each candidate in every round; one unmeasured round first, then all of them in turn.

    Args:
        candidates: what to time.
        rounds: how often.
        clean_up: called after each candidate, not timed.
        clock: seconds; of the processor, unless another clock is given.
    """
    seconds: list[list[float]] = [[] for _ in candidates]
    for round_number in range(rounds + 1):
        for candidate, measured in zip(candidates, seconds, strict=True):
            began = clock()
            candidate()
            if round_number:
                measured.append(clock() - began)
            clean_up()
    return seconds


def medians(
    *candidates: Callable[[], object], rounds: int = ROUNDS, clean_up: Callable[[], object] = lambda: None
) -> Sequence[float]:
    """Median CPU seconds of each candidate, timed `in_turns`."""
    return [statistics.median(measured) for measured in in_turns(*candidates, rounds=rounds, clean_up=clean_up)]
