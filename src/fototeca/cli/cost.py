"""`fototeca cost`: what is used, and what the same would cost on AWS."""

from __future__ import annotations

import typer

from fototeca.cli.options import JsonOption, LibraryOption, opened
from fototeca.cli.output import print_json, print_table, size_in_words


def cost(library: LibraryOption = None, json: JsonOption = False) -> None:
    """Show what the library takes on disk, and what AWS would ask for it at list prices."""
    from fototeca.cost import list_prices, measure, on_aws

    with opened(library) as opened_library:
        usage = measure(opened_library)
    there = on_aws(usage, list_prices())
    used = {
        "originals": usage.originals,
        "renditions": usage.renditions,
        "catalog": usage.catalog,
    }
    if json:
        print_json(
            {
                "photos": usage.photos,
                "bytes": used,
                "aws": {
                    "region": there.region,
                    "as_of": there.as_of.isoformat(),
                    "currency": "USD",
                    "monthly": there.monthly,
                    "once": there.once,
                },
            }
        )
        return
    print_table([("photos", f"{usage.photos:,}")], "<>")
    print_table([(name, size_in_words(size)) for name, size in used.items()], "<>")
    typer.echo(
        f"\nThe same on AWS, list prices of {there.as_of} in {there.region},"
        " free tiers and taxes left out"
    )
    print_table([(f"a month, {name}", f"${price:,.4f}") for name, price in there.monthly.items()])
    print_table([(f"once, {name}", f"${price:,.4f}") for name, price in there.once.items()])
