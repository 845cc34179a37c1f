"""Where each row is: the table's two keys by noun.

A partition of photos sorts them by when they were taken, so that a page is one read of it.
"""

from __future__ import annotations

import threading
import time

from fototeca.catalog.dynamodb.table import Key

SIGN = 2**63
"""Added to a time, so that those before 1970 sort before those after."""
ACCOUNTS = "accounts"
BUNDLES = "bundles"
HELD = "held"
RECOMPUTE = "recompute"
UNSETTLED = "unsettled"
RUNNING = "running"
OUTBOX = "outbox"
SECRETS = "secrets"
TAXONOMY: Key = ("facts", "taxonomy")
CLAIMS: Key = ("facts", "claims")


def account(owner: str) -> Key:
    return f"account#{owner}", "account"


def totals(owner: str) -> Key:
    """How many photos, bytes and so on the owner has."""
    return f"account#{owner}", "totals"


def settings(owner: str) -> Key:
    """The owner's label settings."""
    return f"account#{owner}", "settings"


def relabelling(owner: str) -> Key:
    return f"account#{owner}", "relabelling"


def photo(owner: str, id: str) -> Key:
    return f"photo#{owner}", id


def everything(owner: str) -> str:
    """The partition of all photos that are not in the trash: what lists are filtered by."""
    return f"all#{owner}"


def trash(owner: str) -> str:
    return f"trash#{owner}"


def in_state(owner: str, state: str) -> str:
    """The partition of the photos that wait or have failed."""
    return f"{state}#{owner}"


def label(owner: str, name: str) -> str:
    """The partition of the photos that a label is on."""
    return f"label#{owner}#{name}"


def count(owner: str, name: str) -> Key:
    """How many photos a label is on."""
    return f"count#{owner}", name


def vectors(owner: str) -> str:
    return f"vector#{owner}"


def events(owner: str) -> str:
    return f"event#{owner}"


def notices(owner: str) -> str:
    return f"notice#{owner}"


def targets(owner: str) -> str:
    return f"target#{owner}"


def unsent(target: str) -> str:
    """The partition of the notices that a target is still to be told of."""
    return f"unsent#{target}"


def moment(micros: int) -> str:
    """A time, written so that times sort."""
    return f"{micros + SIGN:016x}"


def micros_of(text: str) -> int:
    return int(text[:16], 16) - SIGN


def place(taken: int, id: str) -> str:
    """Where a photo is in a partition of photos."""
    return moment(taken) + id


def taken_and_id(place: str) -> tuple[int, str]:
    return micros_of(place), place[16:]


def of_owner(owner: str, id: str) -> str:
    """A sort key in a partition of every owner's."""
    return f"{owner}#{id}"


class Clock:
    """Microseconds since 1970, never the same twice in a process, and never going back."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def tick(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return self._last
