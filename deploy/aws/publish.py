"""`python -m deploy.aws.publish`: puts the page where the distribution reads it from.

It also tells what the account is short of.
"""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from deploy.aws.account import said
from deploy.aws.package import SOURCE
from fototeca.web.page import MEDIA_TYPES

WEB = SOURCE / "web"
INDEX = "index.html"
NAMED_BY_CONTENT = "assets/"
"""Where the build puts files whose names change with their contents."""
FEW = 100
"""Functions at the same time, under which photos that come in leave little for the page."""
MORE = """\
This account runs {functions} functions at the same time in all. While photos come in, the page may
have to wait. Ask for more, which costs nothing and takes a day or two:
  aws service-quotas request-service-quota-increase --service-code lambda \\
    --quota-code L-B99A9384 --desired-value 1000"""
FOR_GOOD = "public, max-age=31536000, immutable"


def files(web: Path = WEB) -> Iterator[tuple[str, Path]]:
    """(key, file) of the built page, the index last.

    What the index names is there before it is.
    """
    built = web / "built"
    found = [path for path in sorted(built.rglob("*")) if path.suffix[1:] in MEDIA_TYPES]
    for path in sorted(found, key=lambda path: path == built / INDEX):
        yield path.relative_to(built).as_posix(), path


def publish(outputs: Mapping[str, str]) -> None:
    """Upload the page and have the distribution forget the one before."""
    s3 = boto3.client("s3")
    for key, path in files():
        s3.put_object(
            Bucket=outputs["SiteBucket"],
            Key=key,
            Body=path.read_bytes(),
            ContentType=MEDIA_TYPES[path.suffix[1:]],
            # The distribution keeps all of it until told otherwise.
            CacheControl=FOR_GOOD if key.startswith(NAMED_BY_CONTENT) else "no-cache",
        )
    boto3.client("cloudfront").create_invalidation(
        DistributionId=outputs["Distribution"],
        InvalidationBatch={
            "Paths": {"Quantity": 1, "Items": ["/*"]},
            "CallerReference": str(uuid.uuid4()),
        },
    )


def outputs_of(stack: str) -> dict[str, str]:
    """What the stack tells of itself. Raises ClientError when there is none."""
    (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def short_of() -> str | None:
    """What to ask AWS for; None when the account has enough, or who asks may not know."""
    try:
        limits = boto3.client("lambda").get_account_settings()["AccountLimit"]
    except ClientError:
        return None
    at_once = limits["ConcurrentExecutions"]
    return MORE.format(functions=at_once) if at_once < FEW else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.aws.publish", description=__doc__)
    parser.add_argument("--stack", default="Fototeca")
    stack = parser.parse_args().stack
    with said():
        outputs = outputs_of(stack)
        publish(outputs)
        short = short_of()
    print(f"Fototeca is at {outputs['Address']}")
    print("The first account's temporary password is in its mail.")
    if short:
        print(f"\n{short}")


if __name__ == "__main__":
    main()
