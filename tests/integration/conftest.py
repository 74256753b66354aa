"""One paced daemon for all tests that leave it as they found it."""

import pytest

from tests.integration.daemons import daemon


@pytest.fixture(scope="session")
def paced_daemon():
    """A serving daemon with paced generations, shared: no test may stop it or fill its line for long."""
    with daemon(queue_length=2) as made:
        yield made


@pytest.fixture
def client(paced_daemon):
    """A client of the shared daemon."""
    with paced_daemon.client() as made:
        yield made
