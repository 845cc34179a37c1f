"""From an object in the photos bucket to labels in the catalog: queues, and what empties them."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from deploy.aws.catalog import Catalog
from deploy.aws.functions import Functions, may, may_in
from deploy.aws.options import Options
from deploy.aws.queues import feed, queue
from deploy.aws.storage import INBOX, ORIGINALS, REFUSED, RENDITIONS, Storage

TIMEOUT = Duration.minutes(2)
LEAST = 2
"""Functions that SQS calls at the same time, at least."""


class Intake(Construct):
    """A queue for each prefix that photos arrive under, and one beside it for what failed."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.originals = queue(self, "Originals", TIMEOUT)
        self.inbox = queue(self, "Inbox", TIMEOUT)

    @property
    def events(self) -> dict[str, sqs.Queue]:
        return {ORIGINALS: self.originals, INBOX: self.inbox}


class Labelling(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        functions: Functions,
        intake: Intake,
        storage: Storage,
        catalog: Catalog,
        options: Options,
    ) -> None:
        super().__init__(scope, id)
        photos = storage.photos
        self.label = functions.make(
            self,
            "Label",
            "label.handler",
            description="Develops and labels originals as they arrive",
            package="labelling",
            # One whole processor: both the decoder and the model use no more than that.
            memory=1769,
            timeout=TIMEOUT,
        )
        # What is no photo is refused: it goes, and can be had back by its version for a month.
        may_in(self.label, photos, ORIGINALS, "s3:GetObject", "s3:DeleteObject")
        # Labelled again while its original is in an archive tier, a photo is seen by these.
        may_in(self.label, photos, RENDITIONS, "s3:GetObject", "s3:PutObject", "s3:DeleteObject")
        may(self.label, "s3:ListBucket", on=photos.bucket_arn)
        if options.labeller == "rekognition":
            may(self.label, "rekognition:DetectLabels", on="*")

        self.inbox = functions.make(
            self,
            "Inbox",
            "inbox.handler",
            description="Takes in objects of unknown hash: hashes, checks, moves them",
            memory=1769,
            timeout=TIMEOUT,
        )
        # The version that was read, and not one that came in its place.
        may_in(self.inbox, photos, INBOX, "s3:GetObject", "s3:DeleteObjectVersion")
        may_in(self.inbox, photos, ORIGINALS, "s3:GetObject", "s3:PutObject")
        may_in(self.inbox, photos, REFUSED, "s3:PutObject")
        may(self.inbox, "s3:ListBucket", on=photos.bucket_arn)

        for function, arriving, concurrency in (
            (self.label, intake.originals, options.label_concurrency),
            (self.inbox, intake.inbox, max(LEAST, options.label_concurrency // 2)),
        ):
            catalog.open_to(function)
            feed(function, arriving, at_once=10, concurrency=concurrency)
