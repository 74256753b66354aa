"""Promises of the native network as Python meets it; the numbers are held to the golden vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brain.base.errors import Conflict, CorruptData, InvalidInput, NotFound, Unsupported
from brain.native.forward import Network
from brain.native.weights import Weights, read_safetensors

ROOT = Path(__file__).resolve().parents[3]
BASE = ROOT / "brain/pretrained/base"
GOLDEN = read_safetensors(ROOT / "tests/parity/golden/golden.safetensors")
WEIGHTS = Weights.open(BASE / "weights.arrow")
SCORE = (BASE / "score.json").read_text(encoding="utf-8")
TOKENS = GOLDEN["causal.ids"].astype(np.uint32)
FORBID = (0, 1, 3)


@pytest.fixture(scope="module")
def network():
    return Network.open(WEIGHTS, SCORE, 2)


def text(cache, tokens, see="causal", start=None):
    start = len(cache) if start is None else start
    places = np.arange(start, start + len(tokens), dtype=np.float32)
    return (cache, np.asarray(tokens, np.uint32), places, places, see)


def test_a_network_says_what_it_is(network):
    assert (network.width, network.vocabulary, network.threads) == (512, 8192, 2)


def test_causal_logits_are_the_golden_ones(network):
    (logits,) = network.logits([text(network.cache(), TOKENS)], precision="f32")
    assert np.abs(logits[-4:] - GOLDEN["causal.logits_last4.f32"]).max() < 1e-4 * np.abs(logits).max()


def test_a_canvas_leaves_the_prefix_as_it_was_and_has_the_golden_logits(network):
    cache = network.cache()
    tokens, prefix = GOLDEN["canvas.ids"].astype(np.uint32), int(GOLDEN["canvas.prefix"])
    network.propose([text(cache, tokens[:prefix])], wanted=[(0, 0)], precision="f32")
    (logits,) = network.logits([text(cache, tokens[prefix:], "canvas")], precision="f32")
    assert np.abs(logits - GOLDEN["canvas.logits.f32"]).max() < 1e-4 * np.abs(logits).max()
    assert len(cache) == prefix


def test_a_proposal_is_what_its_logits_say(network):
    (logits,) = network.logits([text(network.cache(), TOKENS)])
    targets = np.concatenate([TOKENS[1:].astype(np.int64), [-1]])
    (found,) = network.propose([text(network.cache(), TOKENS)], forbid=FORBID, targets=[targets])
    whole = logits.astype(np.float64) - np.log(np.exp(logits.astype(np.float64)).sum(1, keepdims=True))
    allowed = logits.astype(np.float64)
    allowed[:, FORBID] = -np.inf
    allowed -= np.log(np.exp(allowed).sum(1, keepdims=True))
    probabilities = np.exp(allowed)
    best = np.sort(probabilities, axis=1)
    assert np.array_equal(found.token, allowed.argmax(1))
    assert np.allclose(found.log_prob, allowed.max(1), atol=1e-4)
    assert np.allclose(found.margin, best[:, -1] - best[:, -2], atol=1e-4)
    assert np.allclose(found.entropy, -(probabilities * np.where(probabilities > 0, allowed, 0)).sum(1), atol=1e-3)
    assert np.allclose(found.target_log_prob[:-1], whole[np.arange(len(TOKENS) - 1), TOKENS[1:]], atol=1e-4)
    assert np.isnan(found.target_log_prob[-1])
    assert found.token.dtype == np.uint32
    assert {a.dtype for a in (found.log_prob, found.entropy, found.margin, found.target_log_prob)} == {np.dtype("f4")}


def test_only_the_wanted_places_are_scored_and_they_are_the_same(network):
    (all_places,) = network.propose([text(network.cache(), TOKENS)])
    cache = network.cache()
    (wanted,) = network.propose([text(cache, TOKENS)], wanted=[(5, 8)], targets=[np.array([40, -1, 41])])
    assert wanted.token.tolist() == all_places.token[5:8].tolist()
    assert wanted.log_prob.tobytes() == all_places.log_prob[5:8].tobytes()
    assert np.isfinite(wanted.target_log_prob).tolist() == [True, False, True]
    assert len(cache) == len(TOKENS)


def test_tokens_one_by_one_and_all_at_once_are_the_same_to_the_bit(network):
    (at_once,) = network.hidden([text(network.cache(), TOKENS)])
    cache = network.cache()
    one_by_one = [network.hidden([text(cache, [token])])[0] for token in TOKENS]
    assert np.concatenate(one_by_one).tobytes() == at_once.tobytes()


def test_threads_and_company_change_nothing_to_the_bit(network):
    alone = Network.open(WEIGHTS, SCORE, 1)
    (single,) = alone.hidden([text(alone.cache(), TOKENS)])
    other = text(network.cache(), TOKENS[:7][::-1].copy())
    together = network.hidden([other, text(network.cache(), TOKENS)])
    assert together[1].tobytes() == single.tobytes()


def test_the_same_seed_draws_the_same_tokens_and_another_draws_others(network):
    def drawn(seed):
        (found,) = network.propose([text(network.cache(), TOKENS)], temperature=1.0, seed=seed)
        return found.token.tolist()

    assert drawn(5) == drawn(5)
    assert len({tuple(drawn(seed)) for seed in (0, 1, 2**64 - 1)}) == 3


def test_a_fork_grows_apart(network):
    cache = network.cache()
    network.hidden([text(cache, TOKENS[:10])])
    fork = cache.fork()
    network.hidden([text(fork, TOKENS[10:])])
    assert (len(cache), len(fork)) == (10, len(TOKENS))
    fork.truncate(4)
    assert (len(fork), fork.len_bytes) == (4, 4 * 10 * 2 * 256 * 4)
    with pytest.raises(InvalidInput, match="length"):
        fork.truncate(5)
    with pytest.raises(InvalidInput, match="length"):
        fork.truncate(-1)


@pytest.mark.parametrize("kind", ["image", "audio", "plan"])
def test_velocities_are_the_golden_ones(network, kind):
    cache = network.cache()
    prompt = GOLDEN[f"{kind}.ids"].astype(np.uint32)
    x, time, n = GOLDEN[f"{kind}.x"], GOLDEN[f"{kind}.t"], len(prompt)
    index = np.arange(len(x), dtype=np.float32)
    prompt_places = np.arange(n, dtype=np.float32)
    places = {"image": (n + index // 16, n + index % 16), "audio": (index, index), "plan": (n + index, n + index)}[kind]
    if kind == "audio":
        prompt_places = (prompt_places * len(x) / n).astype(np.float32)
    network.propose([(cache, prompt, prompt_places, prompt_places, "causal")], wanted=[(0, 0)], precision="f32")
    (found,) = network.velocity([(cache, kind, x, time, *places)], precision="f32")
    assert np.abs(found - GOLDEN[f"{kind}.velocity.f32"]).max() < 1e-4 * max(1.0, np.abs(found).max())
    assert len(cache) == n


def test_one_block_follows_the_int8_rule(network):
    x = GOLDEN["int8.block0.input"]
    found = network.block(0, x, np.arange(len(x), dtype=np.float32), "causal")
    apart = np.abs(found - GOLDEN["int8.block0.output"])
    # An activation on the edge between two codes may fall to either side, which moves its row a little.
    assert np.median(apart) < 1e-5
    assert apart.max() < 0.1


def test_a_cache_in_two_passes_of_a_call_is_refused_and_stays_usable(network):
    cache = network.cache()
    with pytest.raises(Conflict, match="prefix"):
        network.propose([text(cache, TOKENS), text(cache, TOKENS)])
    assert len(cache) == 0


BAD = {
    "a token past the vocabulary": (lambda c: [text(c, [8192])], {}, "token"),
    "no tokens": (lambda c: [text(c, [])], {}, "pass"),
    "another way to see": (lambda c: [text(c, [5], "all")], {}, "see"),
    "signed tokens": (lambda c: [(c, np.array([5]), np.zeros(1, "f4"), np.zeros(1, "f4"), "causal")], {}, "tokens"),
    "fewer rows than tokens": (
        lambda c: [(c, np.array([5, 6], "u4"), np.zeros(1, "f4"), np.zeros(1, "f4"), "causal")],
        {},
        "tokens",
    ),
    "a position that is no number": (
        lambda c: [(c, np.array([5], "u4"), np.full(1, np.nan, "f4"), np.zeros(1, "f4"), "causal")],
        {},
        "position",
    ),
    "a cold temperature": (lambda c: [text(c, [5])], {"temperature": -1.0}, "temperature"),
    "min_p above one": (lambda c: [text(c, [5])], {"min_p": 1.5}, "min_p"),
    "a seed below zero": (lambda c: [text(c, [5])], {"seed": -1}, "seed"),
    "a forbidden token past the vocabulary": (lambda c: [text(c, [5])], {"forbid": [8192]}, "forbid"),
    "targets for another number of passes": (lambda c: [text(c, [5])], {"targets": []}, "targets"),
    "targets of another length": (lambda c: [text(c, [5])], {"targets": [np.array([1, 2])]}, "targets"),
    "a target past the vocabulary": (lambda c: [text(c, [5])], {"targets": [np.array([8192])]}, "target"),
    "wanted places past the end": (lambda c: [text(c, [5])], {"wanted": [(0, 2)]}, "rows"),
    "wanted places backwards": (lambda c: [text(c, [5])], {"wanted": [(1, 0)]}, "rows"),
    "wanted places for no pass": (lambda c: [text(c, [5])], {"wanted": []}, "wanted"),
    "another precision": (lambda c: [text(c, [5])], {"precision": "int4"}, "precision"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_call_is_refused_by_name_and_the_prefix_stays_as_it_was(network, case):
    passes, options, told = BAD[case]
    cache = network.cache()
    with pytest.raises(InvalidInput, match=told):
        network.propose(passes(cache), **options)
    assert len(cache) == 0


def test_bad_vectors_are_refused(network):
    cache, ones = network.cache(), np.ones(4, np.float32)
    good = np.zeros((4, 32), np.float32)
    with pytest.raises(InvalidInput, match="x"):
        network.velocity([(cache, "image", np.zeros((8, 16), np.float32), ones, ones, ones)])
    with pytest.raises(NotFound, match="smell"):
        network.velocity([(cache, "smell", good, ones, ones, ones)])
    with pytest.raises(InvalidInput, match="time"):
        network.velocity([(cache, "image", good, 2 * ones, ones, ones)])
    with pytest.raises(InvalidInput, match="x"):
        network.velocity([(cache, "image", good[:, :31].copy(), ones, ones, ones)])


def test_a_network_over_the_wrong_files_is_refused():
    with pytest.raises(CorruptData):
        Network.open(WEIGHTS, "{", 1)
    with pytest.raises((InvalidInput, NotFound, Unsupported, Conflict)):
        Network.open(WEIGHTS, SCORE.replace('"layers": 10', '"layers": 9'), 1)
    with pytest.raises(InvalidInput, match="threads"):
        Network.open(WEIGHTS, SCORE, 0)


def test_a_block_that_is_not_there_is_refused(network):
    x, places = np.zeros((2, 512), np.float32), np.zeros(2, np.float32)
    for layer in (-1, 10, 2**63):
        with pytest.raises(InvalidInput, match="layer"):
            network.block(layer, x, places, "causal")
    with pytest.raises(InvalidInput, match="x"):
        network.block(0, x[:, :256].copy(), places, "causal")
