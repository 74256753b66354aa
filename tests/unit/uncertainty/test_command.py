"""Promises of ``python -m brain.uncertainty.fit``, on the shipped model and a little text."""

from __future__ import annotations

from pathlib import Path

import pytest

from brain.uncertainty.calibration import FILE, Calibration
from brain.uncertainty.collect import WAYS
from brain.uncertainty.fit import main, windows

BASE = Path(__file__).resolve().parents[3] / "brain" / "pretrained" / "base"
STORY = "The ship left the harbour in the morning, and nobody on the quay knew when it would come back. "


@pytest.fixture(name="model")
def _model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("weights.arrow", "score.json", "tokenizer.json"):
        (folder / name).symlink_to(BASE / name)
    return folder


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    texts = [f"Chapter {number}. " + STORY * 4 for number in range(6)]
    (folder / "story.val.txt").write_text("\n<|endoftext|>\n".join(texts))
    (folder / "story.txt").write_text("never read\n")
    return folder


def test_the_command_writes_a_calibration_that_the_product_loads(model: Path, data: Path) -> None:
    assert main([str(model), "--data", str(data), "--documents", "6", "--tokens", "44", "--threads", "2"]) == 0
    made = Calibration.load(model)
    assert made is not None
    assert set(made.ways) == set(WAYS)
    assert made.data["files"] == ["story.val.txt"]
    assert made.data["documents"] == 6


def test_without_held_out_text_it_ends_with_the_tables_exit_code(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    assert main([str(model), "--data", str(tmp_path / "data")]) == 2
    assert "hint:" in capsys.readouterr().err
    assert not (model / FILE).exists()


def test_a_missing_model_is_not_found(data: Path, tmp_path: Path) -> None:
    assert main([str(tmp_path / "none"), "--data", str(data)]) == 3


def test_windows_are_one_a_document_spread_over_the_file(data: Path) -> None:
    from brain.base.corpus import scan
    from tests.worlds import ByteVocabulary

    (file,) = scan(data).held_out
    made = list(windows(file, ByteVocabulary().encode, 1, count=3, size=50))
    assert len(made) == 3
    assert all(window[0] == 1 and len(window) == 50 for window in made)
    assert list(windows(file, ByteVocabulary().encode, 1, count=3, size=20)) == []
