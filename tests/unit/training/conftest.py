"""What tests of training share: one small model, trained once."""

from pathlib import Path

import pytest

from tests.tiny_model import train_tiny


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of one run of a few seconds."""
    return train_tiny(tmp_path_factory.mktemp("trained"), 0)
