"""Owners are told where they want to be: at least once, not for ever, no secret in any log."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fototeca.app import Library, open_library
from fototeca.catalog.protocol.outbox import GATHERING, NotificationTarget
from fototeca.identity.attempts import TooManyAttempts
from fototeca.notify.messages import TEST
from fototeca.notify.protocol import TargetInvalid, Undelivered
from fototeca.notify.telling import LEASE, MOST, WAITS, TooManyTargets
from fototeca.photos import Photo, Selection, now
from fototeca.settings import Settings
from tests.receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver

MakeJpeg = Callable[..., bytes]
SECRET = "hunter2-of-the-hook"
SECOND = timedelta(seconds=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        library=tmp_path / "library",
        threads=1,
        public_url="https://photos.example/",
        notify_inside=True,
    )


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver


@pytest.fixture
def photo(library: Library, owner: str, tmp_path: Path, make_jpeg: MakeJpeg) -> Photo:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(1))
    return library.ingest.add_file(owner, tmp_path / "a.jpg").photo


def url_of(web: WebReceiver) -> str:
    return f"ntfy://dan:{SECRET}@127.0.0.1:{web.port}/{SECRET}"


def told(library: Library, owner: str, web: WebReceiver) -> NotificationTarget:
    return library.telling.add(owner, url_of(web))


def state(library: Library, target: NotificationTarget) -> NotificationTarget:
    found = library.catalog.targets.get(target.owner, target.id)
    assert found is not None
    return found


def test_a_ready_bundle_is_told_of_with_a_link_that_opens_nothing_by_itself(
    library: Library, owner: str, web: WebReceiver, photo: Photo
) -> None:
    target = told(library, owner, web)
    bundle = library.bundles.prepare(library.bundles.request(owner, Selection()))
    assert library.telling.send_due() == 1
    (message,) = web.received
    assert message["topic"] == SECRET
    assert message["title"] == "Fototeca: your photos are ready to download"
    assert f"\nhttps://photos.example/bundles/{bundle.id}\n" in message["message"]
    assert f"{bundle.expires_at:%d %B %Y, %H:%M} UTC" in message["message"]
    assert state(library, target).told_at is not None
    assert library.telling.send_due(now() + timedelta(days=1)) == 0
    assert len(web.received) == 1


def test_a_mail_is_one_that_mail_programs_show(
    library: Library, owner: str, mail: MailReceiver, photo: Photo
) -> None:
    url = f"mailto://127.0.0.1:{mail.port}/dan@example.com/?from=fototeca@example.com"
    target = library.telling.add(owner, url)
    assert target.shown == f"mailto://127.0.0.1:{mail.port}/dan@example.com"
    bundle = library.bundles.prepare(library.bundles.request(owner, Selection()))
    library.telling.send_due()
    (arrived,) = mail.mails
    assert [each.upper() for each in mail.recipients] == ["RCPT TO:<DAN@EXAMPLE.COM>"]
    assert arrived["subject"] == "Fototeca: your photos are ready to download"
    assert "fototeca@example.com" in arrived["from"]
    assert f"https://photos.example/bundles/{bundle.id}" in arrived.get_body().get_content()
    mail.refuses = f"550 nobody has {SECRET}"
    with pytest.raises(Undelivered, match="its mail server answered 550"):
        library.telling.test(target)


def test_a_receiver_that_was_down_gets_all_in_one_message_when_it_is_back(
    library: Library, owner: str, web: WebReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    target = told(library, owner, web)
    web.status = 503
    library.catalog.notices.add(owner, "import-finished", "1", "The first.")
    at = now()
    assert library.telling.send_due(at) == 1
    assert state(library, target).failure == "it answered 503 Service Unavailable"
    library.catalog.notices.add(owner, "import-finished", "2", "The second.")
    assert library.telling.send_due(at + WAITS[0] - SECOND) == 0
    assert library.telling.send_due(at + WAITS[0] + SECOND) == 1
    web.status = 200
    assert library.telling.send_due(at + timedelta(hours=1)) == 1
    assert web.tries == 3
    (text,) = web.texts
    assert "The first." in text
    assert "The second." in text
    assert state(library, target).failure is None
    assert "503" in caplog.text
    assert SECRET not in caplog.text


def test_what_never_gets_through_is_given_up_and_says_so(
    library: Library, owner: str, web: WebReceiver
) -> None:
    target = told(library, owner, web)
    web.status = 403
    library.catalog.notices.add(owner, "import-finished", "1", "The first.")
    at = now()
    tried = 0
    for wait in (*WAITS, timedelta(days=1), timedelta(days=1)):
        tried += library.telling.send_due(at)
        at += wait + SECOND
    assert tried == web.tries == len(WAITS) + 1
    assert state(library, target).failure == "it answered 403 Forbidden"
    newest = library.catalog.notices.of(owner)[0]
    assert newest.kind == "target-failed"
    assert "403 Forbidden" in newest.text
    assert SECRET not in newest.text
    web.status = 200
    library.catalog.notices.add(owner, "import-finished", "2", "The second.")
    assert library.telling.send_due(at) == 1
    assert "The first." not in web.texts[0]
    assert state(library, target).failure is None


def test_a_message_that_kills_its_worker_is_not_tried_for_ever(
    library: Library, owner: str, web: WebReceiver
) -> None:
    target = told(library, owner, web)
    library.catalog.notices.add(owner, "import-finished", "1", "The first.")
    at = now()
    for _ in range(len(WAITS) + 1):
        assert library.catalog.outbox.take(at, at + LEASE) is not None  # and dies
        at += LEASE
    library.telling.send_due(at)
    assert web.tries == 0
    assert "ended the worker" in str(state(library, target).failure)
    assert library.telling.send_due(at + timedelta(days=1)) == 0


@pytest.mark.crash
def test_what_was_recorded_is_sent_by_whoever_comes_after_a_kill(
    settings: Settings, web: WebReceiver
) -> None:
    """Killed between the notice and its sending, and once more in the middle of sending it."""
    with open_library(settings) as library:
        owner = library.local_account().id
        told(library, owner, web)
    code = (
        "import os, signal, sys\n"
        "from fototeca.app import open_library\n"
        "from fototeca.notify.telling import Telling\n"
        "from fototeca.settings import Settings\n"
        "library = open_library(Settings())\n"
        "if sys.argv[1] == 'record':\n"
        "    owner = library.local_account().id\n"
        "    library.catalog.notices.add(owner, 'import-finished', '1', 'The first.')\n"
        "else:\n"
        "    library.catalog.outbox.sent = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    library.telling.send_due()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for step in ("record", "send"):
        died = subprocess.run(
            [sys.executable, "-c", code, step],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "FOTOTECA_LIBRARY": str(settings.library),
                "FOTOTECA_NOTIFY_INSIDE": "true",
            },
            check=False,
        )
        assert died.returncode == -signal.SIGKILL
    assert len(web.texts) == 1
    with open_library(settings) as library:
        assert library.telling.send_due() == 0, "somebody may be at it"
        assert library.telling.send_due(now() + LEASE) == 1
        assert library.telling.send_due(now() + 2 * LEASE) == 0
    assert ["The first." in text for text in web.texts] == [True, True]


def test_workers_tell_by_themselves(library: Library, owner: str) -> None:
    with web_receiver() as web:
        told(library, owner, web)
        library.catalog.notices.add(owner, "import-finished", "1", "The first.")
        workers = library.workers()
        workers.start()
        while not web.texts:
            time.sleep(0.05)
        workers.stop()
    assert "The first." in web.texts[0]


def test_failed_photos_are_one_notice_when_nothing_waits(
    library: Library, owner: str, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    whole = make_jpeg(1, size=(400, 300))
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(whole[: len(whole) // 2 + number])
        library.ingest.add_file(owner, tmp_path / f"{number}.jpg")
    library.telling.tell_failures()
    assert library.catalog.notices.of(owner) == []
    workers = library.workers()
    workers.start()
    workers.drain()
    workers.stop()
    for _ in range(2):
        library.telling.tell_failures()
    failures = [each for each in library.catalog.notices.of(owner) if each.kind == "photos-failed"]
    assert [each.text for each in failures] == ["3 photos could not be labelled."]


def test_refused_files_are_told_of_together(
    library: Library, owner: str, settings: Settings, web: WebReceiver
) -> None:
    told(library, owner, web)
    inbox = settings.library / "inbox" / "local"
    inbox.mkdir(parents=True)
    for number in range(30):
        (inbox / f"{number}.txt").write_text("no photo")
    library.inbox.look()
    library.inbox.look()
    assert library.telling.send_due() == 0
    assert library.telling.send_due(now() + GATHERING) == 1
    (text,) = web.texts
    assert text.count("not an image") + text.count(".txt") >= 20
    assert "And 10 more: https://photos.example/" in text


def test_an_import_that_nobody_waits_for_is_told_of(
    settings: Settings, tmp_path: Path, make_jpeg: MakeJpeg, web: WebReceiver
) -> None:
    source = tmp_path / "My secret folder"
    source.mkdir()
    (source / "a.jpg").write_bytes(make_jpeg(1))
    (source / "b.txt").write_text("no photo")
    with open_library(settings.model_copy(update={"import_roots": (source,)})) as library:
        owner = library.local_account().id
        told(library, owner, web)
        library.imports.start(owner, str(source))
        while library.catalog.imports.running():
            time.sleep(0.05)
        library.telling.send_due()
        library.imports.run(owner, [source], lambda _: None)
        assert library.telling.send_due() == 0, "who waits for it sees it"
    (message,) = web.received
    assert message["title"] == "Fototeca: an import has finished"
    assert "1 added, 1 refused" in message["message"]
    assert "secret" not in message["message"]


def test_an_interrupted_import_is_told_of(settings: Settings, web: WebReceiver) -> None:
    with open_library(settings) as library:
        owner = library.local_account().id
        told(library, owner, web)
        library.catalog.imports.start(owner, "/photos", now())
    with open_library(settings) as library:
        library.telling.send_due()
        assert library.catalog.imports.running() == []
    assert "interrupted; import it again" in web.texts[0]


def test_by_default_nothing_inside_is_connected_to(settings: Settings, web: WebReceiver) -> None:
    with open_library(settings.model_copy(update={"notify_inside": False})) as library:
        owner = library.local_account().id
        for host in ("127.0.0.1", "localhost"):
            for url in (
                f"ntfy://{host}:{web.port}/topic",
                f"json://{host}:{web.port}/hook",
                f"mailto://{host}:{web.port}/dan@example.com/?from=a@example.com",
                f"mailto://example.com/dan@example.com/?smtp={host}&from=a@example.com",
            ):
                target = library.telling.add(owner, url)
                # The limit on tests is not what this test is of.
                with pytest.raises(Undelivered, match="FOTOTECA_NOTIFY_INSIDE"):
                    library.notifier().send(target, TEST)
                library.telling.remove(owner, target.id)
    assert web.tries == 0


def test_a_redirect_is_not_followed(library: Library, owner: str, web: WebReceiver) -> None:
    with web_receiver() as elsewhere:
        web.status, web.location = 307, f"http://127.0.0.1:{elsewhere.port}/"
        target = told(library, owner, web)
        with pytest.raises(Undelivered, match="307 Temporary Redirect"):
            library.telling.test(target)
        assert elsewhere.tries == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", "file:// is no service"),
        ("dbus://", "dbus:// is no service"),
        ("syslog://", "syslog:// is no service"),
        ("macosx://", "macosx:// is no service"),
        ("windows://", "windows:// is no service"),
        ("exec://true", "exec:// is no service"),
        ("DBUS://", "dbus:// is no service"),
        ("fcm://project/key?keyfile=/etc/passwd", "fcm:// is no service"),
        ("https://example.com/", "does not understand"),
        ("http://example.com/", "http:// is no service"),
        ("dan@example.com", "begins as mailto://"),
        ("ntfy://", "names no place"),
        ("tgram://x", "does not understand"),
        ("json://" + "x" * 3000, "longer than"),
        ("", "begins as mailto://"),
    ],
)
def test_what_is_no_target_is_refused(library: Library, owner: str, url: str, said: str) -> None:
    with pytest.raises(TargetInvalid, match=said):
        library.telling.add(owner, url)
    assert library.catalog.targets.of(owner) == []


def test_an_owner_has_a_few_targets(library: Library, owner: str, web: WebReceiver) -> None:
    for number in range(MOST):
        library.telling.add(owner, f"{url_of(web)}-{number}")
    with pytest.raises(TooManyTargets):
        library.telling.add(owner, url_of(web))


def test_tests_and_guesses_are_slowed_down(library: Library, owner: str, web: WebReceiver) -> None:
    target = told(library, owner, web)
    with pytest.raises(TooManyAttempts):  # noqa: PT012 - each wait is longer than the one before
        for _ in range(100):
            library.telling.test(target)
    assert 5 <= web.tries < 100
    with pytest.raises(TooManyAttempts):  # noqa: PT012
        for _ in range(100):
            with pytest.raises(TargetInvalid):
                library.telling.add(owner, "no url")


def test_nothing_of_a_url_is_logged_or_raised(
    library: Library,
    owner: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with web_receiver() as web:
        target = told(library, owner, web)
    library.catalog.notices.add(owner, "import-finished", "1", "The first.")
    library.telling.send_due()
    with pytest.raises(Undelivered, match="it cannot be reached") as error:
        library.telling.test(target)
    assert error.value.__cause__ is None
    with pytest.raises(TargetInvalid) as invalid:
        library.telling.add(owner, f"fcm://{SECRET}")
    printed = capfd.readouterr()
    seen = caplog.text + printed.out + printed.err + str(error.value) + str(invalid.value)
    assert "was not told" in seen
    assert SECRET not in seen
    shown = json.dumps([each.shown for each in library.catalog.targets.of(owner)])
    assert SECRET not in shown
    assert "127.0.0.1" in shown
