"""Every promise of ``brain/backends/body.py``, kept by every body."""

from __future__ import annotations

import numpy as np
import pytest

from brain.backends.body import CanvasPass, Choice, See, TextPass
from brain.backends.native import NativeBody
from brain.backends.torch import TorchBody
from brain.base.errors import Cancelled, InvalidInput, ResourceExhausted
from brain.native.cancel import CancelToken
from brain.score import positions
from tests.models import SMALL, write_model

BODIES = ("native-int8", "native-f32", "torch-f32")
CLOSE = 1e-4
GREEDY = Choice()
WARM = Choice(temperature=1.0, seed=11)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


def opened(kind, folder):
    name, precision = kind.split("-")
    return NativeBody.open(folder, 2, precision) if name == "native" else TorchBody.open(folder, precision)


@pytest.fixture(scope="module", params=BODIES)
def body(request, folder):
    return opened(request.param, folder)


def text(seed, n):
    return np.random.default_rng(seed).integers(13, SMALL.vocabulary, n).astype(np.uint32)


def same(body, left, right):
    """Equal to the bit on the native body, within float rounding on torch."""
    if body.name == "native":
        np.testing.assert_array_equal(left, right)
    else:
        np.testing.assert_allclose(left, right, atol=CLOSE, rtol=0)


def same_proposal(body, left, right):
    np.testing.assert_array_equal(left.token, right.token)
    for name in ("log_prob", "entropy", "margin", "target_log_prob"):
        same(body, getattr(left, name), getattr(right, name))


def grown(body, tokens):
    prefix = body.prefix()
    body.hidden([TextPass(prefix, tokens, See.CAUSAL)])
    return prefix


def canvas_pass(prefix, kind, seed, n):
    chance = np.random.default_rng(seed)
    x = chance.standard_normal((n, SMALL.kinds[kind].channels)).astype(np.float32)
    return CanvasPass(prefix, kind, x, chance.random(n).astype(np.float32), *positions.plan(prefix.length, n))


def test_a_text_in_pieces_scores_as_the_whole(body):
    tokens = text(1, 24)
    whole = body.propose([TextPass(body.prefix(), tokens, See.CAUSAL)], GREEDY)[0]
    prefix = body.prefix()
    parts = [
        body.propose([TextPass(prefix, part, See.CAUSAL)], GREEDY)[0] for part in np.split(tokens, [1, 2, 7, 8, 20])
    ]
    assert prefix.length == 24
    np.testing.assert_array_equal(whole.token, np.concatenate([part.token for part in parts]))
    same(body, whole.log_prob, np.concatenate([part.log_prob for part in parts]))
    same(body, whole.entropy, np.concatenate([part.entropy for part in parts]))


def test_later_tokens_do_not_change_earlier_places_of_a_causal_pass(body):
    tokens = text(2, 12)
    other = tokens.copy()
    other[8:] = text(3, 4)
    one, two = (body.hidden([TextPass(body.prefix(), these, See.CAUSAL)])[0] for these in (tokens, other))
    same(body, one[:8], two[:8])
    assert np.abs(one[8:] - two[8:]).max() > 0.01


def test_every_place_of_a_canvas_sees_the_last(body):
    tokens = text(4, 9)
    other = tokens.copy()
    other[-1] = (other[-1] + 1 - 13) % (SMALL.vocabulary - 13) + 13
    one, two = (body.hidden([TextPass(body.prefix(), these, See.CANVAS)])[0] for these in (tokens, other))
    assert (np.abs(one - two).max(axis=1) > 1e-4).all()


def test_a_canvas_leaves_its_prefix_as_it_was(body):
    prefix = grown(body, text(5, 10))
    asked = TextPass(prefix, text(6, 6), See.CANVAS)
    first, again = (body.propose([asked], GREEDY)[0] for _ in range(2))
    assert prefix.length == 10
    same_proposal(body, first, again)
    after = TextPass(prefix, text(7, 3), See.CAUSAL)
    untouched = TextPass(grown(body, text(5, 10)), text(7, 3), See.CAUSAL)
    same_proposal(body, body.propose([after], GREEDY)[0], body.propose([untouched], GREEDY)[0])


def test_a_batch_says_what_its_passes_say_alone(body):
    def passes():
        long, short = grown(body, text(8, 30)), grown(body, text(9, 3))
        targets = text(10, 5).astype(np.int64)
        return [
            TextPass(long, text(11, 5), See.CANVAS, targets=targets),
            TextPass(short, text(12, 16), See.CAUSAL),
            TextPass(long.fork(), text(13, 1), See.CAUSAL),
            TextPass(body.prefix(), text(14, 7), See.CAUSAL),
        ]

    together = body.propose(passes(), WARM)
    alone = [body.propose([one], WARM)[0] for one in passes()]
    for left, right in zip(together, alone, strict=True):
        same_proposal(body, left, right)


def test_a_verified_token_is_the_token_decoded_alone(body):
    start, tokens = text(15, 6), []
    prefix = grown(body, start[:-1])
    last = start[-1:]
    for _ in range(8):
        last = body.propose([TextPass(prefix, last, See.CAUSAL)], WARM)[0].token
        tokens.append(last[0])
    draft = np.concatenate([start[-1:], np.array(tokens[:-1], np.uint32)])
    verified = body.propose([TextPass(grown(body, start[:-1]), draft, See.CAUSAL)], WARM)[0]
    np.testing.assert_array_equal(verified.token, tokens)


def test_a_canvas_that_knows_everything_before_a_place_shares_its_noise(body):
    """The same distribution at the same place gives the same sample, whichever pass asks: position and seed decide."""
    prefix = grown(body, text(16, 5))
    causal = body.propose([TextPass(prefix.fork(), text(17, 1), See.CAUSAL)], WARM)[0]
    canvas = body.propose([TextPass(prefix, text(17, 1), See.CANVAS)], WARM)[0]
    same_proposal(body, causal, canvas)


def test_a_shortened_prefix_is_one_that_never_was_longer(body):
    prefix = grown(body, text(18, 20))
    prefix.truncate(7)
    assert prefix.length == 7
    never = grown(body, text(18, 20)[:7])
    one, two = (body.propose([TextPass(p, text(19, 4), See.CAUSAL)], GREEDY)[0] for p in (prefix, never))
    same_proposal(body, one, two)
    assert prefix.length == 11


@pytest.mark.parametrize("length", [-1, 6, 1 << 40])
def test_a_prefix_cannot_be_cut_to_more_than_it_has(body, length):
    prefix = grown(body, text(20, 5))
    with pytest.raises(InvalidInput, match=str(length)):
        prefix.truncate(length)
    assert prefix.length == 5


def test_a_fork_grows_apart(body):
    prefix = grown(body, text(21, 6))
    fork = prefix.fork()
    body.hidden([TextPass(fork, text(22, 4), See.CAUSAL)])
    body.hidden([TextPass(prefix, text(23, 2), See.CAUSAL)])
    assert (prefix.length, fork.length) == (8, 10)
    plain = [grown(body, np.concatenate([text(21, 6), more])) for more in (text(23, 2), text(22, 4))]
    for found, want in zip((prefix, fork), plain, strict=True):
        asked = [TextPass(p, text(24, 3), See.CANVAS) for p in (found, want)]
        same_proposal(body, *body.propose(asked, GREEDY))


def test_a_fork_cut_short_leaves_its_origin_whole(body):
    prefix = grown(body, text(25, 9))
    fork = prefix.fork()
    fork.truncate(0)
    body.hidden([TextPass(fork, text(26, 9), See.CAUSAL)])
    asked = [TextPass(p, text(27, 3), See.CANVAS) for p in (prefix, grown(body, text(25, 9)))]
    same_proposal(body, *body.propose(asked, GREEDY))


def test_several_canvases_may_stand_on_one_prefix(body):
    prefix = grown(body, text(28, 9))
    asked = [TextPass(prefix, text(seed, 4), See.CANVAS) for seed in (1, 2, 3)]
    for left, right in zip(body.propose(asked, GREEDY), asked, strict=True):
        same_proposal(body, left, body.propose([right], GREEDY)[0])


@pytest.mark.parametrize("other", [See.CANVAS, See.CAUSAL])
def test_a_growing_prefix_stands_in_one_pass_only(body, other):
    prefix = grown(body, text(29, 3))
    with pytest.raises(InvalidInput, match="prefix"):
        body.propose([TextPass(prefix, text(1, 2), See.CAUSAL), TextPass(prefix, text(2, 2), other)], GREEDY)
    assert prefix.length == 3


@pytest.mark.parametrize("kind", BODIES)
def test_a_prefix_of_another_body_is_refused(body, folder, kind):
    foreign = opened(kind, folder).prefix()
    with pytest.raises(InvalidInput, match="does not belong"):
        body.propose([TextPass(foreign, text(1, 2), See.CAUSAL)], GREEDY)
    with pytest.raises(InvalidInput, match="does not belong"):
        body.velocity([canvas_pass(foreign, "plan", 0, 4)])
    assert foreign.length == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": np.array([13, SMALL.vocabulary], np.uint32)},
        {"tokens": np.array([13, 2**32 - 1], np.uint32)},
        {"tokens": np.array([], np.uint32)},
        {"tokens": np.array([13, 14], np.int64)},
        {"tokens": np.array([[13, 14]], np.uint32)},
        {"targets": np.array([1], np.int64)},
        {"targets": np.array([1, SMALL.vocabulary], np.int64)},
        {"targets": np.array([1, -2], np.int64)},
        {"targets": np.array([1, 2], np.int32)},
        {"rows": np.zeros(3, np.float32)},
        {"rows": np.array([0, np.nan], np.float32)},
        {"rows": np.zeros(2, np.float64)},
        {"columns": np.array([np.inf, 0], np.float32)},
    ],
)
def test_what_cannot_be_scored_is_refused_and_the_prefix_stays(body, wrong):
    prefix = grown(body, text(30, 4))
    fields = {"tokens": text(31, 2), **wrong}
    with pytest.raises(InvalidInput):
        body.propose([TextPass(prefix, see=See.CAUSAL, **fields)], GREEDY)
    assert prefix.length == 4


def test_too_many_places_at_once_are_refused_by_number(body):
    with pytest.raises(ResourceExhausted, match=str(70_000)):
        body.hidden([TextPass(body.prefix(), text(1, 70_000), See.CAUSAL)])


@pytest.mark.parametrize(
    "choice",
    [
        Choice(temperature=-1.0),
        Choice(temperature=float("nan")),
        Choice(temperature=1e-9),
        Choice(min_p=1.5),
        Choice(seed=-1),
        Choice(seed=2**64),
        Choice(forbid=(SMALL.vocabulary,)),
        Choice(forbid=(-1,)),
        Choice(forbid=tuple(range(SMALL.vocabulary))),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(body, choice):
    prefix = body.prefix()
    with pytest.raises(InvalidInput):
        body.propose([TextPass(prefix, text(1, 2), See.CAUSAL)], choice)
    assert prefix.length == 0


def test_a_withdrawn_call_leaves_the_prefix_as_it_was(body):
    prefix = grown(body, text(32, 4))
    token = CancelToken()
    token.cancel()
    for call in (
        lambda: body.propose([TextPass(prefix, text(33, 5), See.CAUSAL)], GREEDY, token),
        lambda: body.hidden([TextPass(prefix, text(33, 5), See.CAUSAL)], token),
        lambda: body.velocity([canvas_pass(prefix, "plan", 0, 4)], token),
    ):
        with pytest.raises(Cancelled):
            call()
    assert prefix.length == 4
    asked = [TextPass(p, text(34, 3), See.CANVAS) for p in (prefix, grown(body, text(32, 4)))]
    same_proposal(body, *body.propose(asked, GREEDY))


def test_a_token_of_anothers_make_withdraws_a_call_too(body):
    class Withdrawn:
        def check(self):
            raise Cancelled("withdrawn")

    prefix = body.prefix()
    with pytest.raises(Cancelled):
        body.propose([TextPass(prefix, text(1, 3), See.CAUSAL)], GREEDY, Withdrawn())
    assert prefix.length == 0


def test_an_open_token_changes_nothing(body):
    asked = [TextPass(body.prefix(), text(1, 3), See.CAUSAL) for _ in range(2)]
    same_proposal(body, body.propose(asked[:1], WARM, CancelToken())[0], body.propose(asked[1:], WARM)[0])


def test_nothing_asked_is_nothing_answered(body):
    assert (body.propose([], GREEDY), body.hidden([]), body.velocity([])) == ([], [], [])


def test_targets_are_scored_where_asked_over_the_whole_vocabulary(body):
    tokens = text(35, 6)
    targets = np.array([20, -1, 3, 0, -1, 319], np.int64)
    free = body.propose([TextPass(body.prefix(), tokens, See.CAUSAL, targets=targets)], GREEDY)[0]
    barred = body.propose(
        [TextPass(body.prefix(), tokens, See.CAUSAL, targets=targets)], Choice(forbid=SMALL.forbidden)
    )[0]
    assert np.isnan(free.target_log_prob[[1, 4]]).all()
    assert (free.target_log_prob[[0, 2, 3, 5]] < 0).all()
    np.testing.assert_allclose(free.target_log_prob, barred.target_log_prob, atol=1e-5)


def test_log_probabilities_of_all_targets_sum_to_one(body):
    tokens = np.full(SMALL.vocabulary, 50, np.uint32)
    positions_of_one = np.zeros(SMALL.vocabulary, np.float32)
    every = np.arange(SMALL.vocabulary, dtype=np.int64)
    passes = [
        TextPass(body.prefix(), tokens[:1], See.CANVAS, targets=every[i : i + 1], rows=positions_of_one[:1])
        for i in range(SMALL.vocabulary)
    ]
    found = np.concatenate([one.target_log_prob for one in body.propose(passes, GREEDY)])
    assert np.exp(found.astype(np.float64)).sum() == pytest.approx(1.0, abs=1e-5)
    greedy = body.propose(passes[:1], GREEDY)[0]
    top, second = np.sort(np.exp(found))[::-1][:2]
    assert greedy.token[0] == found.argmax()
    assert greedy.log_prob[0] == pytest.approx(found.max(), abs=1e-5)
    assert greedy.margin[0] == pytest.approx(top - second, abs=1e-5)
    assert greedy.entropy[0] == pytest.approx(-(np.exp(found) * found).sum(), abs=1e-4)


def test_forbidden_tokens_are_never_chosen_and_weigh_nothing(body):
    tokens = text(36, 40)
    free = body.propose([TextPass(body.prefix(), tokens, See.CAUSAL)], WARM)[0]
    barred = tuple(set(free.token.tolist()))
    found = body.propose([TextPass(body.prefix(), tokens, See.CAUSAL)], Choice(1.0, seed=11, forbid=barred))[0]
    assert not set(found.token.tolist()) & set(barred)
    rest = tuple(t for t in range(SMALL.vocabulary) if t != 77)
    only = body.propose([TextPass(body.prefix(), tokens, See.CAUSAL)], Choice(1.0, forbid=rest))[0]
    assert (only.token == 77).all()
    np.testing.assert_allclose(only.log_prob, 0.0, atol=1e-6)
    np.testing.assert_allclose(only.entropy, 0.0, atol=1e-6)


def test_a_sample_depends_on_seed_and_place(body):
    tokens = text(37, 64)

    def drawn(**choice):
        return body.propose([TextPass(body.prefix(), tokens, See.CAUSAL)], Choice(temperature=2.0, **choice))[0].token

    np.testing.assert_array_equal(drawn(seed=1), drawn(seed=1))
    assert (drawn(seed=1) != drawn(seed=2)).mean() > 0.3
    np.testing.assert_array_equal(
        drawn(seed=5, min_p=1.0), body.propose([TextPass(body.prefix(), tokens, See.CAUSAL)], GREEDY)[0].token
    )


def test_min_p_leaves_out_what_is_unlikely(body):
    tokens = text(38, 64)
    targets_of = lambda token: TextPass(body.prefix(), tokens, See.CAUSAL, targets=token.astype(np.int64))  # noqa: E731
    found = body.propose([TextPass(body.prefix(), tokens, See.CAUSAL)], Choice(temperature=3.0, min_p=0.5, seed=3))[0]
    top = body.propose([targets_of(found.token)], GREEDY)[0]
    assert (top.target_log_prob >= top.log_prob + np.log(0.5) - 1e-4).all()
    assert (found.token != top.token).any()


def test_hidden_states_are_those_of_the_pass_and_grow_the_prefix(body):
    prefix = body.prefix()
    found = body.hidden([TextPass(prefix, text(39, 5), See.CAUSAL)])[0]
    assert (found.shape, found.dtype, prefix.length) == ((5, SMALL.width), np.float32, 5)


def test_positions_count_on_after_the_prefix_unless_given(body):
    prefix = grown(body, text(40, 5))
    tokens = text(41, 4)
    told = TextPass(prefix, tokens, See.CANVAS, rows=positions.text(5, 4)[0])
    moved = TextPass(prefix, tokens, See.CANVAS, rows=positions.text(9, 4)[0])
    split = TextPass(prefix, tokens, See.CANVAS, rows=positions.text(5, 4)[0], columns=positions.text(9, 4)[0])
    plain, same_places, other, apart = (
        body.hidden([one])[0] for one in (TextPass(prefix, tokens, See.CANVAS), told, moved, split)
    )
    same(body, plain, same_places)
    assert np.abs(plain - other).max() > 1e-3
    assert np.abs(plain - apart).max() > 1e-3


@pytest.mark.parametrize("kind", sorted(SMALL.kinds))
def test_a_velocity_is_that_of_each_vector_alone_or_in_a_batch(body, kind):
    prefix = grown(body, text(42, 6))
    first, second = canvas_pass(prefix, kind, 1, 9), canvas_pass(body.prefix(), "plan", 2, 16)
    together = body.velocity([first, second])
    assert together[0].shape == (9, SMALL.kinds[kind].channels)
    same(body, together[0], body.velocity([first])[0])
    same(body, together[1], body.velocity([second])[0])
    assert prefix.length == 6


def test_a_velocity_depends_on_caption_time_and_every_vector(body):
    prefix = grown(body, text(43, 6))
    asked = canvas_pass(prefix, "image", 3, 4)
    plain = body.velocity([asked])[0]
    other_time = CanvasPass(prefix, "image", asked.x, 1 - asked.time, asked.rows, asked.columns)
    other_caption = CanvasPass(grown(body, text(44, 6)), "image", asked.x, asked.time, asked.rows, asked.columns)
    last = asked.x.copy()
    last[-1] += 1
    other_vector = CanvasPass(prefix, "image", last, asked.time, asked.rows, asked.columns)
    for other in (other_time, other_caption, other_vector):
        assert np.abs(body.velocity([other])[0][0] - plain[0]).max() > 1e-4


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "smell"},
        {"x": np.zeros((4, 7), np.float32)},
        {"x": np.full((4, 6), np.nan, np.float32)},
        {"x": np.zeros((4, 6), np.float64)},
        {"x": np.zeros((0, 6), np.float32)},
        {"time": np.full(4, 1.5, np.float32)},
        {"time": np.zeros(3, np.float32)},
        {"rows": np.zeros(5, np.float32)},
        {"columns": np.full(4, np.inf, np.float32)},
    ],
)
def test_a_canvas_that_cannot_be_computed_is_refused(body, wrong):
    fields = {
        "kind": "plan",
        "x": np.zeros((4, 6), np.float32),
        **{name: np.zeros(4, np.float32) for name in ("time", "rows", "columns")},
        **wrong,
    }
    with pytest.raises(InvalidInput):
        body.velocity([CanvasPass(body.prefix(), **fields)])


def test_a_body_says_who_it_is(body):
    assert body.name in {"native", "torch"}
    assert body.spec == SMALL
