"""The Lambda functions: arm64, a role and a log of their own each, JSON logs, traces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aws_cdk import CfnElement, Duration, RemovalPolicy, Resource, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from deploy.aws.reasons import acknowledge

Code = Callable[[str], lambda_.Code]
"""The code of a package by its name: "core" or "labelling"."""


class Functions:
    """Makes functions alike: what they all have is here, what one may do is said where it is."""

    def __init__(self, code: Code, environment: Mapping[str, str]) -> None:
        self._code = code
        self._environment = dict(environment)
        self._made: list[lambda_.Function] = []

    @property
    def made(self) -> tuple[lambda_.Function, ...]:
        return tuple(self._made)

    def make(
        self,
        scope: Construct,
        id: str,
        handler: str,
        *,
        description: str,
        memory: int,
        timeout: Duration,
        package: str = "core",
        reserved: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> lambda_.Function:
        """A function that may write its log and traces, and nothing else yet. `memory`: MB."""
        log = logs.LogGroup(
            scope,
            f"{id}Log",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(scope, f"{id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        function = lambda_.Function(
            scope,
            id,
            description=description,
            code=self._code(package),
            handler=f"fototeca.serverless.{handler}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            memory_size=memory,
            timeout=timeout,
            role=role,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            reserved_concurrent_executions=reserved,
            environment={**self._environment, **(environment or {})},
        )
        acknowledge(role, **{"IAM5[Resource::*]": "X-Ray's actions take no resource."})
        acknowledge(
            function,
            L1="The newest runtime that every locked dependency has arm64 wheels for.",
        )
        self._made.append(function)
        return function


def may(function: lambda_.Function, *actions: str, on: str | list[str]) -> None:
    """Allow a function these actions on these ARNs."""
    function.add_to_role_policy(
        iam.PolicyStatement(actions=list(actions), resources=[on] if isinstance(on, str) else on)
    )


def may_tell(function: lambda_.Function, notices: sns.Topic, *more: str) -> None:
    """Allow a function to send notices. `more`: actions on a topic's subscriptions."""
    may(function, "sns:Publish", on=notices.topic_arn)
    # A subscription is no resource that IAM knows.
    may(function, "sns:GetSubscriptionAttributes", *more, on="*")


def may_in(function: lambda_.Function, bucket: s3.Bucket, prefix: str, *actions: str) -> None:
    """Allow a function these actions on the objects under a prefix; "" is all of the bucket."""
    may(function, *actions, on=bucket.arn_for_objects(f"{prefix}*"))
    assert function.role is not None
    acknowledge(
        function.role,
        **{
            f"IAM5[Resource::<{logical_id(bucket)}.Arn>/{prefix}*]": "Objects are named by their"
            " owner and their bytes: the prefix is all that is known before."
        },
    )


def may_list(function: lambda_.Function, sources: Sequence[str]) -> None:
    """Allow a function to list each `bucket/prefix`, whoever's bucket it is."""
    for source in sources:
        bucket, _, prefix = source.partition("/")
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[f"arn:{Stack.of(function).partition}:s3:::{bucket}"],
                conditions={"StringLike": {"s3:prefix": f"{prefix}*"}} if prefix else {},
            )
        )


def may_import(function: lambda_.Function, sources: Sequence[str]) -> None:
    """Allow a function to list and read each `bucket/prefix`, whoever's bucket it is."""
    if not sources:
        return
    may_list(function, sources)
    partition, role = Stack.of(function).partition, function.role
    assert role is not None
    for source in sources:
        bucket, _, prefix = source.partition("/")
        objects = f"s3:::{bucket}/{prefix}*"
        may(function, "s3:GetObject", on=f"arn:{partition}:{objects}")
        acknowledge(
            role,
            **{
                f"IAM5[Resource::arn:<AWS::Partition>:{objects}]": "What may be imported is chosen"
                " by its bucket and prefix."
            },
        )
    function.add_to_role_policy(
        iam.PolicyStatement(
            actions=["kms:Decrypt"],
            resources=[f"arn:{partition}:kms:*:*:key/*"],
            # To read what S3 gives anyway; a key of another account must allow it, too.
            conditions={"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}},
        )
    )
    acknowledge(
        role,
        **{
            "IAM5[Resource::arn:<AWS::Partition>:kms:*:*:key/*]": "The key of a bucket that is"
            " imported is known to its owner alone; it serves by way of S3, as its policy allows."
        },
    )


def logical_id(resource: Resource) -> str:
    """The name of a resource in the template."""
    element = resource.node.default_child
    assert isinstance(element, CfnElement)
    return Stack.of(resource).get_logical_id(element)
