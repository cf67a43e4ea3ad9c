"""Work done side by side whose results come in order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class StoppedError(Exception):
    """Raised by work that saw the stop event; nobody waits for its result any more."""


def map_in_order(
    work: Callable[[Item], Result], items: Sequence[Item], threads: int, stop: Event
) -> Generator[Result, None, None]:
    """`work` of each item, in the order of the items, with up to `threads` of them at work at once.

    When the caller leaves early, by an error or Ctrl-C, what has not begun is dropped and `stop` is set, so that long
    work can look at it and raise `StoppedError`.
    """
    if threads == 1 or len(items) == 1:
        yield from map(work, items)
        return
    from concurrent.futures import ThreadPoolExecutor  # brings logging: one file alone starts faster without

    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        try:
            yield from pool.map(work, items)
        finally:
            stop.set()
