"""The torch network: its law of attention, its rounding, its parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.base.errors import CorruptData
from brain.score.spec import BASE, TINY
from brain.score.torch.load import from_tensors
from brain.score.torch.network import ScoreNetwork
from brain.score.torch.quantised import int2_levels, int2_scales, int2_weight, int8_activation, int8_codes
from brain.score.torch.trunk import angles, attend, block_law, law, rotate
from tests.models import SMALL, random_tensors


@pytest.fixture(scope="module")
def network():
    return from_tensors(SMALL, random_tensors(SMALL, 3))


def hidden(network, tokens, prefix):
    places = torch.arange(len(tokens), dtype=torch.float32)
    cos, sin = network.angles(places)
    return network.trunk(network.embed(tokens[None]), cos[None], sin[None], law(len(tokens), prefix))[0]


@given(length=st.integers(1, 12), prefix=st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_a_place_sees_what_came_before_and_a_canvas_sees_all(length, prefix):
    sees = law(length, prefix)
    for query in range(length):
        for key in range(length):
            assert bool(sees[query, key]) == (key <= query or query >= prefix)


@given(length=st.integers(1, 12), block=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_a_place_sees_earlier_blocks_and_its_own(length, block):
    sees = block_law(length, block)
    for query in range(length):
        assert sees[query].tolist() == [key < (query // block + 1) * block for key in range(length)]


def test_a_network_without_head_norms_and_with_its_own_head_uses_neither_norm_nor_embedding():
    spec = replace(SMALL, query_key_norm=False, tied_embedding=False)
    tensors = random_tensors(spec, 3)
    network, tokens = from_tensors(spec, tensors), torch.tensor([5, 9, 4, 7])
    found = hidden(network, tokens, 4)
    torch.testing.assert_close(network.logits(found), found @ torch.tensor(tensors["head"]).T)
    ones = {f"blocks.{i}.{n}": np.ones(64, np.float32) for i in range(spec.layers) for n in ("qn", "kn")}
    normed = from_tensors(replace(SMALL, tied_embedding=False), {**tensors, **ones})
    assert not torch.allclose(hidden(normed, tokens, 4), found, atol=1e-2)


def test_attention_is_the_softmax_mixture_of_each_query_heads_own_key_head():
    g = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 5, heads, 64, generator=g, dtype=torch.float64) for heads in (4, 2, 2))
    found = attend(q, k, v, law(5, 3))
    for head in range(4):
        scores = q[0, :, head] @ k[0, :, head // 2].T / 8
        weights = scores.masked_fill(~law(5, 3), float("-inf")).softmax(-1)
        torch.testing.assert_close(found[0, :, head], weights @ v[0, :, head // 2])


def test_a_batch_of_masks_is_one_mask_a_text():
    g = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 5, heads, 64, generator=g) for heads in (4, 2, 2))
    masks = torch.stack((law(5, 5), law(5, 0)))
    both = attend(q, k, v, masks)
    for i in range(2):
        torch.testing.assert_close(both[i], attend(q[i : i + 1], k[i : i + 1], v[i : i + 1], masks[i])[0])


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_a_flex_mask_says_what_the_dense_one_says(network):
    from torch.nn.attention.flex_attention import create_block_mask

    tokens = torch.arange(20, 148)
    flex = create_block_mask(lambda b, h, q, k: (k <= q) | (q >= 40), None, None, 128, 128, device="cpu")
    cos, sin = network.angles(torch.arange(128, dtype=torch.float32))
    with torch.no_grad():
        found = network.trunk(network.embed(tokens[None]), cos[None], sin[None], flex)[0]
        torch.testing.assert_close(found, hidden(network, tokens, 40), atol=1e-4, rtol=0)


def test_rotation_keeps_length_and_only_distance_counts():
    g = torch.Generator().manual_seed(1)
    q, k = torch.randn(1, 1, 64, generator=g), torch.randn(1, 1, 64, generator=g)

    def product(query_at, key_at):
        turned = []
        for x, at in ((q, query_at), (k, key_at)):
            cos, sin = angles(torch.tensor([at[0]]), torch.tensor([at[1]]), 1e4, 64)
            turned.append(rotate(x, cos, sin))
        torch.testing.assert_close(turned[0].norm(), q.norm())
        return (turned[0] * turned[1]).sum()

    torch.testing.assert_close(
        product((7.0, 7.0), (3.0, 3.0)), product((1004.0, 1004.0), (1000.0, 1000.0)), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(product((7.0, 1.0), (3.0, 2.0)), product((17.0, 31.0), (13.0, 32.0)), atol=1e-3, rtol=0)
    assert abs(product((7.0, 7.0), (3.0, 3.0)) - product((7.0, 7.0), (3.0, 5.0))) > 1e-3


def test_even_pairs_turn_with_the_row_and_odd_ones_with_the_column():
    cos, sin = angles(torch.tensor([2.0]), torch.tensor([5.0]), 1e4, 64)
    for i in range(32):
        turn = (2.0 if i % 2 == 0 else 5.0) * 1e4 ** (-i / 32)
        assert cos[0, i].item() == pytest.approx(np.cos(turn), abs=1e-6)
        assert sin[0, i].item() == pytest.approx(np.sin(turn), abs=1e-6)


def test_int2_weights_take_four_levels_of_their_groups_scale():
    weight = torch.randn(8, 192, generator=torch.Generator().manual_seed(2))
    scales = int2_scales(weight)
    levels = int2_levels(weight, scales)
    assert (scales.shape, sorted(levels.unique().tolist())) == ((8, 3, 1), [-1.5, -0.5, 0.5, 1.5])
    torch.testing.assert_close(int2_weight(weight), (levels * scales).view(8, 192))
    every = torch.tensor([-1.5, -0.5, 0.5, 1.5]) * scales[0, 0]
    nearest = (weight[0, :64, None] - every).abs().argmin(-1)
    torch.testing.assert_close(levels[0, 0], every[nearest] / scales[0, 0, 0])


def test_int8_codes_are_symmetric_with_one_scale_a_token():
    x = torch.tensor([[1.27, -0.5, 0.0, 0.004], [0.0, 0.0, 0.0, 0.0]])
    codes, scale = int8_codes(x)
    assert codes.tolist() == [[127, -50, 0, 0], [0, 0, 0, 0]]
    torch.testing.assert_close(scale[:, 0], torch.tensor([0.01, 1e-5 / 127]))


def test_rounding_lets_gradients_through_unchanged():
    for rule in (int2_weight, int8_activation):
        x = torch.randn(4, 64, generator=torch.Generator().manual_seed(3), requires_grad=True)
        towards = torch.randn(4, 64, generator=torch.Generator().manual_seed(4))
        (rule(x) * towards).sum().backward()
        torch.testing.assert_close(x.grad, towards)


def test_parameters_are_the_specs_tensors_and_no_others():
    for spec in (SMALL, TINY):
        state = {name: tuple(tensor.shape) for name, tensor in ScoreNetwork(spec).state_dict().items()}
        assert state == {tensor.name: tensor.shape for tensor in spec.tensors()}
        assert sum(p.numel() for p in ScoreNetwork(spec).parameters()) == spec.parameters


def test_a_new_network_depends_on_its_seed_alone_and_starts_without_velocity():
    def started(seed):
        network = ScoreNetwork(SMALL)
        network.initialise(torch.Generator().manual_seed(seed))
        return network.state_dict()

    first, again, other = started(1), started(1), started(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["emb"], other["emb"])
    assert first["emb"].std() == pytest.approx(0.02, rel=0.05)
    assert first["blocks.0.down"].std() < 0.6 * first["blocks.0.up"].std()
    for name in ("mod", "out.image", "out.audio", "out.plan"):
        assert not first[name].any()


def test_training_in_int2_runs_the_network_that_is_stored():
    tensors = random_tensors(SMALL, 5)
    latent = from_tensors(SMALL, tensors)
    trained = ScoreNetwork(SMALL, quantise=True)
    trained.load_state_dict(latent.state_dict())
    rounded = {
        name: int2_weight(torch.tensor(value)).numpy() if SMALL.tensor(name).scheme == SMALL.scheme else value
        for name, value in tensors.items()
    }
    served = from_tensors(SMALL, rounded, activations=True)
    tokens = torch.arange(20, 30)
    with torch.no_grad():
        torch.testing.assert_close(hidden(trained, tokens, 10), hidden(served, tokens, 10))
        assert (hidden(trained, tokens, 10) - hidden(latent, tokens, 10)).abs().max() > 0.01


def test_every_parameter_learns_from_text_or_from_a_canvas():
    network = ScoreNetwork(SMALL, quantise=True)
    network.load_state_dict(from_tensors(SMALL, random_tensors(SMALL, 6)).state_dict())
    tokens = torch.arange(20, 32)
    loss = network.logits(hidden(network, tokens, 6)).logsumexp(-1).sum()
    for kind, of in SMALL.kinds.items():
        cos, sin = network.angles(torch.arange(12 + 4, dtype=torch.float32))
        x, time = torch.ones(1, 4, of.channels), torch.full((1, 4), 0.3)
        tables = {"cos": cos[None], "sin": sin[None], "mask": law(16, 12)}
        loss = loss + network.canvas(kind, tokens[None], x, time, **tables).square().sum()
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_times_near_each_other_embed_near_each_other(network):
    found = network.time_embedding(torch.tensor([0.3, 0.3001, 0.8]))
    assert (found[0] - found[1]).norm() < 0.5 * (found[0] - found[2]).norm()


def test_tensors_that_do_not_fit_the_spec_are_refused():
    tensors = random_tensors(SMALL, 7)
    with pytest.raises(CorruptData, match=r"blocks\.1\.wo is missing"):
        from_tensors(SMALL, {name: value for name, value in tensors.items() if name != "blocks.1.wo"})
    with pytest.raises(CorruptData, match=r"nf has shape \(127,\)"):
        from_tensors(SMALL, {**tensors, "nf": tensors["nf"][:-1]})


def test_the_base_network_has_the_sizes_of_its_card():
    trunk = sum(t.parameters for t in BASE.tensors() if t.name.startswith("blocks."))
    assert (round(trunk / 1e6, 1), BASE.tensor("emb").parameters) == (29.5, 8192 * 512)
