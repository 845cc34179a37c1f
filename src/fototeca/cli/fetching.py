"""`fototeca fetch-model`: an open-vocabulary model, from wherever it is published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fototeca.cli.edge import USAGE, Unable
from fototeca.cli.options import JsonOption, said
from fototeca.cli.progress import progress


def fetch_model(
    address: Annotated[
        str, typer.Argument(metavar="URL", help="The folder of the model's files, by https.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", parser=said, help="Where to put them.")
    ],
    sha256: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE=HEX", help="What a file's SHA-256 must be."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Download a CLIP or SigLIP model for FOTOTECA_LABELLER=clip:FOLDER, pinned by SHA-256."""
    from fototeca.labelling.fetching import FetchFailed, fetch

    pins = {}
    for text in sha256 or ():
        name, _, digest = text.partition("=")
        if len(digest) != 64 or set(digest.lower()) - set("0123456789abcdef"):
            raise Unable(f"--sha256 takes FILE= and 64 hex digits, not {text}", USAGE)
        pins[name] = digest.lower()
    with progress("Fetching", quiet=json) as advance:
        try:
            fetch(
                address,
                folder.expanduser(),
                pins,
                lambda name, done, total: advance(done, total, name),
            )
        except FetchFailed as error:
            raise Unable(str(error)) from error
    if not json:
        typer.echo(f"FOTOTECA_LABELLER=clip:{folder}")
