"""Amazon SNS as the notifier: mail to addresses whose owners have confirmed them, and SMS.

One topic has a subscription for each target, with a filter: it gets what is published for that
owner and that address. Needs the extra `aws` (boto3) and AWS credentials.
Source: Amazon SNS API Reference, Subscribe, Publish, GetSubscriptionAttributes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from fototeca.catalog.protocol.outbox import NotificationTarget
from fototeca.notify.protocol import Accepted, Message, TargetInvalid, Undelivered

MAIL = re.compile(r"(?:mailto:(?://)?)?([^\s@:/?]{1,64}@[^\s@:/?]{1,255})")
SMS = re.compile(r"sms:(?://)?(\+[1-9][0-9]{6,14})")
"""E.164."""
SUBJECT = 99
"""Characters that a mail's subject may have, in ASCII."""
GONE = ("NotFound", "InvalidParameter", "NotFoundException", "InvalidParameterException")

FULL = ("FilterPolicyLimitExceeded", "FilterPolicyLimitExceededException")
"""200 filters a topic, until AWS allows more."""


class SnsNotifier:
    """Implements Notifier."""

    def __init__(self, topic: str) -> None:
        """Region, credentials and endpoint are AWS's usual environment."""
        import boto3

        self._topic = topic
        self._client = boto3.client("sns")

    def accept(self, owner: str, url: str) -> Accepted:
        """Subscribes the address; SNS asks whoever has a mail address. Again, it asks again."""
        if found := MAIL.fullmatch(url):
            protocol, shown = "email", found[1]
        elif found := SMS.fullmatch(url):
            protocol, shown = "sms", f"{found[1][:4]}...{found[1][-2:]}"
        else:
            raise TargetInvalid("here it is mailto:NAME@SERVER or sms:+NUMBER")
        kept = f"{protocol}:{found[1]}"
        # The same for the same address: what waits to be confirmed cannot be cancelled, and
        # subscribed again with another filter it is refused.
        wanted = {"owner": [owner], "target": [_known_by(kept)]}
        answer = self._call(
            self._client.subscribe,
            TargetInvalid,
            TopicArn=self._topic,
            Protocol=protocol,
            Endpoint=found[1],
            Attributes={"FilterPolicy": json.dumps(wanted)},
            ReturnSubscriptionArn=True,
        )
        return Accepted(kept, shown, answer["SubscriptionArn"])

    def confirmed(self, target: NotificationTarget) -> bool:
        try:
            return self._is_confirmed(target)
        except Undelivered:
            return False

    def send(self, target: NotificationTarget, message: Message) -> None:
        if not self._is_confirmed(target):
            raise Undelivered("whoever has the address has not confirmed it, or has left")
        told = {"owner": target.owner, "target": _known_by(target.url)}
        self._call(
            self._client.publish,
            Undelivered,
            TopicArn=self._topic,
            Subject=message.title.encode("ascii", "replace").decode()[:SUBJECT],
            Message=message.body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in told.items()
            },
        )

    def withdraw(self, target: NotificationTarget) -> None:
        """What was never confirmed goes by itself, after two days."""
        try:
            self._call(self._client.unsubscribe, Undelivered, SubscriptionArn=target.subscription)
        except Undelivered:
            return

    def _is_confirmed(self, target: NotificationTarget) -> bool:
        """Raises Undelivered when it cannot be told."""
        from botocore.exceptions import ClientError

        def look(**parameters: Any) -> Any:
            try:
                return self._client.get_subscription_attributes(**parameters)["Attributes"]
            except ClientError as error:
                if _code(error) in GONE:
                    return {}
                raise

        attributes = self._call(look, Undelivered, SubscriptionArn=target.subscription)
        return bool(attributes.get("PendingConfirmation") == "false")

    def _call(
        self, operation: Callable[..., Any], failure: type[Exception], **parameters: Any
    ) -> Any:
        """Calls it. Its errors are told by their code: their texts have addresses in them."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return operation(**parameters)
        except ClientError as error:
            if _code(error) in GONE:
                raise failure("the service does not accept this address") from None
            if _code(error) in FULL:
                raise failure("no more addresses fit: SNS tells 200 of them apart") from None
            raise failure(f"the service answers {_code(error)}") from None
        except BotoCoreError as error:
            raise failure(f"the service cannot be reached: {type(error).__name__}") from None


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "an error"))


def _known_by(url: str) -> str:
    """What the filter calls an address: messages are logged and traced by their attributes."""
    return sha256(url.encode()).hexdigest()[:16]
