"""Where bytes are: photos kept for good, working files for a day, and the page."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from deploy.aws.reasons import acknowledge

ORIGINALS, RENDITIONS, INBOX = "originals/", "renditions/", "inbox/"
REFUSED = "refused/"
"""What came into the inbox and was no photo: for a month, for its owner to look at."""
READ = [s3.HttpMethods.GET, s3.HttpMethods.HEAD]
UNFINISHED = 2
"""Days after which the parts of an upload that nobody completed go."""
REGRET = 30
"""Days that a purged original can still be had back by its version, and what was refused lies."""


class Storage(Construct):
    def __init__(
        self, scope: Construct, id: str, *, events: Mapping[str, sqs.Queue], archive_tiers: bool
    ) -> None:
        """`events`: the queue that learns of new objects, by their prefix."""
        super().__init__(scope, id)
        self.photos = self._photos(archive_tiers)
        self._announce(events)
        self.working = self._bucket(
            "Working",
            lifecycle_rules=[_abort_unfinished(1), s3.LifecycleRule(expiration=Duration.days(1))],
            cors=_open_to_signed(READ),
        )
        self.site = self._bucket("Site", lifecycle_rules=[_abort_unfinished(UNFINISHED)])

    def _photos(self, archive_tiers: bool) -> s3.Bucket:
        tiers = [
            s3.IntelligentTieringConfiguration(
                name="archive",
                prefix=ORIGINALS,
                archive_access_tier_time=Duration.days(90),
                deep_archive_access_tier_time=Duration.days(180),
            )
        ]
        return self._bucket(
            "Photos",
            versioned=True,
            removal_policy=RemovalPolicy.RETAIN,
            intelligent_tiering_configurations=tiers if archive_tiers else None,
            cors=_open_to_signed([*READ, s3.HttpMethods.PUT]),
            lifecycle_rules=[
                _abort_unfinished(UNFINISHED),
                # Fototeca puts originals there itself; this is for what others copied in.
                s3.LifecycleRule(
                    prefix=ORIGINALS,
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INTELLIGENT_TIERING,
                            transition_after=Duration.days(0),
                        )
                    ],
                    noncurrent_version_expiration=Duration.days(REGRET),
                    expired_object_delete_marker=True,
                ),
                *(
                    s3.LifecycleRule(
                        prefix=prefix,
                        noncurrent_version_expiration=Duration.days(1),
                        expired_object_delete_marker=True,
                    )
                    for prefix in (INBOX, RENDITIONS)
                ),
                s3.LifecycleRule(
                    prefix=REFUSED,
                    expiration=Duration.days(REGRET),
                    noncurrent_version_expiration=Duration.days(1),
                ),
            ],
        )

    def _bucket(
        self,
        id: str,
        *,
        lifecycle_rules: list[s3.LifecycleRule],
        versioned: bool = False,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        intelligent_tiering_configurations: list[s3.IntelligentTieringConfiguration] | None = None,
        cors: list[s3.CorsRule] | None = None,
    ) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=lifecycle_rules,
            versioned=versioned,
            removal_policy=removal_policy,
            intelligent_tiering_configurations=intelligent_tiering_configurations,
            cors=cors,
        )
        acknowledge(
            bucket,
            S1="An access log would hold the queries of signed URLs, which are their secret, and"
            " keys of the inbox, which are mail addresses.",
        )
        return bucket

    def _announce(self, events: Mapping[str, sqs.Queue]) -> None:
        """New objects go to queues by the bucket's own resource: no function of CDK's does it.

        S3 tries the queue when the bucket is made, so the queue's policy comes first and cannot
        name the bucket: it names the account.
        """
        stack = Stack.of(self)
        bucket = self.photos.node.default_child
        assert isinstance(bucket, s3.CfnBucket)
        configurations = []
        for prefix, queue in events.items():
            allowed = queue.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[queue.queue_arn],
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account},
                        "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:s3:::*"},
                    },
                )
            )
            assert allowed.policy_dependable is not None
            bucket.node.add_dependency(allowed.policy_dependable)
            configurations.append(
                s3.CfnBucket.QueueConfigurationProperty(
                    event="s3:ObjectCreated:*",
                    queue=queue.queue_arn,
                    filter=s3.CfnBucket.NotificationFilterProperty(
                        s3_key=s3.CfnBucket.S3KeyFilterProperty(
                            rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=prefix)]
                        )
                    ),
                )
            )
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=configurations
        )


def _abort_unfinished(days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(days))


def _open_to_signed(methods: list[s3.HttpMethods]) -> list[s3.CorsRule]:
    """For any origin: a signed URL is its own permission, and no cookie goes with it.

    The page's own origin is known only after the bucket, which its policy names.
    """
    return [
        s3.CorsRule(
            allowed_methods=methods,
            allowed_origins=["*"],
            allowed_headers=["*"],
            exposed_headers=["ETag", "x-amz-checksum-sha256", "Content-Range"],
            max_age=3600,
        )
    ]
