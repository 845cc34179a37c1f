"""What runs every hour, and what requests leave to be done: relabelling, changed settings."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_sns as sns
from constructs import Construct

from deploy.aws.bundles import Bundles
from deploy.aws.catalog import Catalog
from deploy.aws.functions import Functions, may, may_import, may_in, may_tell
from deploy.aws.labelling import Intake
from deploy.aws.options import Options
from deploy.aws.queues import aside, dead_letters
from deploy.aws.reasons import acknowledge
from deploy.aws.storage import INBOX, ORIGINALS, RENDITIONS, Storage

TIMEOUT = Duration.minutes(10)


class Housekeeping(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        functions: Functions,
        intake: Intake,
        storage: Storage,
        catalog: Catalog,
        bundles: Bundles,
        notices: sns.Topic,
        options: Options,
    ) -> None:
        super().__init__(scope, id)
        failed = dead_letters(intake.originals)
        self.function = functions.make(
            self,
            "Function",
            "housekeeping.handler",
            description="Tidies up every hour, and does what takes longer than a request",
            memory=512,
            timeout=TIMEOUT,
            environment={
                "FOTOTECA_STATE_MACHINE": bundles.machine.state_machine_arn,
                "FOTOTECA_ORIGINALS_QUEUE": intake.originals.queue_url,
                "FOTOTECA_ORIGINALS_FAILED_QUEUE": failed.queue_url,
                "FOTOTECA_INBOX_QUEUE": intake.inbox.queue_url,
            },
        )
        self._do_chores()
        arriving = [intake.originals.queue_arn, intake.inbox.queue_arn]
        may(self.function, "sqs:SendMessage", "sqs:GetQueueAttributes", on=arriving)
        may(self.function, "sqs:ReceiveMessage", "sqs:DeleteMessage", on=failed.queue_arn)
        may(self.function, "states:StartExecution", on=bundles.machine.state_machine_arn)
        may(self.function, "states:DescribeExecution", on=bundles.executions)
        assert self.function.role is not None
        acknowledge(self.function.role, **bundles.executions_reason())
        may_tell(self.function, notices)
        catalog.open_to(self.function)
        # No version of them is ever deleted: what was purged can be had back for a month.
        for prefix in (ORIGINALS, RENDITIONS):
            may_in(self.function, storage.photos, prefix, "s3:DeleteObject")
        may_in(self.function, storage.working, "", "s3:DeleteObject", "s3:AbortMultipartUpload")
        may_import(self.function, options.import_buckets)
        if options.import_buckets:
            may_in(self.function, storage.photos, INBOX, "s3:PutObject")
        may(
            self.function,
            "s3:ListBucket",
            on=[storage.photos.bucket_arn, storage.working.bucket_arn],
        )
        events.Rule(
            self,
            "Hourly",
            schedule=events.Schedule.rate(Duration.hours(1)),
            targets=[targets.LambdaFunction(self.function)],
        )

    def _do_chores(self) -> None:
        """Called without waiting for the answer; it calls itself for what is left of a chore.

        What fails three times is put aside, and the alarm on the function's errors tells of it.
        """
        self.function.configure_async_invoke(
            max_event_age=Duration.hours(6),
            retry_attempts=2,
            on_failure=destinations.SqsDestination(aside(self, "ChoresFailed")),
        )
        cfn = self.function.node.default_child
        assert isinstance(cfn, lambda_.CfnFunction)
        # Lambda would take it for a mistake and end it after 16 steps.
        cfn.recursive_loop = "Allow"
        role = self.function.role
        assert role is not None
        # A policy of its own: the function waits for its role's, which cannot name it.
        iam.Policy(
            self,
            "GoOn",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    actions=["lambda:InvokeFunction"], resources=[self.function.function_arn]
                )
            ],
        )
