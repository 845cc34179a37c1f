"""The command line. Each command imports what it needs when it runs, so that all start at once."""

from __future__ import annotations

from typing import Annotated

import typer

from fototeca.cli.accounts import token_app, user_app
from fototeca.cli.backup import backup, restore
from fototeca.cli.bundle import bundle
from fototeca.cli.check import check
from fototeca.cli.cost import cost
from fototeca.cli.edge import Edge
from fototeca.cli.evaluate import evaluate
from fototeca.cli.fetching import fetch_model
from fototeca.cli.importing import import_
from fototeca.cli.label_settings import label_settings
from fototeca.cli.labels import labels
from fototeca.cli.move import move
from fototeca.cli.notify import app as notify_app
from fototeca.cli.options import JsonOption, LibraryOption, UserOption
from fototeca.cli.photos import app as photos_app
from fototeca.cli.serve import serve, worker
from fototeca.cli.work import app as work_app
from fototeca.cli.work import relabel

__all__ = ["app"]


def _version(asked: bool) -> None:
    if asked:
        from fototeca import __version__

        typer.echo(f"fototeca {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Edge,
    name="fototeca",
    no_args_is_help=True,
    # Plain help: rich takes a fifth of a second to be imported.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def fototeca(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """A photo archive that labels every photo it is given and hands photos back by label."""


app.command()(serve)
app.command()(worker)
app.command("import")(import_)
app.command()(labels)
app.command()(label_settings)
app.add_typer(photos_app, name="photos")
app.command()(bundle)
app.add_typer(work_app, name="work")
app.command()(relabel)
app.command()(check)
app.command()(backup)
app.command()(restore)
app.command()(move)
app.command()(evaluate)
app.command()(fetch_model)
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")
app.add_typer(notify_app, name="notify")
app.command()(cost)
