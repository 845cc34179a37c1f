"""Notes in the catalog's table who was called with what."""

from __future__ import annotations

import os
import uuid

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["FOTOTECA_TABLE"])


def noted(key: str, step: str) -> int:
    """How often this step was called for this key, this time included."""
    TABLE.put_item(Item={"pk": key, "sk": f"{step}#{uuid.uuid4()}"})
    found = TABLE.query(
        KeyConditionExpression="pk = :key AND begins_with(sk, :step)",
        ExpressionAttributeValues={":key": key, ":step": f"{step}#"},
        ConsistentRead=True,
    )
    return int(found["Count"])
