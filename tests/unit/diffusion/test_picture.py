"""Promises of drawing: a PNG of the seed alone, points that a mask keeps, previews only for who watches."""

import numpy as np
import pytest

from brain.base.errors import Cancelled, InvalidInput
from brain.base.messages import CanvasResponse, CanvasState, Picture, Route, Speech
from brain.diffusion.canvas import generate
from brain.diffusion.picture import STYLES, draw, open_vectors, white
from brain.latent import png
from tests.canvases import asked, parts_in


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return parts_in(tmp_path_factory.mktemp("model") / "m")


def drawn(parts, picture, **more):
    request = asked(picture, **more)
    *states, last = draw(parts, request, picture, None)
    assert all(isinstance(state, CanvasState) for state in states)
    assert isinstance(last, CanvasResponse)
    return states, last


def plain(colour):
    points = np.zeros((512, 512, 4), np.uint8)
    points[:] = colour
    return points


def test_a_picture_is_a_png_of_512_points_and_says_its_seed_and_passes(parts):
    states, last = drawn(parts, Picture(caption="red apple"), seed=7, guidance=3.0)
    assert png.read(last.data).shape == (512, 512, 4)
    assert (last.kind, last.media_type, last.seed, last.passes) == ("image", "image/png", 7, 5)
    assert [state.step for state in states] == [1, 2, 3, 4]
    assert {state.steps for state in states} == {4}
    assert states[-1].passes == last.passes
    assert last.uncertainty is None
    assert "not measured" in last.warning


def test_a_seed_fixes_every_point_and_another_seed_changes_them(parts):
    one, two, other = (drawn(parts, Picture(caption="tree"), seed=seed)[1].data for seed in (1, 1, 2))
    assert one == two
    assert one != other


def test_a_caption_and_its_weight_change_the_picture(parts):
    apple = drawn(parts, Picture(caption="apple"), guidance=2.0)[1].data
    assert apple != drawn(parts, Picture(caption="house"), guidance=2.0)[1].data
    assert apple != drawn(parts, Picture(caption="apple"), guidance=1.0)[1].data
    unguided = [drawn(parts, Picture(caption=caption), guidance=0.0)[1].data for caption in ("apple", "house")]
    assert unguided[0] == unguided[1]


def test_previews_are_decoded_only_for_who_watches(parts):
    before = parts.coders.decoded
    states, _ = drawn(parts, Picture(caption="tree"))
    assert parts.coders.decoded == before + 1
    assert not any(state.preview for state in states)
    states, _ = drawn(parts, Picture(caption="tree"), watch=2, steps=5)
    assert [bool(state.preview) for state in states] == [False, True, False, True, False]
    assert png.read(states[1].preview).shape == (128, 128, 4)


def test_points_that_a_mask_leaves_black_stay_to_the_bit(parts):
    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, (512, 512, 4)).astype(np.uint8)
    mask = plain((0, 0, 0, 255))
    mask[100:300, 50:200] = 255
    picture = Picture(caption="tree", source=png.write(source), mask=png.write(mask))
    found = png.read(drawn(parts, picture)[1].data)
    kept = ~white(mask)
    np.testing.assert_array_equal(found[kept], png.read(picture.source)[kept])
    assert not np.array_equal(found[~kept], source[~kept])


def test_vectors_are_open_where_any_of_their_points_is_white():
    mask = plain((0, 0, 0, 255))
    mask[40, 70] = 255
    assert np.flatnonzero(open_vectors(mask)).tolist() == [16 * 1 + 2]
    assert not white(plain((255, 255, 255, 0))).any()
    assert white(plain((127, 128, 129, 255))).all()


def test_a_weak_strength_stays_near_the_source_and_a_full_one_does_not(parts):
    source = png.write(plain((200, 40, 90, 255)))

    def distance(strength):
        picture = Picture(caption="tree", source=source, strength=strength)
        found = png.read(drawn(parts, picture, guidance=1.0)[1].data).astype(float)
        return np.abs(found - plain((200, 40, 90, 255))).mean()

    assert distance(0.05) < distance(0.5) < distance(1.0)


def test_what_is_no_picture_of_that_size_is_refused_by_its_field(parts):
    good = png.write(plain((0, 0, 0, 255)))
    small = png.write(np.zeros((8, 9, 4), np.uint8))
    for source, mask, field, said in (
        (b"nonsense", b"", "source", "cannot be read"),
        (small, b"", "source", "9 x 8"),
        (good, small, "mask", "9 x 8"),
        (good, good, "mask", "no white point"),
    ):
        with pytest.raises(InvalidInput, match=said) as refused:
            drawn(parts, Picture(caption="tree", source=source, mask=mask))
        assert refused.value.field == field


def test_a_style_that_the_model_never_met_is_said_to_be_so(parts):
    assert "not trained with the style 'oil'" in drawn(parts, Picture(caption="tree", style="oil"))[1].warning
    for style in ("", STYLES[3]):
        assert "not trained" not in drawn(parts, Picture(caption="tree", style=style))[1].warning


def test_a_drawing_is_withdrawn_between_passes(parts):
    class Withdrawn:
        left = 2

        def check(self):
            self.left -= 1
            if self.left < 0:
                raise Cancelled("withdrawn")

    with pytest.raises(Cancelled):
        list(draw(parts, asked(Picture(caption="tree")), Picture(caption="tree"), Withdrawn()))


@pytest.mark.parametrize(
    ("subject", "kind"),
    [(Picture(caption="x"), "image"), (Speech("Hi there."), "audio"), (Route("maze2d-umaze", (1, 1), (3, 1)), "plan")],
)
def test_a_request_goes_to_its_kind(parts, subject, kind):
    *_, last = generate(parts, asked(subject), None)
    assert last.kind == kind
    assert last.model == "small"
