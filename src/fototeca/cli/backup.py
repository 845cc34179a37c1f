"""`fototeca backup`, `restore`: a library into a folder, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fototeca.cli.edge import FAILED
from fototeca.cli.options import JsonOption, LibraryOption, opened, said, settings_of
from fototeca.cli.output import counted, print_json, size_in_words
from fototeca.cli.progress import progress

if TYPE_CHECKING:
    from fototeca.backup import BackupReport


def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", parser=said, help="Where the backup is kept.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="Read what is there already, and compare its SHA-256.")
    ] = False,
    library: LibraryOption = None,
    json: JsonOption = False,
) -> None:
    """Copy the library into a folder; the next time, only what is new. Serving may go on."""
    from fototeca.backup import back_up

    with opened(library) as opened_library, progress("Copying", quiet=json) as advance:
        report = back_up(
            opened_library,
            folder,
            verify=verify,
            on_progress=lambda done, total: advance(done, total, ""),
        )
    _report(json, report, "in the backup")


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", parser=said, help="The backup.")],
    library: LibraryOption = None,
    json: JsonOption = False,
) -> None:
    """Make a library of a backup, where there is none yet. Workers then make its renditions."""
    from fototeca.backup import restore as restore_backup

    with progress("Copying", quiet=json) as advance:
        report = restore_backup(
            folder, settings_of(library), on_progress=lambda done, total: advance(done, total, "")
        )
    _report(json, report, "restored")


def _report(json: bool, report: BackupReport, where: str) -> None:
    if json:
        print_json(
            {
                "photos": report.photos,
                "bytes": report.bytes,
                "copied": report.copied,
                "problems": report.problems,
            }
        )
    else:
        for problem in report.problems:
            typer.echo(problem)
        typer.echo(
            f"{counted(report.photos, 'photo')} {where}, {size_in_words(report.bytes)};"
            f" {report.copied:,} copied now"
        )
    if report.problems:
        raise typer.Exit(FAILED)
