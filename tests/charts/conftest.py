"""Fixtures of the chart's tests."""

import socket

import pytest


@pytest.fixture
def unused_tcp_port():
    """A port of loopback on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
