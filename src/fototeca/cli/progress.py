"""How far a long command is: a bar on a terminal, a line now and then elsewhere, on stderr."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

import typer

from fototeca.cli.edge import Unable

if TYPE_CHECKING:
    from fototeca.app import Library

LINE_EVERY = 5.0
"""Seconds between lines where there is no terminal."""
STALLED = 15.0
"""Seconds without a photo labelled, and no room on the disk, after which waiting is no use."""
LITTLE_ROOM = 32_000_000
"""Bytes: with less than this left, no room is why nothing goes on."""

Advance = Callable[[int, int | None, str], None]
"""`advance(done, total, note)`; the total is None while it is not known."""


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Advance]:
    """Shows `what` and how far it is. Nothing when `quiet`."""
    if quiet:
        yield lambda _done, _total, _note: None
    elif sys.stderr.isatty():
        with _bar(what) as advance:
            yield advance
    else:
        yield lines(what)


@contextmanager
def _bar(what: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None, note="")
        yield lambda done, total, note: bar.update(task, completed=done, total=total, note=note)


def lines(what: str) -> Advance:
    """A line now and then, whatever stderr is."""
    last = time.monotonic()

    def advance(done: int, total: int | None, note: str) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY:
            last = time.monotonic()
            of = "" if total is None else f" of {total:,}"
            typer.echo(f"{what}: {done:,}{of}{'  ' if note else ''}{note}", err=True)

    return advance


class Interruption:
    """Whether the user asked to stop: once to end in good order, twice to end at once."""

    def __init__(self) -> None:
        self.asked = False
        self._then: list[Callable[[], None]] = []

    def then(self, stop: Callable[[], None]) -> None:
        """Call this when asked. It runs in a signal handler, so it only sets a flag."""
        self._then.append(stop)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        for stop in self._then:
            stop()


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Turns SIGINT and SIGTERM into a question that the work asks at its own pace."""
    asked = Interruption()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, asked._handle) for number in signals}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Stop(Exception):
    """Ends the wait for the workers."""


def label_waiting(library: Library, asked: Interruption, *, quiet: bool) -> int:
    """Label what waits, beside other processes' workers. Returns how many photos still wait: none,
    unless the user asked to stop. Raises Unable when there is no room to go on."""
    if not library.catalog.queue.pending():
        return 0
    most = 0
    least, since = sys.maxsize, time.monotonic()

    with progress("Labelling", quiet=quiet) as advance:

        def look(waiting: int) -> None:
            nonlocal most, least, since
            most = max(most, waiting)
            if waiting < least:
                least, since = waiting, time.monotonic()
            elif time.monotonic() - since > STALLED and _room(library) < LITTLE_ROOM:
                raise Unable(f"no room left: {waiting:,} photos are still to be labelled")
            advance(most - waiting, most, "")
            if asked.asked:
                raise _Stop

        with suppress(_Stop):
            library.workers().drain(look)
    return library.catalog.queue.pending()


def _room(library: Library) -> int:
    import shutil

    from fototeca.app import LibraryElsewhere

    try:
        return shutil.disk_usage(library.root).free
    except LibraryElsewhere:
        return LITTLE_ROOM
