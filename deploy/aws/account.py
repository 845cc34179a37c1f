"""`python -m deploy.aws.account`: says what account is deployed to, before anything is built.

What AWS answers otherwise than hoped ends this and the commands beside it with one line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
)

NO_CREDENTIALS = (
    "no credentials for AWS: have `aws sts get-caller-identity` answer first"
    " (docs/deploying-aws.md)"
)
NO_REGION = "no region: export AWS_DEFAULT_REGION=us-east-1, or another (docs/deploying-aws.md)"


@contextmanager
def said() -> Iterator[None]:
    """Ends the process for what AWS or the way to it refuses."""
    try:
        yield
    except NoCredentialsError:
        sys.exit(NO_CREDENTIALS)
    except NoRegionError:
        sys.exit(NO_REGION)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS: {error}")


def main() -> None:
    with said():
        region = boto3.session.Session().region_name
        if region is None:
            raise NoRegionError
        account = boto3.client("sts").get_caller_identity()["Account"]
    print(f"Deploying to the account {account} in {region}")


if __name__ == "__main__":
    main()
