"""`fototeca notify`: where the owner is told what is ready or failed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fototeca.cli.edge import Unable
from fototeca.cli.options import JsonOption, LibraryOption, UserOption, opened, owner_of
from fototeca.cli.output import print_json, print_table

if TYPE_CHECKING:
    from fototeca.catalog.protocol.outbox import NotificationTarget

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Tell the owner by mail, ntfy, Telegram and others what is ready or failed.",
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As `notify list` shows it.")]


@app.command()
def add(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="An Apprise URL, as in ntfys://SERVER/TOPIC; - reads it from input."
        ),
    ],
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Add a target. Nothing is sent there yet: `notify test` does that."""
    if url == "-":
        url = sys.stdin.readline()
    with opened(library) as opened_library:
        target = opened_library.telling.add(owner_of(opened_library, user), url)
        confirmed = opened_library.telling.confirmed(target)
    if json:
        print_json(_described(target))
    else:
        typer.echo(f"added {target.id}: {target.shown}")
        if not confirmed:
            typer.echo("Whoever has the address was asked to confirm it.")


@app.command("list")
def list_targets(
    library: LibraryOption = None, user: UserOption = None, json: JsonOption = False
) -> None:
    """List an account's targets, without their secrets."""
    with opened(library) as opened_library:
        targets = opened_library.catalog.targets.of(owner_of(opened_library, user))
    if json:
        print_json([_described(target) for target in targets])
    elif targets:
        print_table([(target.id, target.shown, _state(target)) for target in targets])


@app.command()
def remove(
    id: IdArgument,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a target, and what was still to be sent there."""
    with opened(library) as opened_library:
        if not opened_library.telling.remove(owner_of(opened_library, user), id):
            raise Unable(f"no target {id}")
    if json:
        print_json({"removed": id})
    else:
        typer.echo(f"removed {id}")


@app.command("test")
def send_test(
    id: IdArgument,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Send a test message now."""
    with opened(library) as opened_library:
        target = opened_library.catalog.targets.get(owner_of(opened_library, user), id)
        if target is None:
            raise Unable(f"no target {id}")
        opened_library.telling.test(target)
    if json:
        print_json({"sent": id})
    else:
        typer.echo(f"sent a test message to {target.shown}")


def _described(target: NotificationTarget) -> dict[str, Any]:
    return {
        "id": target.id,
        "shown": target.shown,
        "added_at": target.added_at.isoformat(),
        "told_at": target.told_at.isoformat() if target.told_at else None,
        "failure": target.failure,
    }


def _state(target: NotificationTarget) -> str:
    if target.failure is not None:
        return f"failing: {target.failure}"
    return f"told {target.told_at:%Y-%m-%d}" if target.told_at else "not told anything yet"
