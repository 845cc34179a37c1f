"""`python -m deploy.aws.remove`: takes the stack away, and says what was kept and where."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import suppress

import boto3

from deploy.aws.account import said
from deploy.aws.publish import outputs_of

EMPTIED = ("SiteBucket", "WorkingBucket")


def empty(bucket: str) -> int:
    """Delete every object of a bucket; their number."""
    s3 = boto3.client("s3")
    deleted = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            deleted += len(keys)
    return deleted


def remove(stack: str, outputs: Mapping[str, str]) -> None:
    """Raises WaiterError when the stack does not go."""
    cloudformation, s3 = boto3.client("cloudformation"), boto3.client("s3")
    for name in EMPTIED:
        with suppress(s3.exceptions.NoSuchBucket):
            empty(outputs[name])
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)


def remains(outputs: Mapping[str, str]) -> str:
    """What was kept, what it costs and how it goes, for people."""
    region, account = outputs["StateMachine"].split(":")[3:5]
    return f"""\
Kept, since they hold your photos and what is known of them:
  the bucket      {outputs["PhotosBucket"]}   (its storage goes on to be paid; also of
                  older versions, 30 days after a photo was purged or replaced)
  the table       {outputs["Table"]}   (protected from deletion)
  the user pool   {outputs["UserPool"]}   (protected from deletion)
Kept, since other deployments of the CDK in this account and region may use them:
  the stack       CDKToolkit
  its bucket      cdk-hnb659fds-assets-{account}-{region}   (with the functions' code, some 100 MB
                  for each version that was deployed)
docs/deploying-aws.md says how to take the photos home, and how to delete these for good.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.aws.remove", description=__doc__)
    parser.add_argument("--stack", default="Fototeca")
    stack = parser.parse_args().stack
    with said():
        outputs = outputs_of(stack)
        remove(stack, outputs)
    print(remains(outputs), end="")


if __name__ == "__main__":
    main()
