"""Pictures, speech and plans by the shipped model in a real daemon, through the client and the command line."""

import io
import json
import uuid
import wave
from contextlib import closing

import numpy as np
import pytest

from brain.base.errors import InvalidInput
from brain.base.messages import (
    Accepted,
    CanvasRequest,
    CanvasResponse,
    CanvasState,
    FlowSettings,
    Picture,
    Request,
    Route,
    Settings,
    Speech,
)
from brain.latent import png
from tests.integration.daemons import REAL, daemon, wait_until
from tests.integration.test_cli import aios, finals

QUICK = FlowSettings(steps=2, guidance=1.0)


@pytest.fixture(scope="module")
def real():
    with daemon(program=REAL) as made:
        yield made


def made(real, subject, flow=QUICK, watch=0):
    request = CanvasRequest(request_id=uuid.uuid4().hex, subject=subject, flow=flow, watch=watch)
    with real.client() as client:
        first, *states, final = client.make(request)
    assert first == Accepted(request.request_id, 0)
    assert all(isinstance(state, CanvasState) for state in states)
    assert isinstance(final, CanvasResponse)
    assert (final.request_id, final.model, final.uncertainty) == (request.request_id, "base", None)
    assert "weak" in final.warning
    return states, final


def test_a_picture_is_drawn_and_its_seed_draws_it_again(real):
    states, one = made(real, Picture(caption="red apple, fruit"), watch=1)
    points = png.read(one.data)
    assert points.shape == (512, 512, 4)
    assert len(np.unique(points.reshape(-1, 4), axis=0)) > 50
    assert made(real, Picture(caption="red apple, fruit"))[1].data == one.data
    assert any(state.preview for state in states) or not states


def test_a_hole_in_a_picture_is_drawn_and_the_rest_stays(real):
    source = png.read(made(real, Picture(caption="blue heart"))[1].data)
    mask = np.zeros((512, 512, 4), np.uint8)
    mask[..., 3] = 255
    mask[128:256, 128:256] = 255
    picture = Picture(caption="blue heart", source=png.write(source), mask=png.write(mask))
    found = png.read(made(real, picture)[1].data)
    hole = mask[..., 0] == 255
    np.testing.assert_array_equal(found[~hole], source[~hole])
    assert not np.array_equal(found[hole], source[hole])


def test_a_sketch_is_gone_on_with(real):
    source = np.zeros((512, 512, 4), np.uint8)
    source[100:400, 100:400] = (220, 30, 30, 255)
    picture = Picture(caption="red square", source=png.write(source), strength=0.2)
    found = png.read(made(real, picture, FlowSettings(steps=3, guidance=1.0))[1].data)
    inside = found[200:300, 200:300].reshape(-1, 4).mean(0)
    assert inside[0] > 150
    assert inside[1] < 100


def test_a_text_is_said(real):
    _, final = made(real, Speech("Good morning. How are you?"))
    with wave.open(io.BytesIO(final.data)) as sound:
        assert sound.getframerate() == 16000
        assert 1.0 < sound.getnframes() / 16000 < 6.0
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    assert np.abs(samples).max() > 300


def test_a_way_is_planned_and_judged(real):
    _, final = made(real, Route("maze2d-umaze", (3, 1), (1, 1)))
    told = json.loads(final.data)
    assert told["way"][0] == [3.5, 1.5]
    assert told["way"][-1] == [1.5, 1.5]
    assert told["shortest"]["arrives"] is True


def test_text_is_served_after_and_a_flow_can_be_withdrawn(real):
    slow = CanvasRequest(request_id=uuid.uuid4().hex, subject=Picture(caption="x"), flow=FlowSettings(steps=256))
    with real.client() as client:
        with closing(client.make(slow)) as events:
            next(events)
            next(events)
        wait_until(lambda: client.status().running == 0)
        text = Request(request_id=uuid.uuid4().hex, prompt="The old man", settings=Settings(max_tokens=2))
        *_, final = client.generate(text)
    assert final.text


def test_what_cannot_be_made_is_refused_with_its_field(real):
    for subject, field in (
        (Picture(caption="tree", source=b"no picture"), "source"),
        (Speech("..."), "text"),
        (Route("maze2d-umaze", (0, 0), (1, 1)), "start"),
        (Picture(caption=""), "caption"),
    ):
        with pytest.raises(InvalidInput) as refused:
            made(real, subject)
        assert refused.value.field == field


def test_the_commands_write_their_files(real, tmp_path):
    out = tmp_path / "apple.png"
    quick = ("--steps", "2", "--guidance", "1", "--json")
    done = aios(real.home, "image", "red apple", "-o", str(out), "--variations", "2", "--seed", "4", *quick)
    assert done.returncode == 0, done.stderr
    assert [(final["seed"], final["file"]) for final in finals(done.stdout)] == [
        (4, str(out)),
        (5, str(tmp_path / "apple-2.png")),
    ]
    assert png.read(out.read_bytes()).shape == (512, 512, 4)
    assert out.read_bytes() != (tmp_path / "apple-2.png").read_bytes()
    sound = tmp_path / "morning.wav"
    done = aios(real.home, "say", "-", "-o", str(sound), "--steps", "2", stdin="Good morning.")
    assert done.returncode == 0, done.stderr
    assert "not measured" in done.stderr
    assert sound.read_bytes()[:4] == b"RIFF"
    maze = tmp_path / "maze.txt"
    maze.write_text("#####\n#...#\n###.#\n#...#\n#####\n")
    done = aios(real.home, "plan", "--maze", str(maze), "--start", "1,1", "--goal", "3,1", "--steps", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("##")
    assert "shortest over cells 6.00 m; simulator: arrives" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("image", "x", "-o", "no/where.png"), 3, "no folder"),
        (("image", "x", "-o", "a.png", "--from", "nothing.png"), 3, "nothing.png"),
        (("image", "x", "-o", "a.png", "--strength", "0.5"), 2, "without a source"),
        (("say", "...", "-o", "a.wav"), 2, "nothing to say"),
        (("plan", "--maze", "narnia", "--start", "1,1", "--goal", "1,2"), 2, "no maze 'narnia'"),
        (("plan", "--maze", "maze2d-umaze", "--start", "1", "--goal", "1,2"), 2, "--start is '1'"),
    ],
)
def test_what_is_wrong_is_named_with_the_tables_exit_code(real, words, code, named):
    done = aios(real.home, *words)
    assert done.returncode == code
    assert named in done.stderr
