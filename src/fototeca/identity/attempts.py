"""A limit on wrong passwords, for an address and for an account, in this process's memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

FREE = 5
"""Wrong attempts before waiting begins."""
LONGEST = 900.0
"""Seconds: the wait doubles up to this, and after as long without an attempt all is forgotten."""
REMEMBERED = 10_000
"""Addresses and accounts: memory stays bounded whoever tries."""


class TooManyAttempts(Exception):
    """Wait first: `seconds`, rounded up."""

    def __init__(self, seconds: int) -> None:
        unit = "second" if seconds == 1 else "seconds"
        super().__init__(f"too many attempts: try again in {seconds} {unit}")
        self.seconds = seconds


class Attempts:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def begin(self, keys: Iterable[str]) -> None:
        """Count an attempt as wrong until it has succeeded. Raises TooManyAttempts.

        Counted before its password is looked at: many at the same time are many.
        """
        keys = tuple(keys)
        with self._lock:
            moment = self._clock()
            wait = max((self._wait(key, moment) for key in keys), default=0.0)
            if wait > 0:
                raise TooManyAttempts(int(wait) + 1)
            for key in keys:
                count, last = self._failures.pop(key, (0, moment))
                count = 0 if moment - last > LONGEST else count
                self._failures[key] = (count + 1, moment)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)

    def _wait(self, key: str, moment: float) -> float:
        count, last = self._failures.get(key, (0, moment))
        if count < FREE:
            return 0.0
        return last + min(LONGEST, 2.0 ** (count - FREE)) - moment
