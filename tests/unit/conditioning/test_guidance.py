"""Promises of guidance: the right mixture, in one call, and nothing computed that has no weight."""

import numpy as np
import pytest

from brain.backends.native import NativeBody
from brain.base.errors import InvalidInput
from brain.conditioning.guidance import Branch, Guided
from tests.worlds import markov_world


class Told:
    """A body that answers a canvas with the length of its prefix, and notes what it was asked."""

    def __init__(self):
        self.asked = []

    def velocity(self, passes, cancel=None):
        self.asked.append([one.prefix.length for one in passes])
        return [np.full(one.x.shape, one.prefix.length, np.float32) + one.rows[:, None] for one in passes]


def branch(length, weight, row=0.0):
    prefix = markov_world().prefix()
    prefix.tokens.extend([1] * length)
    places = np.full(3, row, np.float32)
    return Branch(prefix, places, places, weight)


def called(body, *branches):
    x, time = np.zeros((3, 2), np.float32), np.full(3, 0.5, np.float32)
    return Guided(body, "image", branches, None)(x, time)


def test_two_branches_are_mixed_by_their_weights_in_one_call():
    body = Told()
    found = called(body, branch(5, 3.0), branch(2, -2.0))
    np.testing.assert_allclose(found, 2 + 3.0 * (5 - 2))
    assert body.asked == [[5, 2]]
    assert found.dtype == np.float32


def test_a_branch_without_weight_is_not_computed():
    body = Told()
    np.testing.assert_allclose(called(body, branch(5, 1.0), branch(2, 0.0)), 5)
    assert body.asked == [[5]]


def test_every_branch_stands_at_its_own_places():
    np.testing.assert_allclose(called(Told(), branch(1, 0.5, row=4.0), branch(1, 0.5, row=8.0)), 1 + 6)


def test_a_score_of_nothing_is_refused():
    with pytest.raises(InvalidInput, match="no branch"):
        Guided(Told(), "image", [branch(1, 0.0)], None)


def test_guidance_of_the_real_body_is_the_mixture_of_its_two_velocities(tmp_path):
    from tests.canvases import SPEC
    from tests.models import write_model

    body = NativeBody.open(write_model(tmp_path / "m", SPEC), 1)
    rng = np.random.default_rng(0)
    x, time = rng.standard_normal((5, 16)).astype(np.float32), np.full(5, 0.4, np.float32)
    places = np.arange(5, dtype=np.float32)
    one, two = body.prefix(), body.prefix()
    from brain.backends.body import See, TextPass

    body.hidden([TextPass(one, np.array([1, 20, 10], np.uint32), See.CAUSAL)])
    body.hidden([TextPass(two, np.array([1, 10], np.uint32), See.CAUSAL)])
    alone = [Guided(body, "audio", [Branch(p, places, places, 1.0)], None)(x, time) for p in (one, two)]
    both = Guided(body, "audio", [Branch(one, places, places, 2.5), Branch(two, places, places, -1.5)], None)(x, time)
    np.testing.assert_allclose(both, 2.5 * alone[0] - 1.5 * alone[1], rtol=1e-5, atol=1e-5)
