"""`fototeca move`: a library to another place, compared photo by photo."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fototeca.cli.edge import FAILED, INTERRUPTED, USAGE, Unable
from fototeca.cli.options import JsonOption, UserOption
from fototeca.cli.output import counted, print_json, size_in_words
from fototeca.cli.progress import interruption, progress

if TYPE_CHECKING:
    from fototeca.moving import MoveReport
    from fototeca.settings import Settings

BUCKET = ",s3:"
STACK = "aws:"
TABLE = ",table:"
"""Of a stack: another table than its own, which has what its own once had."""
LISTED = 20
"""Differences printed; all of them with --json."""


def move(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="PLACE",
            help="A library's folder, DIR,s3:BUCKET, aws:STACK or aws:STACK,table:NAME.",
        ),
    ],
    target: Annotated[
        str, typer.Option("--to", metavar="PLACE", help="Another; a folder is made if need be.")
    ],
    to_user: Annotated[
        str | None,
        typer.Option(
            "--to-user", metavar="EMAIL", help="Whose photos they become, of accounts there."
        ),
    ] = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a library to another place, and compare every hash, label and correction.

    Nothing is taken away where they come from. A photo that is at the target already, too, becomes
    what it is here: what was corrected there alone is lost. Run again after an interruption, it
    goes on. The exit status is 0 only if both places are the same.
    """
    from fototeca.app import open_library
    from fototeca.moving import Moving

    at_source, at_target = settings_at(source), settings_at(target)
    if _one_in_the_other(at_source, at_target):
        raise Unable("both places are the same, or one is in the other", USAGE)
    with (
        open_library(at_source, create=False) as here,
        open_library(at_target) as there,
        interruption() as asked,
    ):
        moving = Moving(here, there)
        asked.then(moving.stop)
        with progress("Moving", quiet=json) as advance:
            report = moving.run(
                user, to_user, lambda what, done, total: advance(done, total, what.lower())
            )
    _report(json, report)
    if asked.asked:
        raise typer.Exit(INTERRUPTED)
    if report.differences:
        raise typer.Exit(FAILED)


def _one_in_the_other(one: Settings, other: Settings) -> bool:
    if one.table or other.table:
        return one.table == other.table
    folders = [each.library.expanduser().resolve() for each in (one, other)]
    return folders[0].is_relative_to(folders[1]) or folders[1].is_relative_to(folders[0])


def settings_at(place: str) -> Settings:
    """The settings of the library at a place. Raises Unable."""
    from fototeca.settings import Settings

    if place.startswith(STACK):
        stack, _, table = place.removeprefix(STACK).partition(TABLE)
        return _stack_settings(stack, table or None)
    folder, named, bucket = place.partition(BUCKET)
    if not folder or bool(named) != bool(bucket):
        raise Unable(f"not a place: '{place}' is not DIR, DIR,s3:BUCKET or aws:STACK", USAGE)
    # Whatever the environment says of another place.
    return Settings(library=Path(folder), table=None, photos_bucket=bucket or None)


def _stack_settings(stack: str, table: str | None) -> Settings:
    try:
        import boto3
    except ModuleNotFoundError:
        raise Unable("this needs the package's extra: pip install 'fototeca[aws]'") from None
    from fototeca.settings import Settings

    (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    try:
        return Settings(
            table=table or outputs["Table"],
            photos_bucket=outputs["PhotosBucket"],
            working_bucket=outputs["WorkingBucket"],
            # Whether it has any is not said; asking costs little beside copying.
            archive_tiers=True,
        )
    except KeyError as error:
        raise Unable(f"the stack {stack} is none of Fototeca's") from error


def _report(json: bool, report: MoveReport) -> None:
    if json:
        print_json(asdict(report))
        return
    for difference in report.differences[:LISTED]:
        typer.echo(difference)
    if len(report.differences) > LISTED:
        typer.echo(f"... and {len(report.differences) - LISTED:,} more: see them with --json")
    typer.echo(
        f"{counted(report.photos, 'photo')} of {counted(report.accounts, 'account')} are the same"
        f" at both places, {size_in_words(report.bytes)}; {report.copied:,} copied now"
    )
