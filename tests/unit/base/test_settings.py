"""Promises of brain/base/settings.py, the settings file being a door for hostile input."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import AiosError, CorruptData, InvalidInput, StorageFailed
from brain.base.settings import CHECKS, DaemonSettings, load


def written(folder, text):
    file = folder / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_no_file_gives_the_defaults_and_says_so(tmp_path):
    loaded = load(tmp_path / "none.toml", {})
    assert loaded.settings == DaemonSettings()
    assert set(loaded.origin.values()) == {"default"}


def test_flag_beats_environment_beats_file(tmp_path):
    file = written(tmp_path, 'version = 1\nthreads = 1\nqueue_length = 2\nmodel = "a"\nmax_deadline_s = 5\n')
    loaded = load(file, {"AIOS_QUEUE_LENGTH": "3", "AIOS_MODEL": "b"}, {"model": "c", "threads": None})
    got = loaded.settings
    assert (got.threads, got.queue_length, got.model, got.max_deadline_s) == (1, 3, "c", 5.0)
    assert loaded.origin["threads"] == str(file)
    assert loaded.origin["queue_length"] == "AIOS_QUEUE_LENGTH"
    assert loaded.origin["model"] == "flag"
    assert loaded.origin["backend"] == "default"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("threds = 1", "threds"),
        ("threads = -1", "threads"),
        ("threads = 1.5", "threads"),
        ("threads = true", "threads"),
        ('threads = "1"', "threads"),
        ('backend = "gpu"', "backend"),
        ("max_deadline_s = nan", "max_deadline_s"),
        ("max_deadline_s = inf", "max_deadline_s"),
        ("version = 2", "version"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_file(tmp_path, text, word):
    file = written(tmp_path, text)
    with pytest.raises(InvalidInput, match=word) as refused:
        load(file, {})
    assert str(file) in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize("text", [b"\xff\xfe", b"threads =", b"a = " + b"[" * 5000, b"x" * (2 << 20)])
def test_a_file_that_is_no_toml_is_corrupt(tmp_path, text):
    with pytest.raises(CorruptData):
        load(written(tmp_path, text), {})


def test_a_folder_in_the_files_place_is_the_systems_error(tmp_path):
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(StorageFailed) as refused:
        load(tmp_path / "config.toml", {})
    assert refused.value.errno


def test_an_environment_word_where_a_number_belongs_is_refused():
    with pytest.raises(InvalidInput, match="AIOS_THREADS"):
        load(Path("/nonexistent/config.toml"), {"AIOS_THREADS": "many"})


def test_every_setting_has_a_check_and_a_meaning():
    assert set(CHECKS) == set(DaemonSettings.__dataclass_fields__)
    assert all(check.meaning for check in CHECKS.values())


@given(st.binary(max_size=200))
def test_no_bytes_can_do_more_than_be_refused(tmp_path_factory, data):
    file = written(tmp_path_factory.mktemp("settings"), data)
    try:
        assert isinstance(load(file, {}).settings, DaemonSettings)
    except AiosError as error:
        assert str(file) in str(error)
