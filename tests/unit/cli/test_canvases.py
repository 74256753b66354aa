"""Promises of the words of image, say and plan: what they mean before any daemon is asked, and what is printed."""

import json
from pathlib import Path

import pytest

from brain.base.errors import InvalidInput, NotFound, StorageFailed
from brain.base.messages import PICTURE_FLOW, CanvasResponse, FlowSettings, Timings
from brain.cli import arguments, image, making, plan


def parsed(*words):
    return arguments.parser().parse_known_args(words)[0]


def response(**more):
    made = {
        "request_id": "a",
        "kind": "image",
        "media_type": "image/png",
        "data": b"four",
        "passes": 9,
        "seed": 3,
        "model": "base",
        "brain": "b",
        "timings": Timings(0.0, 0.1, 0.5),
        "warning": "weak",
    }
    return CanvasResponse(**made | more)


def test_what_is_not_named_stays_as_it_is():
    words = parsed("image", "apple", "-o", "a.png")
    assert making.flow_of(words, PICTURE_FLOW) == PICTURE_FLOW
    assert image.picture_of(words).style == "noto"


def test_every_setting_of_a_flow_can_be_named():
    named = ["--sampler", "heun", "--steps", "7", "--guidance", "0", "--grid", "cosine", "--seed", "0"]
    words = parsed("image", "apple", "-o", "a.png", *named)
    usual = FlowSettings(seed=9)
    assert making.flow_of(words, usual) == FlowSettings(sampler="heun", steps=7, guidance=0.0, grid="cosine", seed=0)


def test_variations_have_names_of_their_own():
    assert image.names_of("x/apple.png", 3) == ["x/apple.png", "x/apple-2.png", "x/apple-3.png"]
    assert image.names_of("apple", 2) == ["apple", "apple-2"]
    for out, count in (("-", 2), ("a.png", 0)):
        with pytest.raises(InvalidInput):
            image.names_of(out, count)


def test_source_and_mask_are_read_as_they_stand(tmp_path):
    (tmp_path / "s.png").write_bytes(b"source")
    (tmp_path / "m.png").write_bytes(b"mask")
    files = ["--from", str(tmp_path / "s.png"), "--mask", str(tmp_path / "m.png"), "--strength", "0.5"]
    picture = image.picture_of(parsed("image", "apple", "-o", "a.png", "--style", "", *files))
    assert (picture.source, picture.mask, picture.strength, picture.style) == (b"source", b"mask", 0.5, "")


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(NotFound, match="nothing-there"):
        making.read(tmp_path / "nothing-there", 10)
    with pytest.raises(StorageFailed):
        making.read(tmp_path, 1 << 30)
    (tmp_path / "long").write_bytes(b"x" * 11)
    with pytest.raises(InvalidInput, match="11 bytes"):
        making.read(tmp_path / "long", 10)


def test_a_place_where_nothing_can_be_written_is_refused_first(tmp_path):
    making.check_target(str(tmp_path / "a.png"), as_json=True)
    with pytest.raises(NotFound, match="no folder"):
        making.check_target(str(tmp_path / "no" / "a.png"), as_json=False)
    with pytest.raises(InvalidInput, match="standard output"):
        making.check_target("-", as_json=True)


def test_a_result_is_written_as_it_came(tmp_path):
    making.write(str(tmp_path / "a.png"), b"\x89PNG")
    assert Path(tmp_path / "a.png").read_bytes() == b"\x89PNG"


def test_a_result_is_told_without_its_bytes(capsys):
    making.finish(response(), parsed("image", "apple", "-o", "a.png", "--json"), file="a.png")
    told = json.loads(capsys.readouterr().out)["final"]
    assert (told["seed"], told["passes"], told["seconds"], told["bytes"], told["file"]) == (3, 9, 0.5, 4, "a.png")
    assert told["uncertainty"] is None
    assert "data" not in told
    making.finish(response(), parsed("image", "apple", "-o", "a.png"), file="a.png")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "seed 3 · 9 passes · 0.50 s" in shown.err
    assert "uncertainty" not in shown.err
    making.finish(response(uncertainty=0.25, warning=""), parsed("image", "apple", "-o", "a.png"), file="a.png")
    assert "uncertainty 0.25" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "1", "1;2", "a,b", "-1,2", "1.5,2"])
def test_what_is_no_cell_is_refused_by_name(text):
    with pytest.raises(InvalidInput) as refused:
        plan.cell("goal", text)
    assert refused.value.field == "goal"


def test_a_cell_is_a_row_and_a_column():
    assert plan.cell("start", "3, 1") == (3, 1)


def test_a_plan_is_printed_with_its_way_and_both_verdicts():
    run = {"arrives": False, "seconds": 20.0, "held_steps": 7}
    told = {
        "maze": ["####", "#..#", "#..#", "####"],
        "start": [1, 1],
        "goal": [2, 2],
        "way": [[1.5, 1.5], [1.5, 2.5], [0.5, 2.5], [-3.0, 9.0], [2.5, 2.5]],
        "length_m": 4.0,
        "wall_share": 0.25,
        "followed": run,
        "shortest": {"length_m": 2.0, "arrives": True, "seconds": 1.5, "held_steps": 0},
    }
    lines = plan.lines(told)
    assert lines[:4] == ["##x#", "#So#", "#.G#", "####"]
    assert lines[4] == ("way 4.00 m, 25% of its places in a wall; simulator: does not arrive, held by walls in 7 steps")
    assert "arrives after 1.50 s" in lines[5]
