"""Options that every command has, and opening the library that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fototeca.cli.edge import JSON, USAGE, Unable

if TYPE_CHECKING:
    from fototeca.app import Library
    from fototeca.photos import Selection
    from fototeca.settings import Settings

LIBRARY = "fototeca.library"
USER = "fototeca.user"


def said(text: str) -> Path:
    """A path that was given. An empty one is a variable that is not set: it would mean `.`."""
    if not text:
        raise typer.BadParameter("empty")
    return Path(text)


def _shared(key: str) -> Any:
    """A callback that lets an option stand before or after a sub-command's name."""

    def value_of(ctx: typer.Context, value: Any) -> Any:
        if value:
            ctx.meta[key] = value
        return ctx.meta.get(key, value)

    return value_of


LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="DIR",
        parser=said,
        help="The library's folder (env FOTOTECA_LIBRARY; ~/Fototeca).",
        callback=_shared(LIBRARY),
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, errors too.", callback=_shared(JSON))
]
UserOption = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="EMAIL",
        help="Whose photos, where there are several accounts.",
        callback=_shared(USER),
    ),
]
AnyOption = Annotated[
    list[str] | None,
    typer.Option("--any", metavar="L", help="Photos with at least one of these labels."),
]
AllOption = Annotated[
    list[str] | None, typer.Option("--all", metavar="L", help="Photos with every one of these.")
]
NoneOption = Annotated[
    list[str] | None, typer.Option("--none", metavar="L", help="Photos with not one of these.")
]


def settings_of(library: Path | None, **given: Any) -> Settings:
    """The settings, with what the command line says on top; None is not said."""
    from fototeca.settings import Settings

    given["library"] = library
    return Settings(**{name: value for name, value in given.items() if value is not None})


@contextmanager
def opened(library: Path | None, *, create: bool = False) -> Iterator[Library]:
    """The library that is named, or the usual one, open."""
    from fototeca.app import open_library

    with open_library(settings_of(library), create=create) as found:
        yield found


def owner_of(library: Library, user: str | None) -> str:
    """Whose photos: those of `--user`, or of the only account."""
    if user is not None:
        account = library.catalog.accounts.by_email(user)
        if account is None:
            raise Unable(f"no account {user}")
        return account.id
    try:
        return library.local_account().id
    except LookupError:
        text = "there are several accounts: say whose photos with --user EMAIL"
        raise Unable(text, USAGE) from None


def selection_of(
    library: Library,
    owner: str,
    any: list[str] | None,
    all: list[str] | None,
    none: list[str] | None,
) -> Selection:
    """The selection by labels' names or aliases, in upper or lower case."""
    from fototeca.photos import Selection

    def names(texts: list[str] | None) -> frozenset[str]:
        return frozenset(existing_label(library, owner, text) for text in texts or ())

    return Selection(any=names(any), all=names(all), none=names(none))


def existing_label(library: Library, owner: str, text: str) -> str:
    """The name of the label that is meant. Raises Unable with the nearest name for a typing error:
    an unknown label in `--none` would silently select too much."""
    from difflib import get_close_matches

    vocabulary = library.vocabulary(owner)
    known = vocabulary.find(text)
    if known is not None:
        return known
    names = {name.casefold(): name for name in (*vocabulary.used(), *vocabulary.names())}
    near = get_close_matches(text.casefold(), names, n=1)
    hint = f": did you mean {names[near[0]]}?" if near else ""
    raise Unable(f"no label {text}{hint}")
