"""`fototeca work`, `relabel`: how far labelling is, what failed and why, and doing it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from fototeca.cli.edge import INTERRUPTED, Unable
from fototeca.cli.options import (
    JsonOption,
    LibraryOption,
    UserOption,
    opened,
    owner_of,
)
from fototeca.cli.output import counted, print_json, print_table, printable
from fototeca.cli.progress import interruption, label_waiting

if TYPE_CHECKING:
    from fototeca.app import Library
    from fototeca.photos import Photo

app = typer.Typer(rich_markup_mode=None)

LISTED_CHANGES = 20
LISTED = 1000
"""Failed photos that are listed."""


@app.callback(invoke_without_command=True)
def work(
    ctx: typer.Context,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Show how many photos wait, are labelled and failed, and why; and what is outdated."""
    if ctx.invoked_subcommand is not None:
        return
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        counts = opened_library.catalog.queue.work(owner)
        model = opened_library.labels_by()
        outdated = opened_library.catalog.queue.outdated(owner, model)
        failures = _failures(opened_library, owner)
    if json:
        print_json(
            {
                "waiting": counts.waiting,
                "running": counts.running,
                "labelled": counts.labelled,
                "failed": counts.failed,
                "model": model,
                "outdated": outdated,
                "failures": [
                    {"id": photo.id, "name": photo.name, "reason": photo.failure}
                    for photo in failures
                ],
            }
        )
        return
    print_table(
        [
            ("waiting", f"{counts.waiting:,}"),
            ("running", f"{counts.running:,}"),
            ("labelled", f"{counts.labelled:,}"),
            ("failed", f"{counts.failed:,}"),
        ],
        "<>",
    )
    if outdated:
        typer.echo(f"{counted(outdated, 'photo')} labelled by another model than {model}")
    if failures:
        typer.echo()
        print_table([(photo.id, photo.name, photo.failure) for photo in failures])


@app.command()
def retry(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID...", help="Those photos; all that failed without.", show_default=False
        ),
    ] = None,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Try again to label photos that failed."""
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)

        def ask() -> int:
            asked = opened_library.work.retry(owner, ids or None)
            if ids and not asked:
                raise Unable("none of these photos has failed")
            return asked

        _label(json, opened_library, owner, ask)


def relabel(
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Label every photo again. Labels stay until the new ones are there; corrections always."""
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        relabel = opened_library.work.relabel
        _label(json, opened_library, owner, lambda: relabel(owner), summarised=True)


def _label(
    json: bool, library: Library, owner: str, ask: Callable[[], int], *, summarised: bool = False
) -> None:
    with interruption() as stop:
        # First: nothing is asked for where nothing can label.
        library.workers().start()
        asked = ask()
        waiting = label_waiting(library, stop, quiet=json)
    failed = library.catalog.queue.work(owner).failed
    relabelling = library.catalog.queue.relabelling(owner)
    changes = relabelling.changes if relabelling and summarised else ()
    if json:
        answer: dict[str, object] = {"asked": asked, "waiting": waiting, "failed": failed}
        if summarised:
            answer["changes"] = [asdict(change) for change in changes]
        print_json(answer)
    else:
        typer.echo(f"{counted(asked, 'photo')} to label, {waiting:,} still wait, {failed:,} failed")
        for change in changes[:LISTED_CHANGES]:
            after = change.before + change.gained - change.lost
            typer.echo(
                f"  {printable(change.name)}: {change.before:,} -> {after:,}"
                f" (+{change.gained:,} -{change.lost:,})"
            )
    if stop.asked:
        raise typer.Exit(INTERRUPTED)


def _failures(library: Library, owner: str) -> tuple[Photo, ...]:
    from fototeca.photos import Selection, State

    return library.catalog.photos.page(owner, Selection(), state=State.FAILED, limit=LISTED).photos
