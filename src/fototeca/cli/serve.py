"""`fototeca serve`, `worker`: the server with the workers beside it, or workers alone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fototeca.cli.edge import USAGE, Unable, in_words
from fototeca.cli.importing import report
from fototeca.cli.options import LibraryOption, UserOption, opened, owner_of, said, settings_of
from fototeca.cli.output import counted, printable
from fototeca.cli.progress import interruption, lines

if TYPE_CHECKING:
    from fototeca.app import Library
    from fototeca.settings import Settings


def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on (127.0.0.1).")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Port to listen on (8400); 0 for any."),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Fill an empty library with a few sample photos.")
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option(
            "--import", metavar="PATH", parser=said, help="Import this folder while serving."
        ),
    ] = None,
    library: LibraryOption = None,
    user: UserOption = None,
) -> None:
    """Serve the library, and label what comes in. An empty one is made where there is none."""
    _log()
    settings = settings_of(library, host=host, port=port)
    if source is not None and not source.exists():
        raise Unable(f"{source}: not there", USAGE)
    # As Ctrl-C does: everything below is left in good order, the library closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), opened(library, create=True) as opened_library:
        # A model that cannot be used is told before anybody can connect.
        opened_library.labeller()
        if user is not None or not opened_library.catalog.accounts.all():
            owner_of(opened_library, user)
        beside = _Beside()
        if sample and _is_empty(opened_library):
            beside.add(lambda: _import_samples(opened_library, user))
        if source is not None:
            path = source
            beside.add(lambda: _import(opened_library, path, user))
        try:
            _serve(opened_library, settings, beside)
        finally:
            opened_library.imports.stop()
            opened_library.workers().stop()
            beside.join()


def worker(library: LibraryOption = None) -> None:
    """Label photos and prepare bundles, beside a server or without one, until it is ended."""
    _log()
    ended = threading.Event()
    with opened(library) as opened_library, interruption() as asked:
        asked.then(ended.set)
        opened_library.workers().start()
        typer.echo(f"Working on {opened_library.place}")
        ended.wait()
        typer.echo("Stopping after the photos in hand")


def _serve(library: Library, settings: Settings, beside: _Beside) -> None:
    from fototeca.web.server import serve as serve_library

    listening = False

    def ready(address: str) -> None:
        nonlocal listening
        listening = True
        address = (settings.public_url or address).rstrip("/")
        library.telling.address = address
        _greet(library, address)
        library.workers().start()
        beside.start()

    try:
        serve_library(library, settings.host, settings.port, ready)
    except OSError as error:
        if listening:
            raise
        place = f"{settings.host}:{settings.port}"
        raise Unable(f"cannot listen on {place}: {error.strerror or error}") from None


def _log() -> None:
    import logging

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")


class _Beside:
    """What goes on while the server serves, in one thread, one after the other."""

    def __init__(self) -> None:
        self._tasks: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)

    def add(self, task: Callable[[], None]) -> None:
        self._tasks.append(task)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        for task in self._tasks:
            try:
                task()
            except Exception as error:
                # The server goes on: what failed here can be asked for again.
                typer.echo(f"fototeca: {in_words(error) or error!r}", err=True)


def _greet(library: Library, address: str) -> None:
    typer.echo(f"Fototeca is at {address}")
    token = library.identity.setup_token()
    if token is not None and library.settings.password_sign_in:
        typer.echo(f"Sign in for the first time, once, at {address}/#setup={token}")


def _is_empty(library: Library) -> bool:
    from fototeca.photos import Selection

    page = library.catalog.photos.page
    return not any(
        page(account.id, Selection(), trashed=trashed, limit=1).total
        for account in library.catalog.accounts.all()
        for trashed in (False, True)
    )


def _import_samples(library: Library, user: str | None) -> None:
    """The sample photos, and a bundle of the label that most of them have."""
    from fototeca import samples
    from fototeca.photos import Selection

    owner = owner_of(library, user)
    done = library.imports.run(owner, samples.photos(), lambda _: None)
    library.workers().drain()
    labels = library.catalog.photos.labels(owner, Selection())
    if done.failure is None and labels:
        asked = library.bundles.request(owner, Selection(any=frozenset([labels[0].name])))
        library.work.prepare(asked)
    typer.echo(f"{counted(done.added, 'sample photo')} added")


def _import(library: Library, path: Path, user: str | None) -> None:
    owner = owner_of(library, user)
    advance = lines(f"Importing {printable(str(path))}")
    report(library.imports.run(owner, [path], lambda sofar: advance(sofar.found, None, "")))
