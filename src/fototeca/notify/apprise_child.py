"""The child of AppriseNotifier: one request in JSON on its input, one answer on its output.

`{"url", "schemes", "inside"}` asks whether a URL can be used, and how to show it; with `title`
and `body`, sends them. Reasons are words of ours: Apprise's own have URLs in them.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import resource
import smtplib
import socket
import sys
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

MAILS = frozenset({"mailto", "mailtos"})
INSIDE = (
    "its address is on this machine or in its network: the administrator can allow that"
    " (FOTOTECA_NOTIFY_INSIDE)"
)
CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
STARTS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"}
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Forbidden(OSError):
    """Something that sending a message has no need to do."""


class Noted:
    """Why sending failed, as far as was seen: the last thing that went wrong, in our words."""

    def __init__(self) -> None:
        self.reason = "the service refused it"
        self._settled = False

    def note(self, reason: str, *, settled: bool = False) -> None:
        """What is settled stays, whatever goes wrong because of it."""
        if not self._settled:
            self.reason, self._settled = reason, settled


def main() -> None:
    # Whatever the libraries print is not our answer, and goes where nobody reads it.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    request = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)
    try:
        answer = answer_to(request)
    except Exception as error:
        answer = {"failed": f"unexpected: {type(error).__name__}"}
    out.write(json.dumps(answer).encode())
    out.close()


def answer_to(request: dict[str, Any]) -> dict[str, Any]:
    import apprise

    asset = apprise.AppriseAsset(
        app_id="Fototeca",
        app_desc="Fototeca",
        app_url="",
        # Pictures of another site would tell it who is told something.
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        async_mode=False,
        storage_mode="memory",
        allow_templates=False,
    )
    noted = Noted()
    guard(noted, inside=request["inside"])
    service: Any = apprise.Apprise.instantiate(str(request["url"]), asset=asset)
    if service is None:
        return {"invalid": "the service does not understand the rest of it"}
    scheme = service.url().partition("://")[0].lower()
    if scheme not in request["schemes"]:
        return {"invalid": f"{scheme}:// is no service that may be used here"}
    if "body" not in request:
        private = shown(service.url(privacy=True))
        return {"shown": private} if "://" in private else {"invalid": "it names no place"}
    sender = apprise.Apprise(asset=asset)
    sender.add(service)
    if sender.notify(title=request["title"], body=request["body"], body_format="text"):
        return {"sent": True}
    return {"failed": noted.reason}


def guard(noted: Noted, *, inside: bool) -> None:
    """From now on this process connects to public addresses alone, and changes nothing here.

    Looked at is the address that is connected to: names may mean another one the next time, and
    a redirect or an option of the URL may lead anywhere.
    """
    _observe(noted)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CONNECTS:
            address = arguments[-1]
            if address is None:  # a message on a connected socket
                return
            if not _allowed(address, inside):
                noted.note(INSIDE, settled=True)
                raise Forbidden("not a public address")
        elif event in STARTS:
            raise Forbidden("no programs")
        elif event == "open" and arguments[0] != os.devnull:
            flags = arguments[2]
            if isinstance(flags, int) and flags & WRITES and not isinstance(arguments[0], int):
                raise Forbidden("no files")

    sys.addaudithook(audit)


def _allowed(address: Any, inside: bool) -> bool:
    if not isinstance(address, tuple) or not address:
        return False  # a socket in the file system
    try:
        found = ipaddress.ip_address(str(address[0]).partition("%")[0])
    except ValueError:
        return False  # a name: what it means is looked up before connecting
    return inside or is_public(found)


NAT64 = ipaddress.ip_network("64:ff9b::/96")
UNICAST = ipaddress.ip_network("2000::/3")
"""All of the Internet's own IPv6 addresses (RFC 4291)."""


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is anybody's on the Internet, also by what an IPv6 address has inside."""
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if within is None and address in NAT64:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if within is not None:
            return is_public(within)
        if address.teredo is not None or address not in UNICAST:
            return False
    return address.is_global and not address.is_multicast


def _observe(noted: Noted) -> None:
    """Note what goes wrong where it does: services only tell that something did."""
    import requests

    look_up, connect = socket.getaddrinfo, socket.create_connection
    send, reply = requests.Session.send, smtplib.SMTP.getreply

    def looked_up(*arguments: Any, **options: Any) -> Any:
        try:
            return look_up(*arguments, **options)
        except OSError:
            noted.note("the name of its server is not known")
            raise

    def connected(*arguments: Any, **options: Any) -> Any:
        try:
            return connect(*arguments, **options)
        except socket.gaierror:
            raise
        except TimeoutError:
            noted.note("it did not answer in time")
            raise
        except OSError:
            noted.note("it cannot be reached")
            raise

    def sent(*arguments: Any, **options: Any) -> Any:
        try:
            response = send(*arguments, **options)
        except requests.exceptions.SSLError:
            noted.note("its certificate is not valid")
            raise
        except requests.exceptions.Timeout:
            noted.note("it did not answer in time")
            raise
        except requests.exceptions.ConnectionError:
            if noted.reason != "the name of its server is not known":
                noted.note("it cannot be reached")
            raise
        if response.status_code >= 300:
            noted.note(f"it answered {_status(response.status_code)}")
        return response

    def replied(self: smtplib.SMTP) -> tuple[int, bytes]:
        try:
            code, text = reply(self)
        except OSError:
            noted.note("its mail server broke off")
            raise
        if code >= 400:
            noted.note(f"its mail server answered {code}")
        return code, text

    socket.getaddrinfo = looked_up
    socket.create_connection = connected
    requests.Session.send = sent  # type: ignore[method-assign]
    smtplib.SMTP.getreply = replied  # type: ignore[method-assign]


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def shown(private: str) -> str:
    """Apprise's own private form of a URL, with even less in it.

    Left are the service, a server's name and, of mail, addresses: topics, paths and options can
    be all that somebody needs to read or write there.
    """
    scheme, _, rest = private.partition("://")
    place, *path = (unquote(part) for part in rest.partition("?")[0].split("/"))
    user, at, host = place.rpartition("@")
    mail = scheme in MAILS
    if at and not mail:
        user = ":".join(_masked(part) for part in user.split(":"))
    if "." not in host and ":" not in host and host != "localhost":
        host = _masked(host)
    return "/".join(
        [f"{scheme}://{user}{at}{host}", *(part if mail else _masked(part) for part in path)]
    ).rstrip("/")


def _masked(text: str) -> str:
    if not text or "..." in text or set(text) == {"*"}:
        return text
    return f"{text[0]}...{text[-1]}" if len(text) > 3 else "..."


if __name__ == "__main__":
    main()
