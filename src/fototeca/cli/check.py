"""`fototeca check`: is everything there and unchanged?"""

from __future__ import annotations

from typing import Annotated

import typer

from fototeca.cli.edge import FAILED
from fototeca.cli.options import JsonOption, LibraryOption, opened
from fototeca.cli.output import counted, print_json, printable, size_in_words
from fototeca.cli.progress import progress


def check(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    read_bytes: Annotated[
        bool, typer.Option("--bytes", help="Read every original and compare its SHA-256.")
    ] = False,
    library: LibraryOption = None,
    json: JsonOption = False,
) -> None:
    """Check the catalog, the originals and the renditions of all accounts.

    The exit status is 0 only if all is well, or was repaired. Nothing is ever deleted.
    """
    from fototeca.check import Checking
    from fototeca.photos import Selection

    with opened(library) as opened_library, progress("Checking", quiet=json) as advance:
        catalog = opened_library.catalog
        total = sum(
            catalog.photos.totals(account.id, Selection()).photos
            for account in catalog.accounts.all()
        )
        report = Checking(
            catalog, opened_library.vault, opened_library.ingest, opened_library.settings.limits
        ).check(
            repair=repair,
            read_bytes=read_bytes,
            on_progress=lambda done: advance(done, max(done, total), ""),
        )
    if json:
        print_json(
            {
                "photos": report.photos,
                "bytes": report.bytes,
                "sound": report.sound,
                "problems": [
                    {"problem": problem.text, "repaired": problem.repaired}
                    for problem in report.problems
                ],
            }
        )
    else:
        for problem in report.problems:
            typer.echo(f"{printable(problem.text)}{' (repaired)' if problem.repaired else ''}")
        read = f", {size_in_words(report.bytes)} read" if read_bytes else ""
        left = sum(not problem.repaired for problem in report.problems)
        verdict = "all is well" if report.sound else counted(left, "problem")
        typer.echo(f"{counted(report.photos, 'photo')} checked{read}: {verdict}")
    if not report.sound:
        raise typer.Exit(FAILED)
