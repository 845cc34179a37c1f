"""Bundles: a state machine that plans an archive, builds its parts side by side, and joins them."""

from __future__ import annotations

import json

from aws_cdk import Duration, Fn, RemovalPolicy, Stack, Token
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from deploy.aws.catalog import Catalog
from deploy.aws.functions import Functions, logical_id, may, may_in, may_tell
from deploy.aws.options import Options
from deploy.aws.reasons import acknowledge
from deploy.aws.storage import ORIGINALS, Storage

LOOK_AGAIN = Duration.minutes(10)
"""Between looks whether originals came back from the archive tiers."""
BUSY = ["Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.SdkClientException"]


class Bundles(Construct):
    """The input of an execution is `{"owner", "bundle"}`; its name is the bundle's id."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        functions: Functions,
        storage: Storage,
        catalog: Catalog,
        notices: sns.Topic,
        options: Options,
    ) -> None:
        super().__init__(scope, id)
        working = storage.working
        # A whole processor, as long as a function may run: 100,000 originals are each looked at.
        self.plan = self._function(
            functions, "Plan", "Lays the archive out, begins its upload", 1769, 15
        )
        may_in(
            self.plan,
            working,
            "",
            *("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
        )
        # That each original is there, and whole; without the second, "not there" is "forbidden".
        may_in(self.plan, storage.photos, ORIGINALS, "s3:GetObject")
        may(self.plan, "s3:ListBucket", on=storage.photos.bucket_arn)
        self.part = self._function(
            functions, "Part", "Writes one part of an archive from originals", 1024
        )
        may_in(self.part, working, "", "s3:GetObject", "s3:PutObject")
        may_in(self.part, storage.photos, ORIGINALS, "s3:GetObject")
        self.complete = self._function(
            functions, "Complete", "Joins the parts, verifies the archive, tells the owner", 512
        )
        may_in(
            self.complete,
            working,
            "",
            *("s3:GetObject", "s3:PutObject", "s3:ListMultipartUploadParts"),
            # Of a bundle that was deleted meanwhile.
            *("s3:DeleteObject", "s3:AbortMultipartUpload"),
        )
        self.abort = self._function(
            functions, "Abort", "Ends what failed or was cancelled: upload, files, state", 512
        )
        may_in(self.abort, working, "", "s3:DeleteObject", "s3:AbortMultipartUpload")
        if options.archive_tiers:
            may_in(self.plan, storage.photos, ORIGINALS, "s3:RestoreObject")
        for function in (self.complete, self.abort):
            may_tell(function, notices)
        # Whoever reads there is to be told what is not there, and not that it is forbidden.
        for function in (self.plan, self.part, self.complete):
            may(function, "s3:ListBucket", on=working.bucket_arn)
        for function in (self.plan, self.part, self.complete, self.abort):
            catalog.open_to(function)
        self.machine = self._machine(options)
        acknowledge(
            self.machine,
            **{
                "IAM5[Resource::*]": "X-Ray and the delivery of logs take no resource.",
                **{
                    f"IAM5[Resource::<{logical_id(function)}.Arn>:*]": "Any version of a function."
                    for function in (self.plan, self.part, self.complete, self.abort)
                },
            },
            **self.executions_reason(),
        )
        self._abort_when_stopped()

    @property
    def executions(self) -> str:
        """The ARN of all executions: each is named when it starts."""
        stack = Stack.of(self)
        name = Fn.select(6, Fn.split(":", self.machine.state_machine_arn))
        return f"arn:{stack.partition}:states:{stack.region}:{stack.account}:execution:{name}:*"

    def executions_reason(self) -> dict[str, str]:
        """Why a role may name all executions, as `acknowledge` takes it."""
        name = {"Fn::Select": [6, {"Fn::Split": [":", {"Ref": logical_id(self.machine)}]}]}
        stack = Stack.of(self)
        region = "<AWS::Region>" if Token.is_unresolved(stack.region) else stack.region
        account = "<AWS::AccountId>" if Token.is_unresolved(stack.account) else stack.account
        place = f"arn:<AWS::Partition>:states:{region}:{account}:execution"
        told = json.dumps(name, separators=(",", ":"))
        return {
            f"IAM5[Resource::{place}:{told}{end}]": "Executions are named when they start."
            for end in (":*", "/*:*")
        }

    def _function(
        self, functions: Functions, id: str, description: str, memory: int, minutes: int = 10
    ) -> lambda_.Function:
        return functions.make(
            self,
            id,
            f"bundles.{id.lower()}",
            description=description,
            memory=memory,
            timeout=Duration.minutes(minutes),
        )

    def _machine(self, options: Options) -> sfn.StateMachine:
        machine = sfn.StateMachine(
            self,
            "Machine",
            comment="An archive as a function of its plan: parts in any order, each any number of"
            " times",
            definition_body=sfn.DefinitionBody.from_chainable(self._definition(options)),
            timeout=Duration.hours(24),
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=logs.LogGroup(
                    self,
                    "Log",
                    retention=logs.RetentionDays.THREE_MONTHS,
                    removal_policy=RemovalPolicy.DESTROY,
                ),
                level=sfn.LogLevel.ALL,
                # Inputs name owners.
                include_execution_data=False,
            ),
        )
        return machine

    def _definition(self, options: Options) -> sfn.IChainable:
        failed = self._call("Clean up", self.abort, result_path=sfn.JsonPath.DISCARD).next(
            sfn.Fail(self, "Failed", error="BundleFailed")
        )
        plan = self._call("Plan the archive", self.plan, result_path="$.plan")
        parts = sfn.DistributedMap(
            self,
            "Build the parts",
            map_execution_type=sfn.StateMachineType.STANDARD,
            max_concurrency=options.part_concurrency,
            items_path="$.plan.parts",
            item_selector={
                "owner.$": "$.owner",
                "bundle.$": "$.bundle",
                "part.$": "$$.Map.Item.Value",
            },
            # What S3 lists is what there is; a result of each of 10,000 parts would not fit.
            result_path=sfn.JsonPath.DISCARD,
        )
        parts.item_processor(self._call("Build a part", self.part, result_selector={}))
        complete = self._call("Join the parts", self.complete, result_path=sfn.JsonPath.DISCARD)
        for state in (plan, parts, complete):
            state.add_catch(failed, errors=["States.ALL"], result_path="$.error")
        wait = sfn.Wait(self, "Wait for the archive", time=sfn.WaitTime.duration(LOOK_AGAIN))
        wait.next(plan)
        parts.next(complete)
        return plan.next(
            sfn.Choice(self, "Are the originals here?")
            .when(sfn.Condition.string_equals("$.plan.state", "restoring"), wait)
            .otherwise(parts)
        )

    def _call(
        self,
        id: str,
        function: lambda_.Function,
        *,
        result_path: str | None = None,
        result_selector: dict[str, object] | None = None,
    ) -> tasks.LambdaInvoke:
        call = tasks.LambdaInvoke(
            self,
            id,
            lambda_function=function,
            payload_response_only=True,
            retry_on_service_exceptions=False,
            result_path=result_path,
            result_selector=result_selector,
        )
        call.add_retry(
            errors=BUSY,
            interval=Duration.seconds(2),
            max_attempts=10,
            backoff_rate=2,
            max_delay=Duration.minutes(1),
            jitter_strategy=sfn.JitterType.FULL,
        )
        call.add_retry(
            errors=["States.ALL"], interval=Duration.seconds(2), max_attempts=3, backoff_rate=3
        )
        return call

    def _abort_when_stopped(self) -> None:
        """An execution that was stopped or ran out of time runs no Catch of its own.

        The function gets the event whole: the input is text in it, which EventBridge cannot read.
        """
        events.Rule(
            self,
            "Stopped",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [self.machine.state_machine_arn],
                    "status": ["ABORTED", "TIMED_OUT"],
                },
            ),
            targets=[targets.LambdaFunction(self.abort)],
        )
