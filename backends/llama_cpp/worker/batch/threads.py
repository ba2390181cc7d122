"""How many threads are worth it. Small models lose more to waiting for each other than they win by company. Pure."""

import os
from collections.abc import Callable

WORTH_IT = 1.25
"""Twice the threads must be this much faster, or half of them do the work."""

_MANY = 8


def fewest_useful(seconds: Callable[[int], float], most: int) -> int:
    """Halve ``most`` as long as half the threads are nearly as quick; ``seconds`` measures a step with n threads.

    Large models show at the first halving that every thread counts, so that measuring stays short.
    """
    threads, taken = most, seconds(most)
    while threads > 1:
        half = threads // 2
        with_half = seconds(half)
        if with_half > WORTH_IT * taken:
            break
        threads, taken = half, with_half
    return threads


def available() -> int:
    """The processors this process may use; half of them where they are many, since those are mostly hyperthreads."""
    count = len(os.sched_getaffinity(0))
    return count // 2 if count > _MANY else count
