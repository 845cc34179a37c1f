"""`fototeca label-settings`: how sure labels must be, which are hidden, other names for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from fototeca.cli.edge import USAGE, Unable
from fototeca.cli.options import (
    JsonOption,
    LibraryOption,
    UserOption,
    existing_label,
    opened,
    owner_of,
)
from fototeca.cli.output import counted, print_json, printable

if TYPE_CHECKING:
    from fototeca.label_settings import LabelSettings

Pairs = list[str] | None
T = TypeVar("T")


def label_settings(
    sureness: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="-1: more labels; 1: fewer, surer; 0: as they come."),
    ] = None,
    threshold: Annotated[
        Pairs,
        typer.Option(metavar="L=0.7", help="A label's own threshold; `L=` takes it back."),
    ] = None,
    hide: Annotated[Pairs, typer.Option(metavar="L", help="A label not to list.")] = None,
    show: Annotated[Pairs, typer.Option(metavar="L", help="A label to list again.")] = None,
    rename: Annotated[
        Pairs,
        typer.Option(
            metavar="L=NAME", help="Another name, or another label to merge with; `L=` undoes it."
        ),
    ] = None,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Show or change what you set about labels. Nothing is labelled again for it."""
    from fototeca.label_settings import LabelSettings, LabelSettingsInvalid

    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        preferences = opened_library.catalog.label_preferences
        settings = preferences.get(owner)

        def meant(text: str) -> str:
            return existing_label(opened_library, owner, text)

        thresholds, renames = dict(settings.thresholds), dict(settings.renames)
        for name, value in _pairs(threshold, "--threshold", "0.7"):
            _put(thresholds, meant(name), _number(value) if value else None)
        for name, value in _pairs(rename, "--rename", "NAME"):
            known = name if name in renames else meant(name)
            # By its new name a label is what has that name.
            called = [each for each, other in renames.items() if other == known]
            if not called or known in opened_library.taxonomy.labels:
                called.append(known)
            for each in called:
                _put(renames, each, value or None)
        hidden = settings.hidden | set(map(meant, hide or ()))
        hidden -= set(map(meant, show or ()))
        try:
            renames = opened_library.vocabulary(owner).spelled(renames)
            wanted = LabelSettings(
                settings.sureness if sureness is None else sureness, thresholds, hidden, renames
            )
        except LabelSettingsInvalid as error:
            raise Unable(str(error), USAGE) from None
        if wanted != settings:
            preferences.put(owner, wanted)
        photos = 0
        # Also what an interruption, or an update's other taxonomy, left to do.
        while preferences.recomputing(owner) is not None:
            photos += preferences.recompute()
    _report(wanted, photos, json)


def _report(settings: LabelSettings, photos: int, json: bool) -> None:
    if json:
        print_json(
            {
                "sureness": settings.sureness,
                "thresholds": dict(settings.thresholds),
                "hidden": sorted(settings.hidden),
                "renames": dict(settings.renames),
            }
        )
        return
    typer.echo(f"sureness {settings.sureness:g}")
    for name, value in sorted(settings.thresholds.items()):
        typer.echo(f"{printable(name)} from {value:g}")
    for name in sorted(settings.hidden):
        typer.echo(f"{printable(name)} is hidden")
    for name, other in sorted(settings.renames.items()):
        typer.echo(f"{printable(name)} is called {printable(other)}")
    if photos:
        typer.echo(f"{counted(photos, 'photo')} brought up to that", err=True)


def _pairs(texts: Pairs, option: str, example: str) -> list[tuple[str, str]]:
    pairs = []
    for text in texts or ():
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise Unable(f"{option} takes LABEL={example}, not {text}", USAGE)
        pairs.append((name.strip(), value.strip()))
    return pairs


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Unable(f"{text} is no number", USAGE) from None


def _put(kept: dict[str, T], name: str, value: T | None) -> None:
    if value is None:
        kept.pop(name, None)
    else:
        kept[name] = value
