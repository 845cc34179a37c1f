"""`fototeca user`, `token`: accounts and their API tokens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fototeca.cli.edge import USAGE, Unable
from fototeca.cli.options import JsonOption, LibraryOption, UserOption, opened, owner_of
from fototeca.cli.output import print_json, print_table

if TYPE_CHECKING:
    from fototeca.app import Library
    from fototeca.catalog.protocol.accounts import Account

user_app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Add and list accounts, set passwords."
)
token_app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Add, list and revoke API tokens."
)

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL")]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@user_app.command("add")
def add_user(
    email: EmailArgument,
    password_stdin: PasswordOption = False,
    library: LibraryOption = None,
    json: JsonOption = False,
) -> None:
    """Add an account. The first one gets the photos that were imported before it."""
    with opened(library, create=True) as opened_library:
        taken = opened_library.catalog.accounts.by_email(email.strip())
        if taken is not None:
            raise Unable(f"there is an account {email} already")
        account = _add(opened_library, email, _password(password_stdin))
    if json:
        print_json({"id": account.id, "email": account.email})
    else:
        typer.echo(f"added {account.email}")


@user_app.command("list")
def list_users(library: LibraryOption = None, json: JsonOption = False) -> None:
    """List the accounts, with what each has."""
    from fototeca.photos import Selection

    with opened(library) as opened_library:
        catalog = opened_library.catalog
        accounts = [
            (account, catalog.photos.totals(account.id, Selection()))
            for account in catalog.accounts.all()
        ]
    if json:
        print_json(
            [
                {
                    "id": account.id,
                    "email": account.email,
                    "created_at": account.created_at.isoformat(),
                    "photos": totals.photos,
                    "bytes": totals.bytes,
                }
                for account, totals in accounts
            ]
        )
    elif accounts:
        print_table(
            [
                (
                    account.email or "(no address yet)",
                    f"{account.created_at:%Y-%m-%d}",
                    f"{totals.photos:,} photos",
                )
                for account, totals in accounts
            ],
            "<<>",
        )


@user_app.command("password")
def set_password(
    email: EmailArgument,
    password_stdin: PasswordOption = False,
    library: LibraryOption = None,
    json: JsonOption = False,
) -> None:
    """Set an account's password, and end its sessions."""
    with opened(library) as opened_library:
        owner = owner_of(opened_library, email)
        account = opened_library.catalog.accounts.get(owner)
        if account is None:
            raise Unable(f"no account {email}")
        opened_library.identity.set_password(account, _password(password_stdin))
    if json:
        print_json({"id": owner, "email": account.email})
    else:
        typer.echo(f"the password of {account.email} is set")


@token_app.command("add")
def add_token(
    name: Annotated[
        str, typer.Option("--name", metavar="TEXT", help="What it is for.")
    ] = "command line",
    read_only: Annotated[
        bool, typer.Option("--read-only", help="It may look and download, and change nothing.")
    ] = False,
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Add an API token and print it, this once."""
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        token, secret = opened_library.identity.add_token(owner, name, read_only)
    if json:
        print_json(
            {"id": token.id, "name": token.name, "read_only": token.read_only, "token": secret}
        )
    else:
        typer.echo(secret)


@token_app.command("list")
def list_tokens(
    library: LibraryOption = None, user: UserOption = None, json: JsonOption = False
) -> None:
    """List an account's tokens, without their secrets."""
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        tokens = opened_library.catalog.accounts.tokens(owner)
    if json:
        print_json(
            [
                {
                    "id": token.id,
                    "name": token.name,
                    "read_only": token.read_only,
                    "created_at": token.created_at.isoformat(),
                    "used_at": token.used_at.isoformat() if token.used_at else None,
                }
                for token in tokens
            ]
        )
    elif tokens:
        print_table(
            [
                (
                    token.id,
                    token.name,
                    "read only" if token.read_only else "",
                    f"used {token.used_at:%Y-%m-%d}" if token.used_at else "not used yet",
                )
                for token in tokens
            ]
        )


@token_app.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="As `token list` shows it.")],
    library: LibraryOption = None,
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """Revoke a token: from now on it opens nothing."""
    with opened(library) as opened_library:
        owner = owner_of(opened_library, user)
        if not opened_library.catalog.accounts.revoke_token(owner, id):
            raise Unable(f"no token {id}")
    if json:
        print_json({"revoked": id})
    else:
        typer.echo(f"revoked {id}")


def _add(library: Library, email: str, password: str) -> Account:
    """A new account; or the library's own one, where nobody has taken it yet."""
    identity, accounts = library.identity, library.catalog.accounts
    token = identity.setup_token()
    if token is None:
        return identity.add_account(email, password)
    identity.sign_out(identity.set_up(token, email, password))
    account = accounts.by_email(email.strip())
    if account is None:
        raise Unable(f"the account {email} was removed meanwhile")
    return account


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Unable("give the password with --password-stdin, or on a terminal", USAGE)
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
