"""Finding models: names, doubles, problems, and opening once."""

import threading

import pytest

from brain.base.errors import CorruptData, NotFound
from brain.engine.models import Model, Shelf, warning_of
from brain.score.spec import TINY


def folder(root, name, description="", weights=b"12345", card=""):
    path = root / name
    path.mkdir(parents=True)
    (path / "score.json").write_text(description or TINY.to_json())
    if weights is not None:
        (path / "weights.arrow").write_bytes(weights)
    if card:
        (path / "CARD.md").write_text(card)
    return path


def loader(calls):
    def load(name, path, warning):
        calls.append(path)
        return Model(name, None, None, None, warning)

    return load


def test_reports_tell_size_scheme_and_what_is_open(tmp_path):
    folder(tmp_path, "base", card="# base\n\n**It is weak**: it babbles. More.\n")
    folder(tmp_path, "other")
    shelf = Shelf((tmp_path,), "base", loader([]))
    shelf.open()
    base, other = shelf.reports()
    assert (base.name, base.loaded, base.is_default) == ("models/base", True, True)
    assert (base.parameters, base.weight_bytes, base.scheme) == (TINY.parameters, 5, TINY.scheme)
    assert base.warning == "It is weak: it babbles."
    assert (other.name, other.loaded, other.is_default, other.problem) == ("models/other", False, False, "")


def test_a_folder_that_is_no_model_says_why(tmp_path):
    folder(tmp_path, "broken", description="{")
    folder(tmp_path, "empty", weights=None)
    (tmp_path / "latin").mkdir()
    (tmp_path / "latin" / "score.json").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "no-model").mkdir()
    reports = {report.name: report.problem for report in Shelf((tmp_path,), "base", loader([])).reports()}
    assert set(reports) == {"models/broken", "models/empty", "models/latin"}
    assert all(reports.values())


def test_folders_whose_names_are_no_ids_are_not_models(tmp_path):
    for name in ("with space", ".hidden", "é"):
        folder(tmp_path, name)
    assert Shelf((tmp_path, tmp_path / "missing"), "base", loader([])).reports() == ()


def test_a_name_is_never_a_path(tmp_path):
    folder(tmp_path, "secret")
    (tmp_path / "shelf").mkdir()
    shelf = Shelf((tmp_path / "shelf",), "base", loader([]))
    for name in ("../secret", str(tmp_path / "secret"), "secret", "."):
        with pytest.raises(NotFound):
            shelf.open(name)


def test_the_users_own_model_wins_over_the_shipped_one(tmp_path):
    folder(tmp_path / "shipped", "base")
    own = folder(tmp_path / "own", "base")
    calls = []
    Shelf((tmp_path / "shipped", tmp_path / "own"), "base", loader(calls)).open("base")
    assert calls == [own]


def test_two_callers_at_once_open_a_model_once(tmp_path):
    folder(tmp_path, "base")
    entered, calls = threading.Event(), []
    go_on = threading.Event()

    def slow(name, path, warning):
        calls.append(path)
        entered.set()
        assert go_on.wait(5)
        return Model(name, None, None, None, warning)

    shelf = Shelf((tmp_path,), "base", slow)
    found = []
    threads = [threading.Thread(target=lambda: found.append(shelf.open())) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert entered.wait(5)
    assert shelf.opened() is None
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert len(calls) == 1
    assert len(found) == 4
    assert all(model is shelf.opened() for model in found)


def test_a_failed_opening_is_tried_again(tmp_path):
    folder(tmp_path, "base")
    attempts = []

    def load(name, path, warning):
        attempts.append(path)
        if len(attempts) == 1:
            raise CorruptData("too short")
        return Model(name, None, None, None, warning)

    shelf = Shelf((tmp_path,), "base", load)
    with pytest.raises(CorruptData):
        shelf.open()
    assert shelf.open().name == "base"


def test_a_card_without_bold_words_warns_of_nothing(tmp_path):
    assert warning_of(folder(tmp_path, "base", card="# base\nplain")) == ""
    assert warning_of(tmp_path) == ""
