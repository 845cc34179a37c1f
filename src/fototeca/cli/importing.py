"""`fototeca import`: folders and files come in, and are labelled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fototeca.cli.edge import FAILED, INTERRUPTED
from fototeca.cli.options import JsonOption, LibraryOption, UserOption, opened, owner_of, said
from fototeca.cli.output import counted, print_json, printable
from fototeca.cli.progress import interruption, label_waiting, progress

if TYPE_CHECKING:
    from fototeca.catalog.protocol.imports import Import


def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", parser=said, help="Folders and files.", show_default=False
        ),
    ],
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Copy photos in and label them. Run again after an interruption, it goes on.

    The exit status is 0 only if nothing was refused.
    """
    with opened(library, create=True) as opened_library, interruption() as asked:
        owner = owner_of(opened_library, user)
        asked.then(opened_library.imports.stop)
        before = opened_library.catalog.queue.work(owner).failed
        opened_library.workers().start()
        total = _count(paths)
        with progress("Importing", quiet=json) as advance:
            done = opened_library.imports.run(
                owner, paths, lambda sofar: advance(sofar.found, total, _note(sofar))
            )
        waiting = opened_library.catalog.queue.pending()
        if not asked.asked and done.failure is None:
            waiting = label_waiting(opened_library, asked, quiet=json)
        # Not those that have long been known.
        failed = max(0, opened_library.catalog.queue.work(owner).failed - before)
    if asked.asked and done.failure is None:
        done = replace(done, failure="interrupted; import it again to go on")
    if json:
        print_json(as_json(done) | {"waiting": waiting, "failed": failed})
    else:
        report(done)
        if waiting:
            typer.echo(f"{counted(waiting, 'photo')} still to be labelled")
        if failed:
            typer.echo(f"{counted(failed, 'photo')} could not be labelled: see `fototeca work`")
    if asked.asked:
        raise typer.Exit(INTERRUPTED)
    if done.refused or done.failure:
        raise typer.Exit(FAILED)


def as_json(done: Import) -> dict[str, object]:
    return {
        "found": done.found,
        "added": done.added,
        "restored": done.restored,
        "duplicate": done.duplicate,
        "refused": done.refused,
        "refusals": [{"name": each.name, "reason": each.reason} for each in done.refusals],
        "failure": done.failure,
    }


def _in_words(done: Import) -> str:
    """`12 photos added, 3 duplicates, 1 file refused`."""
    words = [f"{counted(done.added, 'photo')} added"]
    if done.restored:
        words.append(f"{done.restored:,} restored from the trash")
    if done.duplicate:
        words.append(counted(done.duplicate, "duplicate"))
    if done.refused:
        words.append(f"{counted(done.refused, 'file')} refused")
    return ", ".join(words)


def _count(paths: list[Path]) -> int:
    from fototeca.inbox import files

    return sum(sum(1 for _ in files(path)) if path.is_dir() else 1 for path in paths)


def _note(sofar: Import) -> str:
    return f"{sofar.refused:,} refused" if sofar.refused else ""


def report(done: Import) -> None:
    """What was added and refused, for people."""
    typer.echo(_in_words(done))
    for refusal in done.refusals:
        typer.echo(f"  {printable(refusal.name)}: {refusal.reason}")
    if done.refused > len(done.refusals):
        typer.echo(f"  and {done.refused - len(done.refusals):,} more")
    if done.failure:
        typer.echo(f"fototeca: not finished: {done.failure}", err=True)
