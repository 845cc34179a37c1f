"""`fototeca photos`: list photos, show one, correct labels, trash and restore."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fototeca.cli.edge import USAGE, Unable
from fototeca.cli.options import (
    AllOption,
    AnyOption,
    JsonOption,
    LibraryOption,
    NoneOption,
    UserOption,
    existing_label,
    opened,
    owner_of,
    selection_of,
)
from fototeca.cli.output import counted, print_json, print_table, size_in_words

if TYPE_CHECKING:
    from fototeca.app import Library
    from fototeca.label_settings import Vocabulary
    from fototeca.photos import Photo, Selection

PAGE = 1000

app = typer.Typer(rich_markup_mode=None)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The photo's id.")]
IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="ID...", help="Photos' ids.", show_default=False)
]


@app.callback(invoke_without_command=True)
def photos(
    ctx: typer.Context,
    any: AnyOption = None,
    all: AllOption = None,
    none: NoneOption = None,
    search: Annotated[
        str,
        typer.Option(
            "--search",
            metavar="TEXT",
            help="Photos whose name contains it; where none does, and the model knows texts,"
            " those that it describes, the best first.",
        ),
    ] = "",
    trashed: Annotated[bool, typer.Option("--trashed", help="What is in the trash.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="At most so many; 0 for all of them.")
    ] = 100,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """List photos, newest first."""
    if ctx.invoked_subcommand is not None:
        return
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        selection = selection_of(opened_library, owner, any, all, none)
        if trashed and selection:
            raise Unable("photos in the trash have no labels to select by", USAGE)
        listed = list(
            _photos(opened_library, owner, selection, limit, trashed=trashed, name=search)
        )
        total = opened_library.catalog.photos.page(
            owner, selection, trashed=trashed, name=search, limit=1
        ).total
        if search and not total and not trashed:
            listed = opened_library.searched(owner, selection, search, limit or sys.maxsize)
            total = len(listed)
    if json:
        print_json({"total": total, "photos": [as_json(photo) for photo in listed]})
        return
    if listed:
        print_table(
            [
                (
                    photo.id,
                    f"{photo.taken_at:%Y-%m-%d %H:%M}",
                    size_in_words(photo.size),
                    photo.name,
                )
                for photo in listed
            ],
            "<<><",
        )
    if total > len(listed):
        typer.echo(f"{total - len(listed):,} more: see them with --limit 0", err=True)
    elif not total:
        typer.echo("no photos", err=True)


@app.command()
def show(
    id: IdArgument,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Show what is known of a photo."""
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        photo = opened_library.catalog.photos.get(owner, id)
        known = opened_library.catalog.photos.labels_of(owner, id)
    if photo is None or known is None:
        raise Unable(f"no photo {id}")
    if json:
        print_json(
            as_json(photo)
            | {
                "labels": list(known.on),
                "detections": [
                    {
                        "label": seen.label,
                        "confidence": round(seen.confidence, 4),
                        "source": seen.source,
                    }
                    for seen in known.detections
                ],
                "added": sorted(known.correction.added),
                "removed": sorted(known.correction.removed),
            }
        )
        return
    exif = photo.probe.exif
    rows = [
        ("name", photo.name),
        ("id", photo.id),
        ("size", f"{size_in_words(photo.size)}, {photo.probe.media_type}"),
        ("pixels", "{} x {}".format(*photo.probe.upright_size)),
        ("taken", f"{exif.taken_at:%Y-%m-%d %H:%M:%S}" if exif.taken_at else "unknown"),
        ("uploaded", f"{photo.uploaded_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("camera", " ".join(filter(None, (exif.camera_make, exif.camera_model))) or "unknown"),
        ("state", f"{photo.state}: {photo.failure}" if photo.failure else photo.state),
        ("labels", ", ".join(known.on) or "none"),
    ]
    if photo.trashed_at:
        rows.append(("trashed", f"{photo.trashed_at:%Y-%m-%d %H:%M:%S} UTC"))
    print_table(rows)


@app.command()
def label(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Photos' ids.")],
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="L", help="A label to put on.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="L", help="A label to take off.")
    ] = None,
    clear: Annotated[
        list[str] | None,
        typer.Option("--clear", metavar="L", help="A label to leave to the model again."),
    ] = None,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Correct the labels of photos. Labelling again never undoes it."""
    if not add and not remove and not clear:
        raise Unable("say which label to --add, to --remove or to --clear", USAGE)
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        vocabulary = opened_library.vocabulary(owner)
        adding = {_new_label(vocabulary, text) for text in add or ()}
        removing = {existing_label(opened_library, owner, text) for text in remove or ()}
        if both := adding & removing:
            raise Unable(f"{min(both)} cannot be both added and removed", USAGE)
        clearing = {existing_label(opened_library, owner, text) for text in clear or ()}
        corrected = opened_library.catalog.photos.correct(owner, ids, adding, removing, clearing)
    _answer(json, "corrected", corrected.photos, len(set(ids)))


@app.command()
def trash(
    ids: IdsArgument = None,
    any: AnyOption = None,
    all: AllOption = None,
    none: NoneOption = None,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Put photos, or a selection of them, into the trash; they are deleted after 30 days."""
    from fototeca.photos import now

    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        selection = selection_of(opened_library, owner, any, all, none)
        if bool(ids) == bool(selection):
            raise Unable("say which photos: either their ids, or --any, --all, --none", USAGE)
        chosen = ids or [photo.id for photo in _photos(opened_library, owner, selection)]
        moved = opened_library.catalog.photos.trash(owner, chosen, now())
    _answer(json, "trashed", moved, len(set(chosen)))


@app.command()
def restore(
    ids: IdsArgument = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All that is in the trash.")
    ] = False,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Take photos out of the trash, with their labels."""
    from fototeca.photos import Selection

    if bool(ids) == everything:
        raise Unable("say which photos: either their ids, or --everything", USAGE)
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        chosen = ids or [
            photo.id for photo in _photos(opened_library, owner, Selection(), trashed=True)
        ]
        moved = opened_library.catalog.photos.restore(owner, chosen)
    _answer(json, "restored", moved, len(set(chosen)))


def as_json(photo: Photo) -> dict[str, Any]:
    width, height = photo.probe.upright_size
    exif = photo.probe.exif
    return {
        "id": photo.id,
        "name": photo.name,
        "size": photo.size,
        "media_type": photo.probe.media_type,
        "width": width,
        "height": height,
        "taken_at": exif.taken_at.isoformat() if exif.taken_at else None,
        "uploaded_at": photo.uploaded_at.isoformat(),
        "state": photo.state.value,
        "failure": photo.failure,
        "trashed_at": photo.trashed_at.isoformat() if photo.trashed_at else None,
    }


def _photos(
    library: Library,
    owner: str,
    selection: Selection,
    limit: int = 0,
    *,
    trashed: bool = False,
    name: str = "",
) -> Iterator[Photo]:
    """Those photos, page by page; all of them when `limit` is 0."""
    cursor, left = None, limit or float("inf")
    while left > 0:
        page = library.catalog.photos.page(
            owner,
            selection,
            trashed=trashed,
            name=name,
            cursor=cursor,
            limit=int(min(PAGE, left)),
        )
        yield from page.photos
        left -= len(page.photos)
        cursor = page.next_cursor
        if cursor is None:
            return


def _new_label(vocabulary: Vocabulary, text: str) -> str:
    """The label that is meant, which may be one of the owner's own that is not there yet."""
    from fototeca.labelling.taxonomy import new_name

    try:
        return vocabulary.named(new_name(text))
    except ValueError as error:
        raise Unable(str(error), USAGE) from None


def _answer(json: bool, verb: str, done: int, asked: int) -> None:
    if json:
        print_json({verb: done})
    else:
        typer.echo(f"{counted(done, 'photo')} {verb}")
    if not done and asked:
        raise Unable("none of these photos is there, or there was nothing to do")
