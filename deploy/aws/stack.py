"""The whole deployment: every noun has its module, this joins them."""

from __future__ import annotations

from aws_cdk import CfnOutput, Environment, Stack
from aws_cdk import aws_sns as sns
from constructs import Construct

from deploy.aws.api import Api, Gateway
from deploy.aws.bundles import Bundles
from deploy.aws.catalog import Catalog
from deploy.aws.functions import Code, Functions
from deploy.aws.housekeeping import Housekeeping
from deploy.aws.identity import Identity
from deploy.aws.labelling import Intake, Labelling
from deploy.aws.options import Options
from deploy.aws.queues import dead_letters
from deploy.aws.site import Site
from deploy.aws.storage import Storage
from deploy.aws.watching import Watching

LABELLERS = {"onnx": "bundled", "rekognition": "rekognition"}
"""What Fototeca's setting calls them."""


class FototecaStack(Stack):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        options: Options,
        code: Code,
        env: Environment | None = None,
    ) -> None:
        super().__init__(
            scope, id, env=env, description="Fototeca: photos, labelled and handed back by label"
        )
        intake = Intake(self, "Intake")
        storage = Storage(
            self, "Storage", events=intake.events, archive_tiers=options.archive_tiers
        )
        catalog = Catalog(self, "Catalog")
        identity = Identity(self, "Identity", options=options)
        gateway = Gateway(self, "Gateway")
        site = Site(
            self,
            "Site",
            storage=storage,
            gateway=gateway,
            options=options,
        )
        client = identity.add_client(site.address).user_pool_client_id
        notices = sns.Topic(self, "Notices", enforce_ssl=True)
        functions = Functions(
            code,
            {
                "FOTOTECA_TABLE": catalog.table.table_name,
                "FOTOTECA_PHOTOS_BUCKET": storage.photos.bucket_name,
                "FOTOTECA_WORKING_BUCKET": storage.working.bucket_name,
                "FOTOTECA_NOTICES_TOPIC": notices.topic_arn,
                "FOTOTECA_PUBLIC_URL": site.address,
                "FOTOTECA_LABELLER": LABELLERS[options.labeller],
                "FOTOTECA_ARCHIVE_TIERS": str(options.archive_tiers).lower(),
                "FOTOTECA_IMPORT_BUCKETS": self.to_json_string(list(options.import_buckets)),
            },
        )
        labelling = Labelling(
            self,
            "Labelling",
            functions=functions,
            intake=intake,
            storage=storage,
            catalog=catalog,
            options=options,
        )
        bundles = Bundles(
            self,
            "Bundles",
            functions=functions,
            storage=storage,
            catalog=catalog,
            notices=notices,
            options=options,
        )
        housekeeping = Housekeeping(
            self,
            "Housekeeping",
            functions=functions,
            intake=intake,
            storage=storage,
            catalog=catalog,
            bundles=bundles,
            notices=notices,
            options=options,
        )
        Api(
            self,
            "Api",
            to=gateway,
            functions=functions,
            storage=storage,
            catalog=catalog,
            bundles=bundles,
            chores=housekeeping.function,
            notices=notices,
            issuer=identity.issuer,
            client=client,
            environment={
                "FOTOTECA_STATE_MACHINE": bundles.machine.state_machine_arn,
                "FOTOTECA_CHORES_FUNCTION": housekeeping.function.function_name,
                # The gateway ends every answer after 30 seconds.
                "FOTOTECA_LIVE_UPDATES": "false",
                "FOTOTECA_PASSWORD_SIGN_IN": "false",
                "FOTOTECA_OIDC_ISSUER": identity.issuer,
                "FOTOTECA_OIDC_CLIENT_ID": client,
                "FOTOTECA_OIDC_NAME": "Cognito",
                # Whoever may be in the pool is the pool's to say.
                "FOTOTECA_OIDC_SIGN_UP": "true",
                "FOTOTECA_PAM_ORIGINS": self.to_json_string(list(options.pam_origins)),
            },
            options=options,
        )
        watching = Watching(
            self,
            "Watching",
            failed={
                "Originals": dead_letters(intake.originals),
                "Inbox": dead_letters(intake.inbox),
            },
            machine=bundles.machine,
            gateway=gateway,
            catalog=catalog,
            functions=functions.made,
            emptying={"Originals": labelling.label, "Inbox": labelling.inbox},
            alone=[housekeeping.function],
            options=options,
        )
        for name, value in {
            "Address": site.address,
            "PhotosBucket": storage.photos.bucket_name,
            "WorkingBucket": storage.working.bucket_name,
            "SiteBucket": storage.site.bucket_name,
            "Table": catalog.table.table_name,
            "UserPool": identity.pool.user_pool_id,
            "Client": client,
            "SignIn": identity.domain.base_url(),
            "Distribution": site.distribution.distribution_id,
            "GatewayAddress": gateway.api.api_endpoint,
            "StateMachine": bundles.machine.state_machine_arn,
            "NoticesTopic": notices.topic_arn,
            "AlarmsTopic": watching.topic.topic_arn,
        }.items():
            CfnOutput(self, name, value=value)
