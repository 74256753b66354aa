"""Promises of a whole run: it learns, it goes on after a stop as if there had been none, it refuses bad text early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from brain.base.clock import HandClock
from brain.base.errors import (
    Cancelled,
    Conflict,
    CorruptData,
    InternalError,
    InvalidInput,
    NotFound,
    StorageFailed,
    Unsupported,
)
from brain.training import checkpoint, export
from brain.training.loop import Surroundings
from brain.training.plan import Plan
from brain.training.train import device_of, resume, start
from tests.tiny_model import MITE, little_data, little_text, quiet


def plan_of(data: Path, steps: int, **other: object) -> Plan:
    return replace(Plan(recipe=MITE, data=(data,), steps=steps, seed=4), **other)  # type: ignore[arg-type]


def kept(out: Path) -> checkpoint.Checkpoint:
    return checkpoint.load(out / "training" / "checkpoint.pt")


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))  # type: ignore[arg-type]
    return one == other


def test_a_small_run_learns_more_than_the_shares_of_tokens(tmp_path: Path) -> None:
    outcome = start(plan_of(little_data(tmp_path / "data", 0), 60), tmp_path / "model", quiet())
    figures = outcome.figures
    assert figures is not None
    assert figures.next_token < 0.6 * figures.unigram
    assert figures.fill < figures.unigram
    assert all(figures.next_token < bound < figures.unigram for bound in figures.bounds.values())
    assert figures.bits_per_byte == pytest.approx(
        figures.next_token * figures.tokens / figures.bytes / 0.6931471805599453
    )
    card = (tmp_path / "model" / "CARD.md").read_text(encoding="utf-8")
    for words in ("This is a small model", "60 steps", "seed 4", "data/little.val.txt", f"{figures.fill:.3f}", "plan"):
        assert words in card
    assert "licence is not known" in card


def test_six_steps_are_three_and_three_to_the_bit(tmp_path: Path) -> None:
    data = little_data(tmp_path / "data", 0)
    start(plan_of(data, 6), tmp_path / "whole" / "model", quiet())
    with pytest.raises(Cancelled, match="stopped after step 3"):
        start(plan_of(data, 6), tmp_path / "parts" / "model", quiet(stop_after=4))
    assert not (tmp_path / "parts" / "model" / "weights.arrow").exists()
    assert kept(tmp_path / "parts" / "model").place.step == 3
    resume(tmp_path / "parts" / "model", quiet())
    whole, parts = (kept(tmp_path / name / "model") for name in ("whole", "parts"))
    assert whole.place.step == parts.place.step == 6
    assert same(whole.network, parts.network)
    assert same(whole.optimisers, parts.optimisers)
    weights = [(tmp_path / name / "model" / "weights.arrow").read_bytes() for name in ("whole", "parts")]
    assert weights[0] == weights[1]


def test_other_seeds_are_other_runs(tmp_path: Path) -> None:
    data = little_data(tmp_path / "data", 0)
    for seed in (1, 2):
        start(plan_of(data, 1, seed=seed), tmp_path / str(seed), quiet())
    assert not same(kept(tmp_path / "1").network, kept(tmp_path / "2").network)


def test_a_run_of_minutes_ends_by_the_clock_and_writes_checkpoints_meanwhile(tmp_path: Path) -> None:
    clock = HandClock()
    seen = []

    def later() -> bool:
        clock.advance(30.0)
        seen.append((tmp_path / "model" / "training" / "checkpoint.pt").exists())
        return False

    around = replace(quiet(), clock=clock, stop=later, checkpoint_every_s=60.0)
    plan = replace(plan_of(little_data(tmp_path / "data", 0), 1), steps=None, minutes=2.0)
    outcome = start(plan, tmp_path / "model", around)
    # every step takes 30 s but the one in whose time the checkpoint was written, which does not count as training
    assert (outcome.place.step, outcome.place.spent_s) == (6, 120.0)
    assert True in seen


def test_a_run_on_one_small_file_says_that_nothing_was_held_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text(little_text(0, 12), encoding="utf-8")
    (tmp_path / "data" / "SOURCE.md").write_text("public domain, by nobody", encoding="utf-8")
    outcome = start(plan_of(tmp_path / "data", 1), tmp_path / "model", quiet())
    assert outcome.figures is None
    card = (tmp_path / "model" / "CARD.md").read_text(encoding="utf-8")
    assert "too little text to hold any out" in card
    assert "> public domain, by nobody" in card


def test_the_end_of_the_text_is_measured_on_when_no_file_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text(little_text(0, 600), encoding="utf-8")
    outcome = start(plan_of(tmp_path / "data", 1), tmp_path / "model", quiet())
    assert outcome.figures is not None
    assert "the last 5 %" in (tmp_path / "model" / "CARD.md").read_text(encoding="utf-8")


def test_a_run_can_start_from_a_trained_model(trained: Path, tmp_path: Path) -> None:
    data = little_data(tmp_path / "data", 0)
    fresh = start(plan_of(data, 2), tmp_path / "fresh", quiet()).figures
    further = start(plan_of(data, 2, init=trained), tmp_path / "further", quiet()).figures
    assert fresh is not None
    assert further is not None
    assert further.next_token < 0.5 * fresh.next_token
    assert "started from the model in model" in (tmp_path / "further" / "CARD.md").read_text(encoding="utf-8")
    assert (tmp_path / "further" / "tokenizer.json").read_text() == (trained / "tokenizer.json").read_text()


def test_a_tokenizer_can_be_given(trained: Path, tmp_path: Path) -> None:
    data = little_data(tmp_path / "data", 5)
    start(plan_of(data, 1, tokenizer=trained / "tokenizer.json"), tmp_path / "model", quiet())
    assert (tmp_path / "model" / "tokenizer.json").read_text() == (trained / "tokenizer.json").read_text()


def test_a_model_that_is_there_is_never_written_over(trained: Path, tmp_path: Path) -> None:
    before = (trained / "weights.arrow").read_bytes()
    with pytest.raises(Conflict, match=r"weights\.arrow is there already"):
        start(plan_of(little_data(tmp_path / "data", 0), 1), trained, quiet())
    with pytest.raises(Conflict, match="is done"):
        resume(trained, quiet())
    assert (trained / "weights.arrow").read_bytes() == before


def test_text_that_changed_under_a_run_is_refused(tmp_path: Path) -> None:
    data = little_data(tmp_path / "data", 0)
    with pytest.raises(Cancelled):
        start(plan_of(data, 6), tmp_path / "model", quiet(stop_after=4))
    (data / "little.txt").write_text(little_text(77, 400), encoding="utf-8")
    with pytest.raises(Conflict, match="text has changed"):
        resume(tmp_path / "model", quiet())


def test_a_stop_while_text_is_read_trains_nothing(tmp_path: Path) -> None:
    with pytest.raises(Cancelled, match="while reading"):
        start(plan_of(little_data(tmp_path / "data", 0), 6), tmp_path / "model", quiet(stop_after=0))
    assert not (tmp_path / "model" / "training" / "checkpoint.pt").exists()


def test_hostile_text_ends_a_run_before_it_begins(tmp_path: Path) -> None:
    data = little_data(tmp_path / "data", 0)
    (data / "bad.txt").write_bytes(b"\x80")
    with pytest.raises(CorruptData, match=r"bad\.txt"):
        start(plan_of(data, 1), tmp_path / "model", quiet())
    assert not (tmp_path / "model" / "weights.arrow").exists()


def test_too_little_text_says_what_the_recipe_needs(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("hello", encoding="utf-8")
    with pytest.raises(InvalidInput, match="this recipe needs 66"):
        start(plan_of(tmp_path / "data", 1), tmp_path / "model", quiet())


def test_a_network_that_comes_apart_is_never_kept(tmp_path: Path) -> None:
    wild = replace(MITE, rest_rate=1e30, matrix_rate=1e30, clip=1e30)
    with pytest.raises(InternalError, match="came apart"):
        start(plan_of(little_data(tmp_path / "data", 0), 4, recipe=wild), tmp_path / "model", quiet())
    assert not (tmp_path / "model" / "weights.arrow").exists()
    assert not (tmp_path / "model" / "training" / "checkpoint.pt").exists()


def test_places_that_cannot_be_written_or_started_from_are_named(tmp_path: Path) -> None:
    data = little_data(tmp_path / "data", 0)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageFailed, match="cannot be made"):
        start(plan_of(data, 1), tmp_path / "file", quiet())
    with pytest.raises(NotFound, match="no checkpoint"):
        resume(tmp_path / "nowhere", quiet())
    with pytest.raises(NotFound, match="no model folder"):
        start(plan_of(data, 1, init=tmp_path / "data"), tmp_path / "model", quiet())


def test_a_model_of_another_scheme_cannot_be_trained_on(trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("weights.arrow", "tokenizer.json"):
        (other / name).write_bytes((trained / name).read_bytes())
    text = (trained / "score.json").read_text(encoding="utf-8")
    (other / "score.json").write_text(text.replace('"trunk": "int2"', '"trunk": "int4"'), encoding="utf-8")
    with pytest.raises(Unsupported, match="int4"):
        start(plan_of(little_data(tmp_path / "data", 0), 1, init=other), tmp_path / "model", quiet())


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto").type == device_of("cpu").type == "cpu"
    with pytest.raises(Unsupported, match="no GPU"):
        device_of("cuda")


def test_bf16_runs_and_learns(tmp_path: Path) -> None:
    plan = plan_of(little_data(tmp_path / "data", 0), 40, precision="bf16")
    figures = start(plan, tmp_path / "model", quiet()).figures
    assert figures is not None
    assert figures.next_token < figures.unigram


def test_surroundings_are_quiet_unless_told(tmp_path: Path) -> None:
    lines: list[str] = []
    around = Surroundings(HandClock(), lines.append, lambda: False, "cpu", 1)
    start(plan_of(little_data(tmp_path / "data", 0), 1), tmp_path / "model", around)
    assert lines[0] == "data: 2 files, 1 of them to train on"
    assert any(line.startswith("step 1  100.0 %") for line in lines)
    assert lines[-1].startswith(f"wrote {tmp_path / 'model'}")
    assert (tmp_path / "model" / export.CARD).exists()
