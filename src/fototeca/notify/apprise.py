"""Apprise as the notifier: mail, ntfy, Telegram and dozens more by URL, in a process of its own.

What an owner may give is an instruction to connect somewhere. So Apprise runs in a child that
lives for one message (fototeca.notify.apprise_child): it connects to public addresses only,
starts no program, writes no file, and is ended when it takes too long. Its memory, some 50 MB,
is given back, and whatever it logs or raises, with URLs in it, goes nowhere.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

from fototeca.catalog.protocol.outbox import NotificationTarget
from fototeca.notify.protocol import LONGEST_URL, Accepted, Message, TargetInvalid, Undelivered

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9]{1,31})://")
SECONDS = 30.0
"""For one message. Services answer within a few."""
KEPT = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class AppriseNotifier:
    """Implements Notifier."""

    def __init__(self, *, schemes: frozenset[str], inside: bool) -> None:
        """`inside`: it may connect to addresses of this machine and its network, too."""
        self._schemes = schemes
        self._inside = inside

    def accept(self, _owner: str, url: str, /) -> Accepted:
        if len(url) > LONGEST_URL:
            raise TargetInvalid(f"longer than {LONGEST_URL:,} characters")
        if not url.isprintable():  # Apprise takes what follows for another address.
            raise TargetInvalid("it has characters that cannot be seen")
        given = SCHEME.match(url)
        if given is None:
            raise TargetInvalid("not an Apprise URL: that begins as mailto:// does")
        # The addresses that services show for their web hooks are known to Apprise.
        if given[1].lower() not in self._schemes | {"https"}:
            raise TargetInvalid(f"{given[1].lower()}:// is no service that may be used here")
        try:
            answer = self._ask({"url": url})
        except Undelivered as error:
            raise TargetInvalid("it cannot be understood") from error
        if "invalid" in answer:
            raise TargetInvalid(str(answer["invalid"]))
        return Accepted(url, str(answer["shown"]))

    def confirmed(self, _target: NotificationTarget, /) -> bool:
        return True

    def send(self, target: NotificationTarget, message: Message) -> None:
        answer = self._ask({"url": target.url, "title": message.title, "body": message.body})
        if answer.get("sent") is not True:
            reason = answer.get("invalid") or answer.get("failed") or "the service refused it"
            raise Undelivered(str(reason))

    def withdraw(self, _target: NotificationTarget, /) -> None:
        """Nothing to do: no service was told of it."""

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        request |= {"schemes": sorted(self._schemes), "inside": self._inside}
        try:
            done = subprocess.run(
                # -P: a folder of photos may be the working directory, and have a json.py.
                [sys.executable, "-P", "-B", "-m", "fototeca.notify.apprise_child"],
                # On its input: arguments can be read by everybody on this machine.
                input=json.dumps(request).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                env=_environment(),
                check=False,
            )
            answer = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            # Not chained: the error would show the request.
            raise Undelivered("it did not answer in time") from None
        except ValueError:
            raise Undelivered("sending it ended the program that does") from None
        return answer if isinstance(answer, dict) else {}


def _environment() -> dict[str, str]:
    proxies = (*PROXIES, *(name.lower() for name in PROXIES))
    return {
        **{name: os.environ[name] for name in (*KEPT, *proxies) if name in os.environ},
        # The same modules as here, wherever they came from.
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
