"""Work done side by side whose results come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

_LOOK_SECONDS = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")


class StoppedError(Exception):
    """Raised by work that saw the stop event; nobody waits for its result any more."""


def map_in_order(
    work: Callable[[Item], Result], items: Sequence[Item], threads: int, stop: Event
) -> Generator[Result, None, None]:
    """`work` of each item, in the order of the items, with up to `threads` of them at work at once.

    Never in the main thread: there Ctrl-C is lost when it comes while libsndfile calls back into Python. When the
    caller leaves early, by an error or Ctrl-C, what has not begun is dropped and `stop` is set, so that long work can
    look at it and raise `StoppedError`.
    """
    with ThreadPoolExecutor(threads) as pool:
        futures = deque(pool.submit(work, item) for item in items)
        try:
            while futures:
                while not futures[0].done():  # a signal that another thread was given is only seen between two waits
                    wait([futures[0]], _LOOK_SECONDS)
                yield futures.popleft().result()  # and held here no more: of many items it may be too much
        finally:
            stop.set()
            for future in futures:
                future.cancel()
