"""A browser without a screen: cookies, redirects and forms over HTTPS, for trying a deployment."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOPS = 12
TIMEOUT = 60.0
"""Seconds; the gateway itself gives up after 30."""

Connect = Callable[[str], http.client.HTTPConnection]


@dataclass(frozen=True, slots=True)
class Answer:
    url: str
    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Form:
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)


class Visitor:
    """Keeps cookies by host. `connect` opens a connection to a host, so that tests choose where."""

    def __init__(
        self,
        connect: Connect = lambda host: http.client.HTTPSConnection(host, timeout=TIMEOUT),
    ) -> None:
        self._connect = connect
        self._cookies: dict[str, dict[str, str]] = {}

    def ask(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        follow: bool = True,
    ) -> Answer:
        """The answer, after redirects. Raises OSError."""
        sent = dict(headers or {})
        for _ in range(HOPS):
            answer = self._ask_once(method, url, body, sent)
            if not follow or answer.status not in REDIRECTS:
                return answer
            url = urljoin(url, answer.headers["location"])
            if answer.status in (301, 302, 303):
                method, body = "GET", None
                sent.pop("content-type", None)
        raise OSError(f"more than {HOPS} redirects, the last to {urlsplit(url).netloc}")

    def send(self, method: str, url: str, document: object) -> Answer:
        """Ask with a JSON document."""
        body = json.dumps(document).encode()
        return self.ask(method, url, body, {"content-type": "application/json"})

    def submit(self, page: Answer, values: Mapping[str, str], *, follow: bool = True) -> Answer:
        """Fill in the page's first form that has all these fields, and send it.

        Raises ValueError when there is none.
        """
        for form in forms(page.body.decode()):
            if set(values) <= set(form.fields):
                body = urlencode({**form.fields, **values}).encode()
                parts = urlsplit(page.url)
                headers = {
                    "content-type": "application/x-www-form-urlencoded",
                    "origin": f"{parts.scheme}://{parts.netloc}",
                    "referer": page.url,
                }
                url = urljoin(page.url, form.action)
                return self.ask("POST", url, body, headers, follow=follow)
        raise ValueError(f"no form with {', '.join(values)} at {urlsplit(page.url).netloc}")

    def _ask_once(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        parts = urlsplit(url)
        kept = self._cookies.setdefault(parts.netloc, {})
        sent = dict(headers)
        if kept:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        path = parts.path or "/"
        connection = self._connect(parts.netloc)
        try:
            connection.request(method, f"{path}?{parts.query}" if parts.query else path, body, sent)
            response = connection.getresponse()
            for line in response.headers.get_all("set-cookie") or ():
                for name, morsel in SimpleCookie(line).items():
                    kept.pop(name, None)
                    if morsel.value and morsel["max-age"] != "0":
                        kept[name] = morsel.value
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(url, response.status, found, response.read())
        finally:
            connection.close()


def forms(page: str) -> list[Form]:
    """The forms of an HTML page with their fields' values."""
    parser = _Forms()
    parser.feed(page)
    return parser.found


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.found.append(Form(given.get("action") or ""))
            self._inside = True
        elif tag == "input" and self._inside and given.get("name"):
            self.found[-1].fields[str(given["name"])] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
