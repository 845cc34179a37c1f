"""`python -m deploy.aws.smoke`: does on a deployment what a person does, from outside."""

from __future__ import annotations

import argparse
import http.client
import io
import secrets
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib import resources
from urllib.parse import urljoin, urlsplit

import boto3

from deploy.aws.account import said
from deploy.aws.publish import outputs_of
from deploy.aws.visitor import Answer, Visitor

PHOTO = "sunset.jpg"
LABELLED_WITHIN = 180.0
BUNDLED_WITHIN = 300.0
TOLD_WITHIN = 60.0
"""Seconds."""


class NotSo(AssertionError):
    """A step went otherwise than it should. The text says how."""


class Smoke:
    """One visit: `steps` in order, each of which may use what the ones before it found."""

    def __init__(
        self, outputs: Mapping[str, str], visitor: Visitor, sign_in: Callable[[str, str], None]
    ) -> None:
        """`sign_in(email, password)` signs the visitor in."""
        self._outputs = outputs
        self._visitor = visitor
        self._sign_in = sign_in
        self._email = f"smoke-{secrets.token_hex(6)}@example.com"
        self._password = f"Aa1!{secrets.token_urlsafe(18)}"
        # Bytes that nobody has: what follows a JPEG's end is no part of the picture.
        self._jpeg = (
            resources.files("fototeca.samples") / PHOTO
        ).read_bytes() + secrets.token_bytes(16)
        self._id = sha256(self._jpeg).hexdigest()
        self._signed = "", ""
        self._headers: dict[str, str] = {}

    @property
    def steps(self) -> dict[str, Callable[[], None]]:
        return {
            "strangers are refused": self.strangers,
            "signing in": self.signing_in,
            "other bytes are refused": self.damaged,
            "the bucket lets the page upload": self.preflight,
            "an upload": self.upload,
            "the same upload again is refused": self.again,
            "the original is tiered": self.tiered,
            "labels": self.labels,
            "a correction": self.correction,
            "a bundle": self.bundle,
            "deleting and restoring": self.deleting,
            "the inbox": self.inbox,
            "signing out": self.signing_out,
        }

    def strangers(self) -> None:
        _expect(self._get("/health").status == 200, "no health")
        for path in ("/api/photos", "/pam/v1/labels"):
            _expect(self._get(path).status == 401, f"{path} is open")

    def signing_in(self) -> None:
        cognito, pool = boto3.client("cognito-idp"), self._outputs["UserPool"]
        attributes = {"email": self._email, "email_verified": "true"}
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=self._email,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )
        cognito.admin_set_user_password(
            UserPoolId=pool, Username=self._email, Password=self._password, Permanent=True
        )
        self._sign_in(self._email, self._password)
        session = self._get("/api/session")
        _expect(session.status == 200, f"not signed in: {session.status}")
        _expect(session.json()["email"] == self._email, "signed in as somebody else")

    def damaged(self) -> None:
        answer = self._put(bytes(len(self._jpeg)))
        _expect(answer.status in (400, 403), f"other bytes were taken: {answer.status}")

    def preflight(self) -> None:
        """What a browser asks S3 before the page's PUT (Fetch, CORS preflight)."""
        asked = {
            "origin": self._outputs["Address"],
            "access-control-request-method": "PUT",
            "access-control-request-headers": ",".join(sorted(self._headers)),
        }
        answer = self._visitor.ask("OPTIONS", self._signed[1], headers=asked)
        _expect(answer.status in (200, 204), f"the page may not upload: {answer.status}")
        allowed = answer.headers.get("access-control-allow-origin")
        _expect(allowed in ("*", asked["origin"]), f"only {allowed} may upload")
        methods = answer.headers.get("access-control-allow-methods", "")
        _expect("PUT" in methods, f"the page may only {methods}")

    def upload(self) -> None:
        answer = self._put(self._jpeg)
        _expect(answer.status in (200, 201), f"the photo was refused: {answer.status}")

    def again(self) -> None:
        answer = self._visitor.ask(*self._signed, self._jpeg, self._headers)
        _expect(answer.status == 412, f"a second upload was taken: {answer.status}")

    def _put(self, data: bytes) -> Answer:
        wanted = [{"name": PHOTO, "size": len(self._jpeg), "sha256": self._id}]
        answer = self._visitor.send("POST", self._url("/api/uploads"), wanted)
        _expect(answer.status == 200, f"no upload: {answer.status}")
        (upload,) = (photo["upload"] for photo in answer.json())
        url = urljoin(self._url("/"), upload["url"])
        self._signed, self._headers = (upload["method"], url), upload["headers"]
        return self._visitor.ask(*self._signed, data, self._headers)

    def tiered(self) -> None:
        s3, bucket = boto3.client("s3"), self._outputs["PhotosBucket"]
        for page in s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix="originals/"
        ):
            for entry in page.get("Contents", []):
                if entry["Key"].endswith(self._id):
                    tier = entry.get("StorageClass")
                    _expect(tier == "INTELLIGENT_TIERING", f"the original is in {tier}")
                    return
        raise NotSo("the original is not in the bucket")

    def labels(self) -> None:
        def labelled() -> bool:
            photo = self._get(f"/api/photos/{self._id}")
            return photo.status == 200 and bool(photo.json()["state"] == "labelled")

        _wait(labelled, LABELLED_WITHIN, "the photo is not labelled")
        counts = {label["name"]: label["count"] for label in self._get("/api/labels").json()}
        _expect("Sunset" in counts, f"no sunset among {sorted(counts)}")
        rendition = self._get(f"/api/photos/{self._id}/renditions/grid")
        _expect(rendition.body[:2] == b"\xff\xd8", "the rendition is no JPEG")

    def correction(self) -> None:
        change = {"add": ["Lighthouse"], "remove": ["Sunset"]}
        url = self._url(f"/api/photos/{self._id}/labels")
        answer = self._visitor.send("PATCH", url, change)
        _expect(answer.status == 200, f"no correction: {answer.status}")
        counts = {label["name"]: label["count"] for label in self._get("/api/labels").json()}
        _expect(counts.get("Lighthouse") == 1, "the added label is not counted")
        _expect("Sunset" not in counts, "the removed label is still counted")

    def bundle(self) -> None:
        answer = self._visitor.send("POST", self._url("/api/bundles"), {"any": ["Lighthouse"]})
        _expect(answer.status == 202, f"no bundle: {answer.status}")
        path = f"/api/bundles/{answer.json()['id']}"

        def ready() -> bool:
            state = self._get(path).json()["state"]
            _expect(state != "failed", "the bundle failed")
            return bool(state == "ready")

        _wait(ready, BUNDLED_WITHIN, "the bundle is not ready")
        archive = self._get(f"{path}/archive").body
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            _expect(opened.testzip() is None, "the archive is damaged")
            hashes = {sha256(opened.read(name)).hexdigest() for name in opened.namelist()}
        _expect(self._id in hashes, "the photo is not in the archive")
        part = self._visitor.ask(
            "GET", self._url(f"{path}/archive"), headers={"range": "bytes=4-9"}
        )
        _expect((part.status, part.body) == (206, archive[4:10]), "no range of the archive")

    def deleting(self) -> None:
        path = f"/api/photos/{self._id}"
        _expect(self._visitor.ask("DELETE", self._url(path)).status == 204, "not deleted")
        _expect(self._get("/api/photos").json()["total"] == 0, "still listed")
        restored = self._visitor.ask("POST", self._url(f"{path}/restore"))
        _expect(restored.status in (200, 204), f"not restored: {restored.status}")
        _expect(self._get("/api/photos").json()["total"] == 1, "not listed again")
        self._visitor.ask("DELETE", self._url(path))

    def inbox(self) -> None:
        """As `aws s3 sync` does: a file by its name alone."""
        data = self._jpeg + b"by the inbox"
        boto3.client("s3").put_object(
            Bucket=self._outputs["PhotosBucket"], Key=f"inbox/{self._email}/inbox.jpg", Body=data
        )
        path = f"/api/photos/{sha256(data).hexdigest()}"

        def labelled() -> bool:
            photo = self._get(path)
            return photo.status == 200 and bool(photo.json()["state"] == "labelled")

        _wait(labelled, LABELLED_WITHIN, "what lay in the inbox is not labelled")
        self._visitor.ask("DELETE", self._url(path))

    def signing_out(self) -> None:
        answer = self._visitor.ask("DELETE", self._url("/api/session"))
        _expect(answer.status in (200, 204), f"not signed out: {answer.status}")
        _expect(self._get("/api/photos").status == 401, "signed out, and still let in")

    def leave(self) -> None:
        """Take the account away."""
        cognito = boto3.client("cognito-idp")
        try:
            cognito.admin_delete_user(UserPoolId=self._outputs["UserPool"], Username=self._email)
        except cognito.exceptions.UserNotFoundException:
            return

    def _url(self, path: str) -> str:
        return f"{self._outputs['Address']}{path}"

    def _get(self, path: str) -> Answer:
        return self._visitor.ask("GET", self._url(path))


def page_and_headers(outputs: Mapping[str, str], visitor: Visitor) -> None:
    """The page as the distribution gives it. Raises NotSo."""
    page = visitor.ask("GET", outputs["Address"])
    _expect(page.status == 200, f"no page: {page.status}")
    _expect(b"<title>" in page.body, "the page is no page")
    _expect("default-src 'none'" in page.headers.get("content-security-policy", ""), "no policy")
    _expect("strict-transport-security" in page.headers, "HTTPS is not asked for")
    view = visitor.ask("GET", f"{outputs['Address']}/a/view")
    _expect(view.body == page.body, "a view of the page is not the page")


def plain_http(outputs: Mapping[str, str], visitor: Visitor) -> None:
    """Without TLS there is only the way to it; `visitor` comes without. Raises NotSo."""
    url = urlsplit(outputs["Address"])._replace(scheme="http").geturl()
    answer = visitor.ask("GET", url, follow=False)
    _expect(answer.status == 301, f"answered without TLS: {answer.status}")
    place = answer.headers.get("location", "")
    _expect(place.startswith("https://"), f"led to {place}")


def alarm(outputs: Mapping[str, str]) -> None:
    """Have an alarm go off, as the first photo put aside would. Raises NotSo."""
    cloudwatch, topic = boto3.client("cloudwatch"), outputs["AlarmsTopic"]
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    names = [alarm["AlarmName"] for alarm in alarms if topic in alarm["AlarmActions"]]
    _expect(bool(names), "no alarm tells the topic")
    before = datetime.now(UTC)
    # CloudWatch looks again within a minute, and takes it back.
    reason = "tried by the smoke test: nothing is wrong"
    cloudwatch.set_alarm_state(AlarmName=names[0], StateValue="ALARM", StateReason=reason)

    def told() -> bool:
        history = cloudwatch.describe_alarm_history(
            AlarmName=names[0], HistoryItemType="Action", StartDate=before
        )
        for item in history["AlarmHistoryItems"]:
            _expect("Successfully" in item["HistorySummary"], item["HistorySummary"])
        return bool(history["AlarmHistoryItems"])

    _wait(told, TOLD_WITHIN, "the alarm has told nobody")


def hosted_sign_in(outputs: Mapping[str, str], visitor: Visitor) -> Callable[[str, str], None]:
    """Signing in at Cognito's pages."""

    def sign_in(email: str, password: str) -> None:
        form = visitor.ask("GET", f"{outputs['Address']}/api/session/oidc")
        visitor.submit(form, {"username": email, "password": password})

    return sign_in


def _expect(so: bool, otherwise: str) -> None:
    if not so:
        raise NotSo(otherwise)


def _wait(done: Callable[[], bool], seconds: float, otherwise: str) -> None:
    give_up = time.monotonic() + seconds
    while not done():
        _expect(time.monotonic() < give_up, f"{otherwise} after {seconds:.0f} s")
        time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.aws.smoke", description=__doc__)
    parser.add_argument("--stack", default="Fototeca")
    stack = parser.parse_args().stack
    with said():
        _try(outputs_of(stack))


def _try(outputs: Mapping[str, str]) -> None:
    visitor = Visitor()
    smoke = Smoke(outputs, visitor, hosted_sign_in(outputs, visitor))
    steps: dict[str, Callable[[], None]] = {
        "page and headers": lambda: page_and_headers(outputs, visitor),
        "HTTP leads to HTTPS": lambda: plain_http(outputs, Visitor(http.client.HTTPConnection)),
        **smoke.steps,
        "an alarm": lambda: alarm(outputs),
    }
    try:
        for name, step in steps.items():
            print(name, end=" ... ", flush=True)
            step()
            print("ok")
    # Also a page without a form, an answer that is no JSON, a connection that breaks.
    except (NotSo, OSError, ValueError) as error:
        sys.exit(f"not so: {error}")
    finally:
        smoke.leave()


if __name__ == "__main__":
    main()
