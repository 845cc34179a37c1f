"""What the process that sends messages may do: connect to public addresses, and nothing else."""

from __future__ import annotations

import ipaddress
import subprocess
import sys

import pytest

from fototeca.notify.apprise_child import is_public, shown


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.251", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "fec0::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
        *("2002:7f00:1::", "2002:c0a8:101::1", "2001:db8::1", "2001:0:7f00:1::1"),
        *("::127.0.0.1", "fd00:ec2::254"),
    ],
)
def test_addresses_of_this_machine_and_its_network_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"),
        "2002:101:101::1",
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def guarded(code: str, *, inside: bool = False) -> str:
    """What the code ends in, in a process that is guarded."""
    done = subprocess.run(
        [
            sys.executable,
            "-B",
            "-c",
            "import os, socket, subprocess, sys\n"
            f"sys.path[:] = {sys.path!r}\n"
            "from fototeca.notify.apprise_child import Forbidden, Noted, guard\n"
            "noted = Noted()\n"
            f"guard(noted, inside={inside})\n"
            "try:\n"
            f"    {code}\n"
            "    print('done')\n"
            "except Forbidden as error:\n"
            "    print(error)\n"
            "except OSError as error:\n"
            "    print('tried:', type(error).__name__)\n",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('127.0.0.1', 9), timeout=5)",
        "socket.create_connection(('localhost', 9), timeout=5)",
        "socket.socket().connect(('localhost', 9))",
        "socket.socket().connect_ex(('10.0.0.1', 80))",
        "socket.socket(socket.AF_INET6).connect(('::1', 9))",
        "socket.socket(socket.AF_INET6).connect(('::ffff:127.0.0.1', 9))",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('127.0.0.1', 9))",
        "socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket')",
        "__import__('requests').get('http://169.254.169.254/latest/meta-data/')",
        "__import__('asyncio').run(__import__('asyncio').open_connection('127.0.0.1', 9))",
    ],
)
def test_it_connects_to_nothing_inside(code: str) -> None:
    ended = guarded(code)
    assert ended in ("not a public address", "tried: ConnectionError"), ended


def test_where_the_administrator_allows_it_it_does() -> None:
    ended = guarded("socket.create_connection(('127.0.0.1', 9), timeout=5)", inside=True)
    assert ended == "tried: ConnectionRefusedError"
    unix = guarded("socket.socket(socket.AF_UNIX).connect('/run/x')", inside=True)
    assert unix == "not a public address"


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("subprocess.run(['true'])", "no programs"),
        ("os.system('true')", "no programs"),
        ("os.execv('/bin/true', ['true'])", "no programs"),
        ("os.posix_spawn('/bin/true', ['true'], {})", "no programs"),
        ("os.fork()", "no programs"),
        ("open('/tmp/fototeca-written', 'w')", "no files"),
        ("open('/tmp/fototeca-written', 'ab')", "no files"),
        ("os.open('/tmp/fototeca-written', os.O_RDWR | os.O_CREAT)", "no files"),
        ("open('/etc/hostname').close()", "done"),
    ],
)
def test_it_starts_no_program_and_writes_no_file(code: str, ended: str) -> None:
    assert guarded(code) == ended


@pytest.mark.parametrize(
    ("private", "kept"),
    [
        ("ntfys://mytopic?priority=default", "ntfys://m...c"),
        ("ntfy://dan:****@10.0.0.1:8080/mytopic/?x=y", "ntfy://...:****@10.0.0.1:8080/m...c"),
        ("json://user:****@hooks.example/a/secret1?+token=x", "json://u...r:****@hooks.example/.../s...1"),
        ("tgram://1...w/12345/", "tgram://1...w/1...5"),
        ("mailtos://dan:****@example.com/eve%40example.com/?from=x", "mailtos://dan:****@example.com/eve@example.com"),
        ("ntfys://?priority=default", "ntfys:"),
    ],
)  # fmt: skip
def test_what_is_shown_of_a_url_has_no_secret(private: str, kept: str) -> None:
    assert shown(private) == kept
