"""What all tests share: nothing of the user's own aios is ever touched."""

import os

import pytest


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch):
    """No test reads the settings of whoever runs it."""
    for name in [name for name in os.environ if name.startswith("AIOS_")]:
        monkeypatch.delenv(name)
