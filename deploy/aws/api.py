"""The HTTP API: Fototeca's own application in one function, behind a gateway that knows tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from deploy.aws.bundles import Bundles
from deploy.aws.catalog import Catalog
from deploy.aws.functions import Functions, may, may_in, may_list, may_tell
from deploy.aws.options import Options
from deploy.aws.reasons import acknowledge
from deploy.aws.storage import INBOX, ORIGINALS, RENDITIONS, Storage

CHECKED_BY_FOTOTECA = (
    "ANY /api/{proxy+}",
    "GET /health",
    # A browser's question before it sends a token (Fetch, CORS preflight).
    "OPTIONS /pam/v1/{proxy+}",
)
"""Sessions are cookies, and API tokens are Fototeca's own: the gateway knows neither."""
WITH_TOKEN = ("GET /pam/v1/{proxy+}", "POST /pam/v1/{proxy+}", "PUT /pam/v1/{proxy+}")
"""Tokens of the user pool alone, as the reference application takes them."""

# Without queries and addresses of callers: neither is needed, and both tell of people.
LOGGED = {
    name: f"$context.{name}"
    for name in (
        "requestId",
        "requestTime",
        "httpMethod",
        "routeKey",
        "status",
        "responseLatency",
        "responseLength",
        "integrationErrorMessage",
    )
}


class Gateway(Construct):
    """The API without its routes: the distribution needs its address, its function the
    distribution's."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.api = gateway.HttpApi(self, "Api", create_default_stage=False)
        log = logs.LogGroup(
            self,
            "Log",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        stage = gateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            auto_deploy=True,
            detailed_metrics_enabled=False,
            throttle=gateway.ThrottleSettings(rate_limit=200, burst_limit=400),
        )
        cfn = stage.node.default_child
        assert isinstance(cfn, gateway.CfnStage)
        cfn.access_log_settings = gateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn, format=json.dumps(LOGGED)
        )


class Api(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        to: Gateway,
        functions: Functions,
        storage: Storage,
        catalog: Catalog,
        bundles: Bundles,
        chores: lambda_.Function,
        notices: sns.Topic,
        issuer: str,
        client: str,
        environment: Mapping[str, str],
        options: Options,
    ) -> None:
        super().__init__(scope, id)
        self.function = functions.make(
            self,
            "Function",
            "api.handler",
            description="The HTTP API",
            # One whole processor: a long list is walked within the request.
            memory=1769,
            timeout=Duration.seconds(29),
            reserved=options.reserved_concurrency,
            environment=environment,
        )
        photos, working = storage.photos, storage.working
        catalog.open_to(self.function)
        may_in(self.function, photos, ORIGINALS, "s3:GetObject", "s3:PutObject")
        if options.archive_tiers:
            may_in(self.function, photos, ORIGINALS, "s3:RestoreObject")
        may_in(self.function, photos, RENDITIONS, "s3:GetObject")
        may_in(self.function, photos, INBOX, "s3:PutObject")
        # What is there, to say so; housekeeping brings it in.
        may_list(self.function, options.import_buckets)
        # A bundle that is deleted goes with what there is of its archive.
        may_in(
            self.function,
            working,
            "",
            *("s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
        )
        may(self.function, "s3:ListBucket", on=[photos.bucket_arn, working.bucket_arn])
        may(self.function, "lambda:InvokeFunction", on=chores.function_arn)
        may(self.function, "states:StartExecution", on=bundles.machine.state_machine_arn)
        may(self.function, "states:StopExecution", on=bundles.executions)
        assert self.function.role is not None
        acknowledge(self.function.role, **bundles.executions_reason())
        may(self.function, "sns:Subscribe", on=notices.topic_arn)
        may_tell(self.function, notices, "sns:Unsubscribe")
        self._route(to.api, issuer, client)

    def _route(self, api: gateway.HttpApi, issuer: str, client: str) -> None:
        integration = integrations.HttpLambdaIntegration("Integration", self.function)
        authorizer = authorizers.HttpJwtAuthorizer("Token", issuer, jwt_audience=[client])
        for routes, checked in ((WITH_TOKEN, authorizer), (CHECKED_BY_FOTOTECA, None)):
            for route in routes:
                method, path = route.split()
                (made,) = api.add_routes(
                    path=path,
                    methods=[gateway.HttpMethod[method]],
                    integration=integration,
                    authorizer=checked,
                )
                if checked is None:
                    acknowledge(
                        made,
                        APIG4="Fototeca checks each request itself, and a test tries every"
                        " operation without a session or token.",
                    )
