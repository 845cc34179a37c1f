"""Why a rule of cdk-nag does not hold somewhere, written where it does not."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, **reasons: str) -> None:
    """Acknowledge rules of AwsSolutions, `S1="why"`, on a construct and all in it."""
    Validations.of(construct).acknowledge(
        *(
            Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
            for rule, reason in reasons.items()
        )
    )
