"""Timing that a busy machine disturbs least: process time, one thread, candidates in turn, medians."""

import statistics
import time
from collections.abc import Callable, Sequence

ROUNDS = 7


def medians(
    *candidates: Callable[[], object], rounds: int = ROUNDS, clean_up: Callable[[], object] = lambda: None
) -> Sequence[float]:
    """Median CPU seconds of each candidate; one unmeasured round first, then all of them in turn.

    Args:
        candidates: what to time.
        rounds: how often.
        clean_up: called after each candidate, not timed.
    """
    seconds: list[list[float]] = [[] for _ in candidates]
    for round_number in range(rounds + 1):
        for candidate, measured in zip(candidates, seconds, strict=True):
            began = time.process_time()
            candidate()
            if round_number:
                measured.append(time.process_time() - began)
            clean_up()
    return [statistics.median(measured) for measured in seconds]
