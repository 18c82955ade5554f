"""Ports that are chosen for a program are still free when it has started."""

import socket
import sys
from pathlib import Path

import pytest

from tools.ports import free_port

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which ports go out")
def test_no_connection_that_goes_out_is_given_one() -> None:
    lowest, highest = map(int, RANGE.read_text().split())
    assert not any(lowest <= free_port() <= highest for _ in range(100))


def test_one_that_is_taken_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = free_port(), free_port()
    choices = iter([first, second])
    monkeypatch.setattr("tools.ports.secrets.choice", lambda _: next(choices))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first))
        assert free_port() == second
