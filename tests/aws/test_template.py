"""What the stack promises of itself, read off its template."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

if shutil.which("node") is None:
    pytest.skip("Node.js is not installed, and the CDK runs in it", allow_module_level=True)

from aws_cdk import App, Environment, Stack, Validations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template
from cdk_nag import AwsSolutionsChecks
from constructs import Node

from deploy.aws.app import make, where
from deploy.aws.labelling import TIMEOUT
from deploy.aws.options import Options
from deploy.aws.regions import BUDGETED
from deploy.aws.site import FALLBACK
from fototeca.serverless.label import TRIES
from fototeca.serverless.messages import ENDED
from tests.aws.conftest import Synthesize

pytestmark = pytest.mark.xdist_group("aws-template")

Resources = dict[str, dict[str, Any]]


def of_type(template: dict[str, Any], kind: str) -> Resources:
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def named(template: dict[str, Any], kind: str, part: str) -> dict[str, Any]:
    (found,) = [
        resource for name, resource in of_type(template, kind).items() if name.startswith(part)
    ]
    return found


def rules_of(bucket: dict[str, Any]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    return rules


def statements(template: dict[str, Any], part: str) -> Iterator[dict[str, Any]]:
    for name, policy in of_type(template, "AWS::IAM::Policy").items():
        if name.startswith(part):
            yield from policy["Properties"]["PolicyDocument"]["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class TestChecks:
    def test_nag_would_refuse_a_bucket_that_is_open(self, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path))
        s3.Bucket(Stack(app, "Open"), "Bucket")
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        with pytest.raises(RuntimeError, match="AwsSolutions-S1"):
            app.synth()

    def test_cfn_lint_finds_nothing(self, template_file: Path) -> None:
        # W3005: the CDK names dependencies that a reference makes anyway.
        program = Path(sys.executable).with_name("cfn-lint")
        done = subprocess.run(
            [program, "--ignore-checks", "W3005", "--", template_file],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_no_function_is_of_the_cdk_itself(self, template: dict[str, Any]) -> None:
        functions = of_type(template, "AWS::Lambda::Function")
        assert len(functions) == 8
        for function in functions.values():
            properties = function["Properties"]
            assert properties["Handler"].startswith("fototeca.serverless.")
            assert properties["Runtime"] == "python3.13"
            assert properties["Architectures"] == ["arm64"]
            assert properties["LoggingConfig"]["LogFormat"] == "JSON"
            assert properties["TracingConfig"] == {"Mode": "Active"}

    def test_no_log_holds_queries_or_addresses(self, template: dict[str, Any]) -> None:
        """Of signed URLs the query is the secret; the code of a sign-in is in one, too."""
        for bucket in of_type(template, "AWS::S3::Bucket").values():
            assert "LoggingConfiguration" not in bucket["Properties"]
        (site,) = of_type(template, "AWS::CloudFront::Distribution").values()
        assert "Logging" not in site["Properties"]["DistributionConfig"]
        (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
        logged = stage["Properties"]["AccessLogSettings"]["Format"]
        assert re.findall(r"context\.(\w*(?:path|query|identity|authorizer)\w*)", logged) == []
        (machine,) = of_type(template, "AWS::StepFunctions::StateMachine").values()
        assert machine["Properties"]["LoggingConfiguration"]["IncludeExecutionData"] is False

    def test_every_log_ends(self, template: dict[str, Any]) -> None:
        for group in of_type(template, "AWS::Logs::LogGroup").values():
            assert group["Properties"]["RetentionInDays"] == 90


class TestStorage:
    def test_every_bucket_is_private_encrypted_and_tls_only(self, template: dict[str, Any]) -> None:
        buckets = of_type(template, "AWS::S3::Bucket")
        assert len(buckets) == 3
        policies = {
            policy["Properties"]["Bucket"]["Ref"]: policy["Properties"]["PolicyDocument"]
            for policy in of_type(template, "AWS::S3::BucketPolicy").values()
        }
        for name, bucket in buckets.items():
            properties = bucket["Properties"]
            assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
            (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
            conditions = [
                statement["Condition"]
                for statement in policies[name]["Statement"]
                if statement["Effect"] == "Deny" and statement["Action"] == "s3:*"
            ]
            assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
            assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions
            assert any("AbortIncompleteMultipartUpload" in rule for rule in rules_of(bucket))

    def test_photos_and_what_is_known_of_them_outlive_the_stack(
        self, template: dict[str, Any]
    ) -> None:
        kept = {
            name
            for name, resource in template["Resources"].items()
            if resource.get("DeletionPolicy") == "Retain"
        }
        assert {re.sub("[0-9A-F]{8}$", "", name) for name in kept} == {
            "StoragePhotos",
            "CatalogTable",
            "IdentityPool",
            "IdentityFirstUser",
        }
        for name in kept:
            assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain"
        photos = named(template, "AWS::S3::Bucket", "StoragePhotos")["Properties"]
        assert photos["VersioningConfiguration"] == {"Status": "Enabled"}

    def test_originals_are_tiered_and_purged_ones_can_be_had_back_for_a_month(
        self, template: dict[str, Any]
    ) -> None:
        photos = named(template, "AWS::S3::Bucket", "StoragePhotos")
        (rule,) = [rule for rule in rules_of(photos) if rule.get("Prefix") == "originals/"]
        assert rule["Transitions"] == [
            {"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}
        ]
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
        # Nothing deletes a photo because of its age.
        ending = [rule for rule in rules_of(photos) if "ExpirationInDays" in rule]
        # What was refused, whose versions would be kept for ever, too.
        assert [(rule["Prefix"], rule["ExpirationInDays"]) for rule in ending] == [("refused/", 30)]
        assert ending[0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
        assert "IntelligentTieringConfigurations" not in photos["Properties"]

    def test_working_files_go_after_a_day(self, template: dict[str, Any]) -> None:
        rules = rules_of(named(template, "AWS::S3::Bucket", "StorageWorking"))
        assert [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule] == [1]

    def test_browsers_put_photos_and_read_archives(self, template: dict[str, Any]) -> None:
        for name, methods in (("Photos", {"GET", "HEAD", "PUT"}), ("Working", {"GET", "HEAD"})):
            bucket = named(template, "AWS::S3::Bucket", f"Storage{name}")["Properties"]
            (rule,) = bucket["CorsConfiguration"]["CorsRules"]
            assert set(rule["AllowedMethods"]) == methods

    def test_archive_tiers_are_a_choice(self, chosen: dict[str, Any]) -> None:
        photos = named(chosen, "AWS::S3::Bucket", "StoragePhotos")["Properties"]
        (tiers,) = photos["IntelligentTieringConfigurations"]
        assert tiers["Prefix"] == "originals/"
        assert {(tier["AccessTier"], tier["Days"]) for tier in tiers["Tierings"]} == {
            ("ARCHIVE_ACCESS", 90),
            ("DEEP_ARCHIVE_ACCESS", 180),
        }
        for function in ("BundlesPlan", "ApiFunction"):
            allowed = [
                statement
                for statement in statements(chosen, function)
                if "s3:RestoreObject" in statement["Action"]
            ]
            assert len(allowed) == 1

    def test_the_table_is_paid_by_the_request_and_can_be_had_back(
        self, template: dict[str, Any]
    ) -> None:
        Template.from_json(template).has_resource_properties(
            "AWS::DynamoDB::Table",
            {
                "BillingMode": "PAY_PER_REQUEST",
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "TimeToLiveSpecification": {"Enabled": True},
                "DeletionProtectionEnabled": True,
            },
        )


class TestDeliveries:
    def test_each_prefix_has_its_queue_and_its_function(self, template: dict[str, Any]) -> None:
        photos = named(template, "AWS::S3::Bucket", "StoragePhotos")["Properties"]
        queues = {}
        for each in photos["NotificationConfiguration"]["QueueConfigurations"]:
            assert each["Event"] == "s3:ObjectCreated:*"
            (rule,) = each["Filter"]["S3Key"]["Rules"]
            queues[rule["Value"]] = each["Queue"]["Fn::GetAtt"][0]
        assert set(queues) == {"originals/", "inbox/"}
        mappings = {
            mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]: mapping["Properties"]
            for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values()
        }
        assert set(mappings) == set(queues.values())
        for mapping in mappings.values():
            assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        most = {
            prefix: mappings[queue]["ScalingConfig"]["MaximumConcurrency"]
            for prefix, queue in queues.items()
        }
        # A new account runs ten functions in all: there is room for the API beside them.
        assert most == {"originals/": 4, "inbox/": 2}

    def test_what_fails_is_put_aside_for_long_enough_to_be_seen(
        self, template: dict[str, Any]
    ) -> None:
        queues = of_type(template, "AWS::SQS::Queue")
        main = {n: q["Properties"] for n, q in queues.items() if "RedrivePolicy" in q["Properties"]}
        assert len(main) == 2
        functions = of_type(template, "AWS::Lambda::Function")
        longest = max(
            function["Properties"]["Timeout"]
            for name, function in functions.items()
            if name.startswith("Labelling")
        )
        for queue in main.values():
            assert queue["VisibilityTimeout"] >= 6 * longest
            redrive = queue["RedrivePolicy"]
            assert redrive["maxReceiveCount"] == 10
            (failed,) = redrive["deadLetterTargetArn"]["Fn::GetAtt"][:1]
            assert queues[failed]["Properties"]["MessageRetentionPeriod"] == 14 * 86400
            # Who watches: an alarm on each.
            watched = [
                alarm["Properties"]
                for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
                if failed in json.dumps(alarm)
            ]
            assert [alarm["Threshold"] for alarm in watched] == [1]
            assert watched[0]["AlarmActions"]

    def test_a_chore_that_fails_three_times_is_put_aside(self, template: dict[str, Any]) -> None:
        """Requests leave it to Lambda, which has nobody else to tell."""
        (config,) = of_type(template, "AWS::Lambda::EventInvokeConfig").values()
        function = config["Properties"]["FunctionName"]["Ref"]
        assert function.startswith("HousekeepingFunction")
        assert config["Properties"]["MaximumRetryAttempts"] == 2
        (queue, _) = config["Properties"]["DestinationConfig"]["OnFailure"]["Destination"][
            "Fn::GetAtt"
        ]
        assert queue.startswith("HousekeepingChoresFailed")
        sent_to = [
            resource
            for statement in statements(template, "Housekeeping")
            if "sqs:SendMessage" in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        ]
        assert {"Fn::GetAtt": [queue, "Arn"]} in sent_to
        # An alarm is on the function's errors.
        alarms = of_type(template, "AWS::CloudWatch::Alarm").values()
        errors = [alarm["Properties"] for alarm in alarms if function in json.dumps(alarm)]
        assert "Errors" in {alarm.get("MetricName") for alarm in errors}

    def test_a_function_that_cannot_start_is_told_of_within_half_an_hour(
        self, template: dict[str, Any]
    ) -> None:
        """Long before its messages are put aside; one that a photo ends three times is not."""
        longest = max(
            queue["Properties"].get("VisibilityTimeout", 0)
            for queue in of_type(template, "AWS::SQS::Queue").values()
        )
        for function in ("LabellingLabel", "LabellingInbox"):
            (alarm,) = [
                each["Properties"]
                for each in of_type(template, "AWS::CloudWatch::Alarm").values()
                if each["Properties"].get("MetricName") == "Errors"
                and each["Properties"]["Dimensions"][0]["Value"]["Ref"].startswith(function)
            ]
            assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)
            times, seconds = alarm["DatapointsToAlarm"], alarm["Period"]
            # A single message comes so often while it is looked at.
            assert (times - 1) * longest < alarm["EvaluationPeriods"] * seconds <= 1800
            # What a photo is tried for falls into two periods.
            assert times > 1 + -(-(TRIES - 1) * (TIMEOUT.to_seconds() + ENDED) // seconds)
            assert alarm["AlarmActions"]

    def test_cloudwatch_may_tell_of_alarms(self, template: dict[str, Any]) -> None:
        """With a policy of its own a topic has lost SNS's, which lets the account publish."""
        alarms = of_type(template, "AWS::CloudWatch::Alarm").values()
        ((told,),) = {
            tuple(action["Ref"] for action in alarm["Properties"]["AlarmActions"])
            for alarm in alarms
        }
        (policy,) = [
            each["Properties"]["PolicyDocument"]["Statement"]
            for each in of_type(template, "AWS::SNS::TopicPolicy").values()
            if each["Properties"]["Topics"] == [{"Ref": told}]
        ]
        (allowed,) = [statement for statement in policy if statement["Effect"] == "Allow"]
        assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert (allowed["Action"], allowed["Resource"]) == ("sns:Publish", {"Ref": told})
        account = {"Ref": "AWS::AccountId"}
        assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": account}}

    def test_the_dashboard_is_found_by_the_stack_s_name(self, template: dict[str, Any]) -> None:
        """An account has each name once, whatever the region."""
        (dashboard,) = of_type(template, "AWS::CloudWatch::Dashboard").values()
        name = dashboard["Properties"]["DashboardName"]
        assert name == {"Fn::Join": ["", ["Fototeca-", {"Ref": "AWS::Region"}]]}

    def test_only_s3_of_this_account_may_fill_the_queues(self, template: dict[str, Any]) -> None:
        queues = of_type(template, "AWS::SQS::QueuePolicy")
        allowed = [
            statement
            for policy in queues.values()
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
        ]
        assert len(allowed) == 2
        for statement in allowed:
            assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
            assert statement["Action"] == "sqs:SendMessage"
            assert statement["Condition"]["StringEquals"] == {
                "aws:SourceAccount": {"Ref": "AWS::AccountId"}
            }

    def test_the_bucket_waits_for_the_queues_permission(self, template: dict[str, Any]) -> None:
        photos = named(template, "AWS::S3::Bucket", "StoragePhotos")
        permitted = set(of_type(template, "AWS::SQS::QueuePolicy"))
        filled = {name for name in permitted if "Failed" not in name}
        assert len(filled) == 2
        assert filled <= set(photos["DependsOn"])


class TestLeastPrivilege:
    def test_nothing_is_allowed_on_everything_but_what_takes_no_resource(
        self, template: dict[str, Any]
    ) -> None:
        everything = {
            action
            for policy in of_type(template, "AWS::IAM::Policy").values()
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if "*" in listed(statement["Resource"])
            for action in listed(statement["Action"])
        }
        assert everything == {
            "sns:GetSubscriptionAttributes",
            "sns:Unsubscribe",
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            # Of the state machine: traces and the delivery of its log.
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        }

    def test_no_action_is_a_pattern_and_nothing_scans_or_deletes_versions_but_of_the_inbox(
        self, template: dict[str, Any]
    ) -> None:
        actions = {
            action
            for policy in of_type(template, "AWS::IAM::Policy").values()
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            for action in listed(statement["Action"])
        }
        assert [action for action in actions if "*" in action] == []
        assert not actions & {"dynamodb:Scan", "s3:PutBucketPolicy"}
        (version,) = [
            statement
            for statement in statements(template, "")
            if "s3:DeleteObjectVersion" in listed(statement["Action"])
        ]
        assert version["Resource"]["Fn::Join"][1][-1] == "/inbox/*"
        for role in of_type(template, "AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role["Properties"]

    @pytest.mark.parametrize(
        ("function", "wanted"),
        [
            (
                "LabellingLabel",
                {
                    ("originals/*", "s3:GetObject"),
                    ("originals/*", "s3:DeleteObject"),
                    ("renditions/*", "s3:GetObject"),
                    ("renditions/*", "s3:PutObject"),
                    ("renditions/*", "s3:DeleteObject"),
                },
            ),
            (
                "LabellingInbox",
                {
                    ("inbox/*", "s3:GetObject"),
                    ("inbox/*", "s3:DeleteObjectVersion"),
                    ("originals/*", "s3:GetObject"),
                    ("originals/*", "s3:PutObject"),
                    ("refused/*", "s3:PutObject"),
                },
            ),
            (
                "BundlesPlan",
                {
                    ("*", "s3:GetObject"),
                    ("*", "s3:PutObject"),
                    ("*", "s3:DeleteObject"),
                    ("*", "s3:AbortMultipartUpload"),
                    ("originals/*", "s3:GetObject"),
                },
            ),
            (
                "BundlesPart",
                {
                    ("*", "s3:GetObject"),
                    ("*", "s3:PutObject"),
                    ("originals/*", "s3:GetObject"),
                },
            ),
            (
                "Housekeeping",
                {
                    ("originals/*", "s3:DeleteObject"),
                    ("renditions/*", "s3:DeleteObject"),
                    ("*", "s3:DeleteObject"),
                    ("*", "s3:AbortMultipartUpload"),
                },
            ),
            (
                "BundlesComplete",
                {
                    ("*", "s3:GetObject"),
                    ("*", "s3:PutObject"),
                    ("*", "s3:ListMultipartUploadParts"),
                    ("*", "s3:DeleteObject"),
                    ("*", "s3:AbortMultipartUpload"),
                },
            ),
            ("BundlesAbort", {("*", "s3:DeleteObject"), ("*", "s3:AbortMultipartUpload")}),
            (
                "ApiFunction",
                {
                    ("originals/*", "s3:GetObject"),
                    ("originals/*", "s3:PutObject"),
                    ("renditions/*", "s3:GetObject"),
                    ("inbox/*", "s3:PutObject"),
                    # An archive's URL is signed; deleting a bundle deletes its files.
                    ("*", "s3:GetObject"),
                    ("*", "s3:DeleteObject"),
                    ("*", "s3:AbortMultipartUpload"),
                },
            ),
        ],
    )
    def test_a_function_may_touch_just_the_objects_it_works_on(
        self, template: dict[str, Any], function: str, wanted: set[tuple[str, str]]
    ) -> None:
        found = set()
        for statement in statements(template, function):
            for resource in listed(statement["Resource"]):
                end = resource["Fn::Join"][1][-1] if "Fn::Join" in resource else None
                if isinstance(end, str) and end.startswith("/"):
                    found |= {(end[1:], action) for action in listed(statement["Action"])}
        assert found == wanted

    def test_rekognition_is_allowed_only_where_it_is_chosen(
        self, template: dict[str, Any], chosen: dict[str, Any]
    ) -> None:
        assert "rekognition" not in json.dumps(template)
        (allowed,) = [
            s for s in statements(chosen, "") if "rekognition:DetectLabels" in s["Action"]
        ]
        assert allowed["Effect"] == "Allow"


class TestBundles:
    def test_parts_are_built_side_by_side_and_failure_cleans_up(
        self, template: dict[str, Any]
    ) -> None:
        machine = named(template, "AWS::StepFunctions::StateMachine", "BundlesMachine")
        definition = machine["Properties"]["DefinitionString"]["Fn::Join"][1]
        states = json.loads("".join(p if isinstance(p, str) else "arn" for p in definition))
        parts = states["States"]["Build the parts"]
        assert parts["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
        assert parts["MaxConcurrency"] == 5
        # Ten thousand results do not fit between two states (256 KB).
        assert parts["ResultPath"] is None
        for name in ("Plan the archive", "Build the parts", "Join the parts"):
            (caught,) = states["States"][name]["Catch"]
            assert (caught["ErrorEquals"], caught["Next"]) == (["States.ALL"], "Clean up")
        assert states["States"]["Clean up"]["Next"] == "Failed"
        assert machine["Properties"]["LoggingConfiguration"]["IncludeExecutionData"] is False

    def test_the_plan_of_a_large_bundle_has_a_processor_and_the_longest_time(
        self, template: dict[str, Any]
    ) -> None:
        plan = named(template, "AWS::Lambda::Function", "BundlesPlan")["Properties"]
        assert (plan["MemorySize"], plan["Timeout"]) == (1769, 15 * 60)

    def test_a_stopped_execution_is_cleaned_up_too(self, template: dict[str, Any]) -> None:
        rule = named(template, "AWS::Events::Rule", "BundlesStopped")["Properties"]
        assert rule["EventPattern"]["detail"]["status"] == ["ABORTED", "TIMED_OUT"]
        assert rule["Targets"][0]["Arn"]["Fn::GetAtt"][0].startswith("BundlesAbort")


class TestDoors:
    def test_the_pool_s_tokens_open_the_reference_api_alone(self, template: dict[str, Any]) -> None:
        routes = {
            route["Properties"]["RouteKey"]: route["Properties"]["AuthorizationType"]
            for route in of_type(template, "AWS::ApiGatewayV2::Route").values()
        }
        assert routes == {
            "ANY /api/{proxy+}": "NONE",
            "GET /health": "NONE",
            "OPTIONS /pam/v1/{proxy+}": "NONE",
            "GET /pam/v1/{proxy+}": "JWT",
            "POST /pam/v1/{proxy+}": "JWT",
            "PUT /pam/v1/{proxy+}": "JWT",
        }

    def test_nobody_signs_up_unless_it_is_enabled(
        self, template: dict[str, Any], chosen: dict[str, Any]
    ) -> None:
        for each, only_by_owner, mfa in ((template, True, "OPTIONAL"), (chosen, False, "ON")):
            pool = named(each, "AWS::Cognito::UserPool", "IdentityPool")["Properties"]
            assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is only_by_owner
            assert pool["MfaConfiguration"] == mfa
            assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
            policy = pool["Policies"]["PasswordPolicy"]
            assert policy["MinimumLength"] == 12
            assert all(value for name, value in policy.items() if name.startswith("Require"))

    def test_signing_in_is_by_code_and_comes_back_to_the_page(
        self, template: dict[str, Any]
    ) -> None:
        client = named(template, "AWS::Cognito::UserPoolClient", "IdentityPoolPage")["Properties"]
        assert client["AllowedOAuthFlows"] == ["code"]
        assert client["GenerateSecret"] is False
        (callback,) = client["CallbackURLs"]
        assert callback["Fn::Join"][1][-1] == "/api/session/oidc/callback"

    def test_the_page_s_bucket_is_read_by_the_distribution_alone(
        self, template: dict[str, Any]
    ) -> None:
        Template.from_json(template).has_resource_properties(
            "AWS::CloudFront::Distribution",
            {
                "DistributionConfig": {
                    "DefaultRootObject": "index.html",
                    "HttpVersion": "http2and3",
                    "DefaultCacheBehavior": {"ViewerProtocolPolicy": "redirect-to-https"},
                    "CacheBehaviors": [
                        Match.object_like(
                            {"PathPattern": path, "ViewerProtocolPolicy": "https-only"}
                        )
                        for path in ("/api/*", "/pam/v1/*", "/health")
                    ],
                    # An error page for all would answer the API's 404 with the page.
                    "CustomErrorResponses": Match.absent(),
                }
            },
        )
        Template.from_json(template).resource_count_is("AWS::CloudFront::OriginAccessControl", 1)
        policy = named(template, "AWS::S3::BucketPolicy", "StorageSite")["Properties"]
        allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        readers = [s for s in allowed if "s3:GetObject" in listed(s["Action"])]
        assert [s["Principal"] for s in readers] == [{"Service": "cloudfront.amazonaws.com"}]
        assert "AWS:SourceArn" in json.dumps(readers[0]["Condition"])

    @pytest.mark.parametrize(
        ("asked", "given"),
        [
            ("/index.html", "/index.html"),
            ("/assets/page-1f.js", "/assets/page-1f.js"),
            ("/photos/9f86d0", "/index.html"),
            ("/labels/Dr. Who", "/index.html"),
            ("/", "/index.html"),
        ],
    )
    def test_a_view_of_the_page_is_the_page(self, asked: str, given: str) -> None:
        call = f"handler({{request: {{uri: {json.dumps(asked)}}}}}).uri"
        done = subprocess.run(
            ["node", "-p", f"{FALLBACK}; {call}"], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == given

    def test_a_page_may_load_and_connect_to_nothing_but_its_own(
        self, template: dict[str, Any]
    ) -> None:
        headers = named(template, "AWS::CloudFront::ResponseHeadersPolicy", "SiteHeaders")
        config = headers["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
        joined = config["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Join"][1]
        assert config["ContentSecurityPolicy"]["Override"] is False, "the API has its own"
        policy = "".join(part if isinstance(part, str) else "bucket" for part in joined)
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert directives["default-src"] == directives["frame-ancestors"] == "'none'"
        assert directives["script-src"] == "'self'"
        assert set(directives["connect-src"].split()) == {"'self'", "https://bucket"}
        assert config["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 365 * 86400

    def test_a_domain_of_one_s_own_needs_tls_1_2(self, chosen: dict[str, Any]) -> None:
        (site,) = of_type(chosen, "AWS::CloudFront::Distribution").values()
        config = site["Properties"]["DistributionConfig"]
        assert config["Aliases"] == ["photos.example.com"]
        assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
        client = named(chosen, "AWS::Cognito::UserPoolClient", "IdentityPoolPage")["Properties"]
        assert client["CallbackURLs"] == ["https://photos.example.com/api/session/oidc/callback"]


class TestRegions:
    def test_what_a_region_does_not_have_is_left_out(
        self, template: dict[str, Any], synthesize: Synthesize
    ) -> None:
        place = {"account": "111122223333", "region": "eu-south-2"}
        elsewhere = synthesize(email="dan@example.com", **place)
        for each, whole in ((template, True), (elsewhere, False)):
            assert bool(of_type(each, "AWS::Budgets::Budget")) is whole

    def test_what_is_left_out_is_told(self, tmp_path: Path) -> None:
        code = lambda_.Code.from_inline("pass")
        env = Environment(region="eu-north-1")
        make({"email": "dan@example.com"}, lambda _: code, tmp_path, env).synth()
        told = (tmp_path / "Fototeca.metadata.json").read_text()
        assert "nobody is told what it costs" in told

    def test_every_region_knows_what_the_template_has_for_it(
        self, template: dict[str, Any]
    ) -> None:
        """By AWS's own lists of what CloudFormation knows where, as cfn-lint has them."""
        found = {resource["Type"] for resource in template["Resources"].values()}
        lists = files("cfnlint") / "data" / "schemas" / "providers"
        # Others have no CloudFront, or are out of reach for most.
        apart = ("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-", "sam")
        lacks = {
            path.name.removesuffix(".json"): found - json.loads(path.read_text()).keys()
            for path in lists.iterdir()
            if not path.name.startswith(apart)
        }
        assert len(lacks) > 30
        assert {region for region, types in lacks.items() if not types} == BUDGETED
        assert set().union(*lacks.values()) == {"AWS::Budgets::Budget"}

    def test_the_region_is_the_one_that_aws_is_configured_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("CDK_DEFAULT_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        assert where().region is None
        (tmp_path / "config").write_text("[default]\nregion = eu-south-2\n")
        assert where().region == "eu-south-2"
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        assert where().region == "us-east-1"


class TestOptions:
    def test_what_is_chosen_is_in_the_template(self, chosen: dict[str, Any]) -> None:
        (budget,) = of_type(chosen, "AWS::Budgets::Budget").values()
        assert budget["Properties"]["Budget"]["BudgetLimit"] == {"Amount": 25, "Unit": "USD"}
        assert "ops@example.com" in json.dumps(budget)
        api = named(chosen, "AWS::Lambda::Function", "ApiFunction")["Properties"]
        assert api["ReservedConcurrentExecutions"] == 7
        assert api["MemorySize"] == 1769, "a long list is walked within a request"
        variables = api["Environment"]["Variables"]
        assert variables["FOTOTECA_LABELLER"] == "rekognition"
        assert variables["FOTOTECA_PUBLIC_URL"] == "https://photos.example.com"
        assert variables["FOTOTECA_PASSWORD_SIGN_IN"] == "false"  # Cognito's pages have the form.
        assert json.loads(variables["FOTOTECA_PAM_ORIGINS"]) == ["https://pam.example.com"]
        buckets = ["old-photos", "camera-uploads/2024/"]
        assert json.loads(variables["FOTOTECA_IMPORT_BUCKETS"]) == buckets

    @pytest.mark.parametrize(("function", "reads"), [("Api", False), ("Housekeeping", True)])
    def test_others_buckets_are_read_where_they_were_named_and_never_written(
        self, template: dict[str, Any], chosen: dict[str, Any], function: str, reads: bool
    ) -> None:
        assert "old-photos" not in json.dumps(template)
        allowed = {}
        for statement in statements(chosen, function):
            for resource in listed(statement["Resource"]):
                if "old-photos" in json.dumps(resource) or "camera-" in json.dumps(resource):
                    (name,) = listed(statement["Action"])
                    place = resource["Fn::Join"][1][-1].rpartition(":")[2]
                    allowed[name, place] = statement.get("Condition")
        lists = {
            ("s3:ListBucket", "old-photos"): None,
            ("s3:ListBucket", "camera-uploads"): {"StringLike": {"s3:prefix": "2024/*"}},
        }
        read = {
            ("s3:GetObject", "old-photos/*"): None,
            ("s3:GetObject", "camera-uploads/2024/*"): None,
        }
        # The API looks whether they may be imported, and counts.
        assert allowed == {**lists, **(read if reads else {})}
        # What they encrypted with a key of theirs is decrypted by S3 alone, if the key allows it.
        assert "kms:" not in json.dumps(template)
        keys = [s["Condition"] for s in statements(chosen, function) if "kms:" in json.dumps(s)]
        assert keys == ([{"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}] if reads else [])

    def test_a_budget_of_nothing_is_none(self, synthesize: Synthesize) -> None:
        frugal = synthesize(email="dan@example.com", budget="0")
        assert of_type(frugal, "AWS::Budgets::Budget") == {}

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({}, "EMAIL="),
            ({"email": "dan"}, "EMAIL="),
            ({"email": "d@example.com", "labeller": "magic"}, "onnx or rekognition"),
            ({"email": "d@example.com", "labeller": "rekognition"}, "not in eu-north-1"),
            ({"email": "d@example.com", "domain": "example.com"}, "certificate"),
            (
                {"email": "d@example.com", "domain": "e.com", "certificate": "arn:aws:acm:eu:1:c"},
                "us-east-1",
            ),
            ({"email": "d@example.com", "sign_up": "yes"}, "true or false"),
            ({"email": "dan@"}, "EMAIL="),
            ({"email": "d@example.com", "notify": "nobody"}, "NOTIFY"),
            (
                {"email": "d@example.com", "domain": "https://e.com", "certificate": "arn:c"},
                "DOMAIN is a name",
            ),
            ({"email": "d@example.com", "label_concurrency": "1"}, "from 2 to 1000"),
            ({"email": "d@example.com", "label_concurrency": "1001"}, "from 2 to 1000"),
            ({"email": "d@example.com", "part_concurrency": "0"}, "at least 1"),
            ({"email": "d@example.com", "pam_origins": "photos.example.com"}, "like https://"),
            ({"email": "d@example.com", "pam_origins": "https://e.com/"}, "like https://"),
            ({"email": "d@example.com", "stack": "my_photos"}, "STACK is up to 50"),
            ({"email": "d@example.com", "stack": "Photos" * 9}, "STACK is up to 50"),
            # Cognito refuses it, minutes after the deployment began.
            ({"email": "d@example.com", "stack": "Photos-on-AWS"}, "no 'aws'"),
            ({"email": "d@example.com", "budget": "ten"}, "whole number"),
            ({"email": "d@example.com", "import_buckets": "mine *"}, "bucket/prefix"),
            ({"email": "d@example.com", "import_buckets": "arn:aws:s3:::mine"}, "bucket/prefix"),
        ],
    )
    def test_what_cannot_be_is_said(
        self, synthesize: Synthesize, given: dict[str, str], told: str
    ) -> None:
        node: Node = App(context=given).node
        with pytest.raises(ValueError, match=told):
            Options.of(node, "eu-north-1")
