"""`python -m deploy.aws.app -c email=dan@example.com`: writes the templates, without an account."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree

import boto3
from aws_cdk import App, Environment, Validations
from aws_cdk import aws_lambda as lambda_
from botocore.exceptions import BotoCoreError
from cdk_nag import AwsSolutionsChecks

from deploy.aws.functions import Code
from deploy.aws.options import Options
from deploy.aws.package import BUILD, CORE, LABELLING, LAMBDA, Target, build
from deploy.aws.stack import FototecaStack

CONTEXT = Path(__file__).with_name("cdk.json")
PACKAGES = {package.name: package for package in (CORE, LABELLING)}
ASSEMBLY = BUILD / "assembly"


def make(
    context: Mapping[str, object],
    code: Code,
    outdir: Path | None = None,
    env: Environment | None = None,
) -> App:
    """The app with its checks; for any account and region unless `env` says which.

    Raises ValueError for options that cannot be.
    """
    flags = json.loads(CONTEXT.read_text())["context"]
    app = App(context={**flags, **context}, outdir=str(outdir) if outdir else None)
    options = Options.of(app.node, env.region if env else None)
    FototecaStack(app, options.stack, options=options, code=code, env=env)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def where() -> Environment:
    """Where it will be deployed, as far as the environment or AWS's configuration says.

    The CDK would choose the same; but what goes into the template depends on the region.
    """
    return Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"),
        region=os.environ.get("CDK_DEFAULT_REGION") or boto3.session.Session().region_name,
    )


def packaged(target: Target = LAMBDA) -> Code:
    """Each package, made once."""
    made: dict[str, lambda_.Code] = {}

    def code(name: str) -> lambda_.Code:
        if name not in made:
            made[name] = lambda_.Code.from_asset(str(build(PACKAGES[name], target=target)))
        return made[name]

    return code


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.aws.app", description=__doc__)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args().context
    pairs = (item.partition("=") for item in given)
    context = {name.lower(): value for name, _, value in pairs}
    # The CDK's own command says where.
    outdir = None if "CDK_OUTDIR" in os.environ else ASSEMBLY
    if outdir is not None:
        # Copies of earlier packages would stay.
        rmtree(outdir, ignore_errors=True)
    try:
        app = make(context, packaged(), outdir, where())
    except (ValueError, BotoCoreError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
