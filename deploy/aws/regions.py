"""What not every region has. A template for no region in particular has all of it."""

from __future__ import annotations

from collections.abc import Collection

from aws_cdk import Stack, Token

BUDGETED = frozenset(
    [
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "ca-central-1",
        "sa-east-1",
        "eu-central-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "ap-south-1",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-southeast-1",
        "ap-southeast-2",
    ]
)
"""Regions whose CloudFormation knows budgets: a template with one is refused by any other."""


def is_in(stack: Stack, regions: Collection[str]) -> bool:
    return Token.is_unresolved(stack.region) or stack.region in regions
