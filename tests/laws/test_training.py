"""Laws of the training objectives: against a naive reference that goes block by block, and of what is masked."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.base.errors import InvalidInput
from brain.score.torch.network import ScoreNetwork
from brain.score.torch.trunk import law
from brain.training.losses.fill import fill_loss
from brain.training.losses.laws import fill_law, mask_of, pair_law
from brain.training.losses.maskings import fill_masking, fill_prefixes, pair_masking
from brain.training.losses.pair import pair_loss
from tests.tiny_model import MITE

CPU = torch.device("cpu")
SPEC = MITE.spec


@pytest.fixture(scope="module")
def network() -> ScoreNetwork:
    net = ScoreNetwork(SPEC)
    net.initialise(torch.Generator().manual_seed(3))
    with torch.no_grad():
        net.emb.mul_(8)
    return net


def naive(network: ScoreNetwork, tokens: torch.Tensor, prefix: int) -> torch.Tensor:
    """Log-probabilities [T, vocabulary] of one text: a prefix of that length, and all that follows as its canvas."""
    cos, sin = network.angles(torch.arange(len(tokens))[None])
    hidden = network.trunk(network.embed(tokens[None]), cos, sin, law(len(tokens), prefix))
    scores = network.logits(hidden)[0]
    return scores - scores.exp().sum(-1, keepdim=True).log()


def naive_pair(network: ScoreNetwork, windows: torch.Tensor, masked: torch.Tensor, block: int) -> tuple[float, float]:
    ahead, hidden = [], []
    for window, holes in zip(windows, masked, strict=True):
        text = window[:-1]
        causal = naive(network, text, len(text))
        ahead += [-float(causal[i, window[i + 1]]) for i in range(len(text))]
        for start in range(0, len(text), block):
            canvas = torch.where(holes, SPEC.mask, text)[start : start + block]
            seen = naive(network, torch.cat((text[:start], canvas)), start)
            places = [i for i in range(start, start + block) if holes[i]]
            hidden.append(sum(-float(seen[i - 1, text[i]]) for i in places) / len(places))
    return sum(ahead) / len(ahead), sum(hidden) / len(hidden)


@pytest.mark.parametrize("block", [2, 8, 16])
def test_the_pair_loss_equals_going_through_the_blocks_one_by_one(network: ScoreNetwork, block: int) -> None:
    chance = np.random.default_rng(block)
    windows = torch.from_numpy(chance.integers(13, SPEC.vocabulary, (3, 33)))
    masking = pair_masking(3, 32, block, chance)
    masked = torch.from_numpy(masking.masked)
    mask = mask_of(pair_law(32, torch.tensor(block)), 64, CPU)
    weights = torch.from_numpy(masking.weights)
    with torch.no_grad():
        found = pair_loss(network, windows, masked, weights, mask=mask, dtype=torch.float32)
        wanted = naive_pair(network, windows, masked, block)
    assert [float(loss) for loss in found] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("prefix", [0, 5, 24])
def test_the_fill_loss_equals_going_through_the_texts_one_by_one(network: ScoreNetwork, prefix: int) -> None:
    chance = np.random.default_rng(prefix)
    texts = torch.from_numpy(chance.integers(13, SPEC.vocabulary, (4, 32)))
    masking = fill_masking(4, 32, prefix, chance)
    masked = torch.from_numpy(masking.masked)
    mask = mask_of(fill_law(torch.tensor(prefix)), 32, CPU)
    wanted = []
    with torch.no_grad():
        found = fill_loss(network, texts, masked, torch.from_numpy(masking.weights), mask=mask, dtype=torch.float32)
        for text, holes in zip(texts, masked, strict=True):
            seen = naive(network, torch.where(holes, SPEC.mask, text), prefix)
            places = [i for i in range(32) if holes[i]]
            wanted.append(sum(-float(seen[i - 1, text[i]]) for i in places) / len(places))
    assert float(found) == pytest.approx(sum(wanted) / 4, abs=1e-5)


def test_many_rows_are_scored_in_chunks_with_the_same_loss_and_gradient(
    network: ScoreNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    from brain.training.losses import cross_entropy

    chance = torch.Generator().manual_seed(1)
    hidden = torch.randn(40, SPEC.width, generator=chance, requires_grad=True)
    targets = torch.randint(0, SPEC.vocabulary, (40,), generator=chance)
    weights = torch.rand(40, generator=chance)
    whole = cross_entropy.weighted_cross_entropy(network, hidden, targets, weights)
    (wanted,) = torch.autograd.grad(whole, hidden)
    monkeypatch.setattr(cross_entropy, "CHUNK_ROWS", 7)
    parts = cross_entropy.weighted_cross_entropy(network, hidden, targets, weights)
    (found,) = torch.autograd.grad(parts, hidden)
    assert float(parts.detach()) == pytest.approx(float(whole.detach()), rel=1e-6)
    torch.testing.assert_close(found, wanted)


@given(st.sampled_from([(8, 2), (16, 4), (16, 8), (32, 16)]))
@settings(max_examples=4)
def test_a_place_of_a_pair_sees_its_clean_past_and_its_own_block_alone(sizes: tuple[int, int]) -> None:
    length, block = sizes
    mask = mask_of(pair_law(length, torch.tensor(block)), 2 * length, CPU)
    assert isinstance(mask, torch.Tensor)
    for query in range(2 * length):
        own = query - length
        if own < 0:
            allowed = set(range(query + 1))
        else:
            start = own - own % block
            allowed = set(range(start)) | set(range(length + start, length + start + block))
        assert set(mask[query].nonzero()[:, 0].tolist()) == allowed


def test_a_flex_mask_says_the_same_as_the_dense_one() -> None:
    from torch.nn.attention.flex_attention import create_mask

    for sees, places in ((pair_law(16, torch.tensor(4)), 32), (fill_law(torch.tensor(5)), 16)):
        dense = mask_of(sees, places, CPU)
        flex = create_mask(lambda b, h, q, k, sees=sees: sees(q, k), 1, 1, places, places, device="cpu")
        assert torch.equal(flex[0, 0], dense)


def test_a_canvas_of_infilling_obeys_the_one_law_of_attention() -> None:
    for prefix in (0, 3, 9):
        assert torch.equal(mask_of(fill_law(torch.tensor(prefix)), 10, CPU), law(10, prefix))


@pytest.mark.parametrize("block", [4, 8, 32])
def test_how_many_places_of_a_block_are_masked_is_uniform(block: int) -> None:
    masking = pair_masking(200, 3200 - 3200 % block, block, np.random.default_rng(block))
    blocks = masking.masked.reshape(-1, block)
    counts = np.bincount(blocks.sum(-1), minlength=block)
    assert counts[0] == 0
    shares = counts[1:] / len(blocks)
    # four deviations of a share of 1 / n
    n = block - 1
    assert np.abs(shares - 1 / n).max() < 4 * math.sqrt(1 / n / len(blocks))
    by_place = blocks.mean(0)
    assert by_place[0] == 0
    assert np.ptp(by_place[1:]) < 8 * 0.5 / math.sqrt(len(blocks))


@given(st.integers(1, 5), st.sampled_from([2, 4, 8]), st.integers(0, 1000))
def test_the_weights_of_a_pair_are_means_of_blocks_that_sum_to_one(texts: int, block: int, seed: int) -> None:
    masking = pair_masking(texts, 4 * block, block, np.random.default_rng(seed))
    assert ((masking.weights > 0) == masking.masked).all()
    sums = masking.weights.reshape(-1, block).sum(-1)
    assert sums == pytest.approx(np.full(len(sums), 1 / len(sums)), rel=1e-5)


@given(st.integers(1, 6), st.integers(2, 70), st.data())
def test_infilling_masks_something_after_the_anchor_and_nothing_before(texts: int, length: int, data) -> None:
    prefix = data.draw(st.integers(0, length - 2))
    masking = fill_masking(texts, length, prefix, np.random.default_rng(data.draw(st.integers(0, 99))))
    assert not masking.masked[:, : prefix + 1].any()
    assert masking.masked.any(-1).all()
    assert masking.weights.sum(-1) == pytest.approx(np.full(texts, 1 / texts), rel=1e-5)
    assert ((masking.weights > 0) == masking.masked).all()


def test_six_in_ten_holes_of_infilling_are_one_span_of_every_order_of_length() -> None:
    masking = fill_masking(4000, 257, 0, np.random.default_rng(5))
    changes = np.abs(np.diff(np.pad(masking.masked, ((0, 0), (1, 1))).astype(int), axis=-1)).sum(-1)
    spans = masking.masked[changes == 2].sum(-1)
    assert len(spans) / 4000 == pytest.approx(0.6, abs=0.04)
    assert spans.min() >= 4 or (spans < 4).mean() < 0.02
    middle = math.sqrt(4 * 129)
    assert (spans < middle).mean() == pytest.approx(0.5, abs=0.05)


def test_impossible_blocks_and_canvases_are_refused() -> None:
    chance = np.random.default_rng(0)
    for block in (0, 1, 7):
        with pytest.raises(InvalidInput, match="has no blocks"):
            pair_masking(1, 32, block, chance)
    for prefix in (-1, 31, 32):
        with pytest.raises(InvalidInput, match="nothing to mask"):
            fill_masking(1, 32, prefix, chance)
    assert fill_prefixes(64) == (0, 8, 24, 40, 56)
    assert fill_prefixes(2) == (0,)
