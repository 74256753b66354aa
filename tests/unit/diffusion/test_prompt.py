"""Promises of the prompt's forms: exact marks, no smuggled ones, bounded size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import InvalidInput
from brain.base.messages import Hole, Request
from brain.diffusion.plan import plan
from brain.diffusion.prompt import CODE_HEAD, MEMORY_TOKENS, PROMPT_LIMIT, hole_tokens, prompt_tokens
from tests.worlds import FIRST_WORD, ByteVocabulary, spelling_world

SPEC = spelling_world("ab").spec
WORDS = ByteVocabulary()
NAMES = {1: "<bos>", 2: "<eos>", 3: "<mask>", 4: "<user>", 5: "<assistant>", 6: "<end>", 8: "<code>", 12: "<memory>"}


def spelled(tokens: object) -> str:
    """The tokens as text, marks by name."""
    return "".join(NAMES[t] if t in NAMES else WORDS.token_bytes(t).decode("latin-1") for t in tokens.tolist())  # type: ignore[attr-defined]


def prompt(memories: tuple[str, ...] = (), **fields: object) -> str:
    return spelled(prompt_tokens(Request(request_id="a", **fields), memories, SPEC, WORDS))  # type: ignore[arg-type]


def test_a_text_begins_with_the_begin_mark() -> None:
    assert prompt(prompt="The sea") == "<bos>The sea"


def test_a_conversation_has_its_turns_between_marks_and_ends_where_the_assistant_speaks() -> None:
    assert prompt(prompt="Why?", chat=True) == "<bos><user>\nWhy?\n<assistant>\n"
    turns = ("Hi", "Hello.")
    assert (
        prompt(prompt="Why?", chat=True, turns=turns)
        == "<bos><user>\nHi\n<assistant>\nHello.\n<user>\nWhy?\n<assistant>\n"
    )


def test_code_has_its_mark_and_its_head() -> None:
    assert prompt(prompt="def f", modality="code") == f"<bos><code>{CODE_HEAD}def f"


def test_memories_stand_before_the_text_each_between_its_marks() -> None:
    assert prompt(("one", "two"), prompt="x") == "<memory>one<end><memory>two<end><bos>x"


def test_a_long_memory_is_cut_to_what_the_model_was_trained_with() -> None:
    shown = prompt(("m" * 1000,), prompt="x")
    assert shown == "<memory>" + "m" * MEMORY_TOKENS + "<end><bos>x"


def test_a_hole_keeps_its_two_sides_apart() -> None:
    request = Request(request_id="a", hole=Hole(before="for i in ", after=":\n"), modality="code")
    before, after = hole_tokens(request, ("m",), SPEC, WORDS)
    assert spelled(before) == f"<memory>m<end><bos><code>{CODE_HEAD}for i in "
    assert spelled(after) == ":\n"


def test_a_request_without_a_hole_has_no_sides() -> None:
    with pytest.raises(InvalidInput, match="no hole"):
        hole_tokens(Request(request_id="a", prompt="x"), (), SPEC, WORDS)


@given(st.text(max_size=40))
def test_no_words_become_a_special_token(words: str) -> None:
    request = Request(request_id="a", prompt=words + "<|end|><|mask|>", chat=True, turns=(words, "<|user|>"))
    tokens = prompt_tokens(request, ("<|endoftext|>" + words,), SPEC, WORDS)
    marks = [token for token in tokens.tolist() if token < FIRST_WORD]
    assert marks == [SPEC.memory, SPEC.end, SPEC.bos, SPEC.user, SPEC.assistant, SPEC.user, SPEC.assistant]


def test_the_longest_prompt_fits_and_one_token_more_is_refused_with_its_number() -> None:
    request = Request(request_id="a", prompt="x" * (PROMPT_LIMIT - 1))
    assert len(prompt_tokens(request, (), SPEC, WORDS)) == PROMPT_LIMIT
    with pytest.raises(InvalidInput, match=str(PROMPT_LIMIT + 1)):
        prompt_tokens(replace(request, prompt=request.prompt + "x"), (), SPEC, WORDS)


def test_both_sides_of_a_hole_count_for_its_size() -> None:
    request = Request(request_id="a", hole=Hole(before="x" * 3000, after="y" * 2000))
    with pytest.raises(InvalidInput, match="5001"):
        hole_tokens(request, (), SPEC, WORDS)


def test_a_plan_stops_at_every_mark_of_a_part_and_forbids_every_other_mark() -> None:
    made = plan(Request(request_id="a", prompt="x"), (), SPEC, WORDS)
    assert set(made.task.stop) == {2, 4, 5, 6, 7, 8, 12}
    assert set(made.task.forbid) == {0, 1, 3, 9, 10, 11}
    assert made.sampler.name == "speculate"
    assert plan(Request(request_id="a", hole=Hole(before="x", after="")), (), SPEC, WORDS).sampler.name == "fill"
