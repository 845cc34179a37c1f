"""`fototeca labels`: the labels with their counts, in everything or in a selection."""

from __future__ import annotations

from typing import Annotated

import typer

from fototeca.cli.options import (
    AllOption,
    AnyOption,
    JsonOption,
    LibraryOption,
    NoneOption,
    UserOption,
    opened,
    owner_of,
    selection_of,
)
from fototeca.cli.output import print_json, print_table


def labels(
    any: AnyOption = None,
    all: AllOption = None,
    none: NoneOption = None,
    search: Annotated[
        str,
        typer.Option("--search", metavar="TEXT", help="Labels whose name or alias contains it."),
    ] = "",
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Also those hidden by `fototeca label-settings`.")
    ] = False,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """List labels with how many photos each is on, most first."""
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        selection = selection_of(opened_library, owner, any, all, none)
        vocabulary = opened_library.vocabulary(owner)
        counts = [
            (vocabulary.label(each.name), each.count, vocabulary.hides(each.name))
            for each in opened_library.catalog.photos.labels(owner, selection)
            if hidden or not vocabulary.hides(each.name)
        ]
    counts = [each for each in counts if each[0].matches(search)]
    if json:
        print_json(
            [
                {
                    "name": label.name,
                    "count": count,
                    "parents": list(label.parents),
                    "aliases": list(label.aliases),
                    "category": label.category,
                    "hidden": is_hidden,
                }
                for label, count, is_hidden in counts
            ]
        )
    elif counts:
        print_table([(label.name, f"{count:,}") for label, count, _ in counts], "<>")
    else:
        typer.echo("no labels", err=True)
