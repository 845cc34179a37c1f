"""The edge of the command line: errors become one line on stderr and an exit status."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from typing import Any

import typer
from typer.core import TyperGroup

FAILED = 1
"""Exit status: something was refused, damaged, not there or not possible."""
USAGE = 2
"""Exit status: the command does not make sense as it was given."""
INTERRUPTED = 130
"""Exit status: ended by Ctrl-C (128 + SIGINT), as shells expect."""

JSON = "fototeca.json"
"""Where the context keeps whether `--json` was given."""


class Unable(Exception):
    """What was asked cannot be done. The text says why, in one line, for the user."""

    def __init__(self, text: str, status: int = FAILED) -> None:
        super().__init__(text)
        self.status = status


class Edge(TyperGroup):
    """The outermost command: here errors are answered. None a user can cause shows a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say(ctx, "interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader (`| head`) has enough; Python must not complain of it at the end either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except Exception as error:
            text = in_words(error)
            if text is None:
                raise
            say(ctx, text)
            raise typer.Exit(getattr(error, "status", FAILED)) from error


def in_words(error: Exception) -> str | None:
    """What happened, for the user; None for what only a fault of ours explains."""
    if isinstance(error, Unable):
        return str(error)
    if type(error).__module__.startswith("botocore."):
        return f"AWS: {error}"
    if isinstance(error, OSError):
        what = error.strerror or str(error)
        return f"{error.filename}: {what}" if error.filename else what
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.IntegrityError | sqlite3.ProgrammingError
    ):
        return f"the catalog cannot be used: {error}"
    return _of_ours(error)


def _of_ours(error: Exception) -> str | None:
    # Imported here: a command that ends well needs none of these.
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from fototeca.app import LibraryElsewhere, LibraryMissing
    from fototeca.backup import BackupRefused
    from fototeca.bundling.bundles import EmptySelection
    from fototeca.catalog.protocol import BackupElsewhere
    from fototeca.catalog.protocol.accounts import EmailTaken
    from fototeca.catalog.sqlite import SchemaNewer
    from fototeca.identity import EmailInvalid, PasswordUnfit
    from fototeca.identity.attempts import TooManyAttempts
    from fototeca.imports import ImportRefused
    from fototeca.labelling.dataset import DatasetInvalid
    from fototeca.labelling.protocol import LabellerUnavailable, ModelError
    from fototeca.moving import MoveRefused
    from fototeca.notify.protocol import TargetInvalid, Undelivered
    from fototeca.notify.telling import TooManyTargets

    if isinstance(error, ValidationError):
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        return f"FOTOTECA_{name}: {first['msg']}"
    if isinstance(error, SettingsError):
        # It names the field in its text alone; what is read before it is checked is JSON.
        field = str(error).split('"')[1]
        return f'FOTOTECA_{field.upper()}: Input should be JSON, as ["one", "two"]'
    if isinstance(error, EmailTaken):
        return f"there is an account with this address already: {error}"
    if isinstance(error, SchemaNewer):
        return f"{error}: use the Fototeca that made it, or a newer one"
    named = (
        BackupElsewhere,
        BackupRefused,
        DatasetInvalid,
        EmailInvalid,
        EmptySelection,
        ImportRefused,
        LabellerUnavailable,
        LibraryElsewhere,
        LibraryMissing,
        ModelError,
        MoveRefused,
        PasswordUnfit,
        TargetInvalid,
        TooManyAttempts,
        TooManyTargets,
        Undelivered,
    )
    return str(error) if isinstance(error, named) else None


def say(ctx: typer.Context, text: str) -> None:
    """A line about a problem, on stderr; a JSON object where JSON was asked for."""
    line = " ".join(text.split())
    if ctx.meta.get(JSON):
        typer.echo(json.dumps({"error": line}, ensure_ascii=False), err=True)
    else:
        typer.echo(f"fototeca: {line}", err=True)
