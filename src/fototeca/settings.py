"""Settings: from the environment (FOTOTECA_...), with defaults that suit one machine at home."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fototeca.imaging.limits import Limits
from fototeca.notify.schemes import SCHEMES


class Settings(BaseSettings):
    """What can be set. Each is an environment variable in upper case after FOTOTECA_."""

    model_config = SettingsConfigDict(env_prefix="FOTOTECA_", env_ignore_empty=True, frozen=True)

    library: Path = Field(default=Path("~/Fototeca"), description="The folder that holds it all.")
    table: str | None = Field(
        default=None, description="A DynamoDB table that is the catalog instead of SQLite."
    )
    photos_bucket: str | None = Field(
        default=None,
        validate_default=True,
        description="An S3 bucket that keeps the photos instead of the folder.",
    )
    working_bucket: str | None = Field(
        default=None, description="An S3 bucket whose objects go after a day, for bundles."
    )
    archive_tiers: bool = Field(
        default=False, description="Originals may be where they must be restored from first."
    )
    state_machine: str | None = Field(
        default=None, description="ARN of the one that builds bundles: docs/deploying-aws.md."
    )
    chores_function: str | None = Field(
        default=None, description="The Lambda function that does what takes longer than a request."
    )
    live_updates: bool = Field(
        default=True, description="Events are sent as they happen. Else clients ask for them."
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8400, ge=0, le=65535)
    public_url: str | None = Field(
        default=None, description="The address users reach it at, when behind a proxy."
    )

    labeller: str = Field(
        default="bundled", description="bundled, clip:FOLDER or rekognition: docs/labelling.md."
    )
    max_file_bytes: int = Field(default=200 * 1000 * 1000, gt=0)
    max_pixels: int = Field(default=200_000_000, gt=0)
    decode_seconds: float = Field(default=30.0, gt=0)
    decode_memory: int = Field(default=1 << 30, gt=0, description="Bytes.")

    threads: int = Field(
        default_factory=lambda: max(1, min(8, os.cpu_count() or 1)),
        gt=0,
        description="Photos worked on at the same time.",
    )
    inbox_seconds: float = Field(default=2.0, gt=0, description="Between looks into the inbox.")
    bundle_hours: float = Field(default=24.0, gt=0)
    trash_days: float = Field(default=30.0, ge=0)
    session_days: float = Field(default=30.0, gt=0)
    upload_minutes: float = Field(default=60.0, gt=0, description="How long an upload URL works.")
    password_sign_in: bool = Field(
        default=True, description="Accounts may have a password. Else they sign in by OIDC alone."
    )
    oidc_issuer: str | None = Field(
        default=None, description="An OpenID Connect provider to sign in by: its address."
    )
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_name: str = Field(default="single sign-on", description="As the page calls it.")
    oidc_sign_up: bool = Field(
        default=False, description="Make an account for whoever the provider knows."
    )
    import_roots: tuple[Path, ...] = Field(
        default=(), description="Server folders that may be imported over the API."
    )
    notify_inside: bool = Field(
        default=False,
        description="Messages to owners may go to this machine and its network, too.",
    )
    notify_schemes: tuple[str, ...] = Field(
        default=SCHEMES, description="The services that owners may be told by."
    )
    notices_topic: str | None = Field(
        default=None, description="An SNS topic's ARN: owners are told by it, and not by Apprise."
    )
    import_buckets: tuple[str, ...] = Field(
        default=(), description="Buckets, or bucket/prefix, that may be imported over the API."
    )
    pam_origins: tuple[str, ...] = Field(
        default=(), description="Origins whose pages may call /pam/v1/."
    )

    @field_validator("photos_bucket")
    @classmethod
    def _has_photos(cls, bucket: str | None, others: ValidationInfo) -> str | None:
        if bucket is None and others.data.get("table") is not None:
            raise ValueError("a table needs a bucket for the photos")
        return bucket

    @property
    def address(self) -> str:
        """Where users reach the page, as far as is known."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def limits(self) -> Limits:
        return Limits(
            file_bytes=self.max_file_bytes,
            pixels=self.max_pixels,
            decode_seconds=self.decode_seconds,
            decode_memory=self.decode_memory,
        )

    @property
    def bundle_lifetime(self) -> timedelta:
        return timedelta(hours=self.bundle_hours)

    @property
    def trash_lifetime(self) -> timedelta:
        return timedelta(days=self.trash_days)
