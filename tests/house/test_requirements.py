"""Promises of requirements.lock: exact versions with hashes, no addresses, and in step with pyproject.toml."""

import re
import tomllib

from tests.house.source import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    words = [*project["project"]["dependencies"]]
    groups = [*project["dependency-groups"].values(), *project["project"]["optional-dependencies"].values()]
    words += [word for group in groups for word in group if isinstance(word, str)]
    return words


def test_every_direct_dependency_is_pinned_exactly():
    assert all(re.fullmatch(r"[A-Za-z0-9_.\[\]-]+==[^,\s]+", word) for word in declared()), declared()


def test_the_lock_holds_every_direct_dependency_at_its_pin():
    locked = {normal(name): version for name, version in PIN.findall(LOCK)}
    for word in declared():
        name, version = word.split("==")
        assert locked.get(normal(re.sub(r"\[.*\]", "", name))) == version, word


def test_every_locked_version_has_hashes_and_no_address():
    assert "://" not in LOCK
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    entries = [block for block in blocks if PIN.match(block)]
    assert len(entries) == len(PIN.findall(LOCK)) > 20
    assert all("--hash=sha256:" in block for block in entries)


def test_the_first_command_installs_nothing_that_only_tests_or_training_need():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["uv"]["default-groups"] == []
    heavy = {"torch", "mlx", "pytest", "grpcio-tools"}
    assert not heavy & {normal(word.split("==")[0]) for word in project["project"]["dependencies"]}
