"""`fototeca bundle`: what is selected, as one zip file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from fototeca.cli.edge import FAILED, Unable
from fototeca.cli.options import (
    AllOption,
    AnyOption,
    JsonOption,
    LibraryOption,
    NoneOption,
    UserOption,
    opened,
    owner_of,
    said,
    selection_of,
)
from fototeca.cli.output import counted, print_json, printable, size_in_words
from fototeca.cli.progress import Advance, progress
from fototeca.durable import sync

if TYPE_CHECKING:
    from fototeca.app import Library
    from fototeca.bundling.bundles import Archive
    from fototeca.catalog.protocol.bundles import Bundle, Skipped

STDOUT = Path("-")


def bundle(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", parser=said, help="The zip; `-` is stdout."),
    ],
    any: AnyOption = None,
    all: AllOption = None,
    none: NoneOption = None,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Write the selected photos into one zip; without labels, all of them.

    FILE appears when it is whole. The exit status is 1 when a photo could not be included.
    """
    if output != STDOUT and output.is_dir():
        raise Unable(f"{output}: is a folder")
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        selection = selection_of(opened_library, owner, any, all, none)
        asked = opened_library.bundles.request(owner, selection, quiet=True)
        try:
            made = _prepared(opened_library, asked)
            skipped = opened_library.catalog.bundles.skipped(made)
            size = _write(opened_library, made, output, quiet=json)
        finally:
            # It was for this file alone: nothing of it stays to hold photos back from purging.
            opened_library.bundles.delete(owner, asked.id)
    _report(json, made, size, skipped, output)
    if skipped:
        raise typer.Exit(FAILED)


def _prepared(library: Library, asked: Bundle) -> Bundle:
    """Prepared here, or by a server's worker that was faster."""
    while library.catalog.bundles.get(asked.owner, asked.id) is not None:
        made = library.bundles.prepare(asked)
        if made.state != "preparing":
            return made
        time.sleep(0.1)
    raise Unable("the bundle was deleted while it was made")


def _write(library: Library, made: Bundle, output: Path, *, quiet: bool) -> int:
    from fototeca.bundling.bundles import NotReady

    try:
        archive = library.bundles.archive(made)
    except NotReady:
        raise Unable(f"no bundle could be made: {made.failure or made.state}") from None
    if output == STDOUT:
        _copy(archive, sys.stdout.buffer, lambda _done, _total, _note: None)
        sys.stdout.buffer.flush()
        return archive.size
    with progress("Writing", quiet=quiet) as advance:
        # What a link names is replaced, not the link: `/dev/stdout` may be one.
        file = output.resolve()
        if file.exists() and not file.is_file():
            with file.open("wb") as pipe:  # or a device: neither may be replaced by a file
                _copy(archive, pipe, advance)
            return archive.size
        part = file.with_name(f"{file.name}.part")
        try:
            with part.open("wb") as whole:
                _copy(archive, whole, advance)
                whole.flush()
                sync(whole.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    return archive.size


def _copy(archive: Archive, to: BinaryIO, advance: Advance) -> None:
    written = 0
    for chunk in archive.read(0, archive.size):
        to.write(chunk)
        written += len(chunk)
        advance(written, archive.size, "")


def _report(json: bool, made: Bundle, size: int, skipped: Iterable[Skipped], output: Path) -> None:
    photos = made.photos - made.skipped
    to_stdout = output == STDOUT
    if json:
        if not to_stdout:
            print_json(
                {
                    "file": str(output),
                    "photos": photos,
                    "bytes": size,
                    "skipped": [
                        {"id": skip.id, "name": skip.name, "reason": skip.reason}
                        for skip in skipped
                    ],
                }
            )
        return
    typer.echo(f"{counted(photos, 'photo')}, {size_in_words(size)}", err=to_stdout)
    for skip in skipped:
        typer.echo(f"  not included: {printable(skip.name)}: {skip.reason}", err=True)
