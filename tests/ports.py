"""Ports for servers that have to be told one, and do not say which they took.

A port that the system gives for the asking it gives to somebody else as soon as it is free again,
and that may be before the server that it was meant for is up. These are none of those (Linux gives
32768 and up, macOS 49152), and each process tries others than those that test beside it.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from itertools import count

FIRST, NUMBER = 20_000, 12_000
EACH = 100
"""Of a process, before the next one's begin."""
_tried = count(EACH * os.getpid())


def free_port() -> int:
    """Another each time."""
    for number in _tried:
        port = FIRST + number % NUMBER
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError
