"""Queues that functions empty, each with one beside it for what failed."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from deploy.aws.reasons import acknowledge
from fototeca.serverless import RECEIVES


def queue(scope: Construct, id: str, timeout: Duration) -> sqs.Queue:
    """`timeout` is that of the function that empties it."""
    failed = aside(scope, f"{id}Failed")
    return sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
        # Six times the function's: AWS's rule for a queue that a function polls.
        visibility_timeout=Duration.seconds(6 * timeout.to_seconds()),
        dead_letter_queue=sqs.DeadLetterQueue(queue=failed, max_receive_count=RECEIVES),
    )


def aside(scope: Construct, id: str) -> sqs.Queue:
    """For what failed time and again: an alarm watches it, for someone to look."""
    failed = sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
    acknowledge(failed, SQS3="This is the dead-letter queue.")
    return failed


def dead_letters(queue: sqs.Queue) -> sqs.IQueue:
    assert queue.dead_letter_queue is not None
    return queue.dead_letter_queue.queue


def feed(function: lambda_.Function, queue: sqs.Queue, *, at_once: int, concurrency: int) -> None:
    """Have a function called with up to so many messages of a queue."""
    function.add_event_source(
        sources.SqsEventSource(
            queue,
            batch_size=at_once,
            max_batching_window=Duration.seconds(1),
            # One that fails does not have the others done again.
            report_batch_item_failures=True,
            max_concurrency=concurrency,
        )
    )
