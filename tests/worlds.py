"""Bodies whose law is known exactly: chains of tokens, scored by forward-backward. The truth for tests of samplers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import (
    Body,
    CancelToken,
    CanvasPass,
    Choice,
    Floats,
    Prefix,
    Proposal,
    See,
    TextPass,
    Tokens,
)
from brain.base.errors import Conflict, InvalidInput
from brain.score.spec import PLAIN, ScoreSpec

FIRST_WORD = 13
"""Below it lie the special tokens of ``ScoreSpec``'s defaults; words begin here."""

Matrix = NDArray[np.float64]


@final
class ChainPrefix(Prefix):
    """The tokens themselves: a chain needs no keys or values."""

    def __init__(self, owner: ChainWorld, tokens: list[int]) -> None:
        self.owner = owner
        self.tokens = tokens

    @property
    def length(self) -> int:
        return len(self.tokens)

    def truncate(self, length: int) -> None:
        if not 0 <= length <= len(self.tokens):
            raise InvalidInput(f"cannot cut a prefix of {len(self.tokens)} tokens to {length}")
        del self.tokens[length:]

    def fork(self) -> ChainPrefix:
        return ChainPrefix(self.owner, list(self.tokens))


@final
@dataclass
class ChainWorld(Body):
    """Token j follows token j - ``lag`` by the rows of ``transition`` [V, V]; the first ``lag`` follow ``bos``.

    A causal place scores the next token exactly; a canvas place scores it exactly given every other token that is
    seen, masked ones summed over. ``calls`` counts passes through the network, as a sampler should.
    """

    transition: Matrix
    lag: int = 1
    calls: int = 0

    @property
    def name(self) -> str:
        return "chain"

    @property
    def spec(self) -> ScoreSpec:
        v = len(self.transition)
        sizes = {"width": v, "layers": 1, "heads": 1, "key_value_heads": 1, "head_size": 4, "feed_forward": v}
        return ScoreSpec(name="chain", vocabulary=v, scheme=PLAIN, **sizes)  # type: ignore[arg-type]

    def prefix(self) -> ChainPrefix:
        return ChainPrefix(self, [])

    def propose(self, passes: Sequence[TextPass], choice: Choice, cancel: CancelToken | None = None) -> list[Proposal]:
        prefixes = self._enter(passes, cancel)
        made = []
        for part, prefix in zip(passes, prefixes, strict=True):
            tokens = [int(token) for token in part.tokens]
            laws = self._causal(prefix, tokens) if part.see is See.CAUSAL else self._canvas(prefix, tokens)
            made.append(_propose(laws, prefix.length + 1, part.targets, choice))
        self._leave(passes, prefixes)
        return made

    def velocity(self, passes: Sequence[CanvasPass], cancel: CancelToken | None = None) -> list[Floats]:
        raise InvalidInput("a chain has no continuous kinds")

    def hidden(self, passes: Sequence[TextPass], cancel: CancelToken | None = None) -> list[Floats]:
        prefixes = self._enter(passes, cancel)
        rows = [self.transition[part.tokens.astype(np.int64)].astype(np.float32) for part in passes]
        self._leave(passes, prefixes)
        return rows

    def next_law(self, before: Sequence[int]) -> NDArray[np.float64]:
        """The exact law [V] of the token after ``before``."""
        return np.asarray(self.transition[before[-self.lag] if len(before) >= self.lag else self.spec.bos])

    def text_law(self, before: Sequence[int], length: int, stop: int) -> dict[tuple[int, ...], float]:
        """The exact law of texts that end at ``stop`` (kept out) or after ``length`` tokens."""
        laws: dict[tuple[int, ...], float] = {}
        open_texts: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
        while open_texts:
            text, chance = open_texts.pop()
            if len(text) == length:
                laws[text] = laws.get(text, 0.0) + chance
                continue
            for token in np.flatnonzero(law := self.next_law([*before, *text])):
                more = chance * float(law[token])
                if token == stop:
                    laws[text] = laws.get(text, 0.0) + more
                else:
                    open_texts.append(((*text, int(token)), more))
        return laws

    def hole_law(self, before: Sequence[int], hole: int, after: Sequence[int]) -> dict[tuple[int, ...], float]:
        """The exact law of the ``hole`` tokens between two texts."""
        texts = self.text_law(before, hole, stop=-1)
        for text in texts:
            seen = [*before, *text]
            for token in after:
                texts[text] *= float(self.next_law(seen)[token])
                seen.append(token)
        total = sum(texts.values())
        return {text: chance / total for text, chance in texts.items()}

    def _enter(self, passes: Sequence[TextPass], cancel: CancelToken | None) -> list[ChainPrefix]:
        """Check the passes as the native body does, and count one pass through the network."""
        if cancel is not None:
            cancel.check()
        prefixes = []
        for part in passes:
            if not isinstance(part.prefix, ChainPrefix) or part.prefix.owner is not self:
                raise InvalidInput("a prefix of another body")
            if len(part.tokens) == 0 or int(part.tokens.max()) >= len(self.transition):
                raise InvalidInput(f"tokens {part.tokens!r}")
            prefixes.append(part.prefix)
        if len({id(prefix) for prefix in prefixes}) < len(prefixes):
            raise Conflict("a prefix stands in two passes of a call")
        self.calls += 1
        return prefixes

    def _leave(self, passes: Sequence[TextPass], prefixes: Sequence[ChainPrefix]) -> None:
        for part, prefix in zip(passes, prefixes, strict=True):
            if part.see is See.CAUSAL:
                prefix.tokens.extend(int(token) for token in part.tokens)

    def _causal(self, prefix: ChainPrefix, tokens: list[int]) -> Matrix:
        seen = prefix.tokens + tokens
        first = prefix.length + 1
        return np.stack([self.next_law(seen[: first + i]) for i in range(len(tokens))])

    def _canvas(self, prefix: ChainPrefix, tokens: list[int]) -> Matrix:
        """Law of each place after the canvas' first, given all the others that are seen."""
        if tokens[0] == self.spec.mask:
            raise InvalidInput("a canvas begins with a clean token, its anchor")
        seen = [*prefix.tokens, *tokens, self.spec.mask]
        start = prefix.length
        forward, backward = self._forward(seen, start), self._backward(seen, start)
        laws = np.stack([forward[place] * backward[place] for place in range(start + 1, len(seen))])
        return np.asarray(laws / laws.sum(axis=1, keepdims=True))

    def _forward(self, seen: list[int], start: int) -> dict[int, NDArray[np.float64]]:
        """For each place from ``start``: its law given the places before it."""
        ahead: dict[int, NDArray[np.float64]] = {}
        for place in range(start, len(seen)):
            back = place - self.lag
            if back < start or seen[back] != self.spec.mask:
                ahead[place] = self.next_law(seen[:place])
            else:
                ahead[place] = ahead[back] @ self.transition
        return ahead

    def _backward(self, seen: list[int], start: int) -> dict[int, NDArray[np.float64]]:
        """For each place from ``start``: how likely the seen places after it are, for each token it may hold."""
        behind: dict[int, NDArray[np.float64]] = {}
        for place in range(len(seen) - 1, start - 1, -1):
            then = place + self.lag
            if then >= len(seen):
                behind[place] = np.ones(len(self.transition))
            elif seen[then] != self.spec.mask:
                behind[place] = self.transition[:, seen[then]]
            else:
                behind[place] = self.transition @ behind[then]
            behind[place] = behind[place] / behind[place].max()
        return behind


def markov_world(words: int = 5, seed: int = 0, *, hostile: bool = False, stop_chance: float = 0.08) -> ChainWorld:
    """Random transitions among ``words`` words and the end; ``hostile`` gives every special token a share too."""
    chance = np.random.default_rng(seed)
    v = FIRST_WORD + words
    transition = np.zeros((v, v))
    transition[:, FIRST_WORD:] = chance.dirichlet(np.full(words, 0.7), size=v) * (1 - stop_chance)
    transition[:, 2] = stop_chance
    if hostile:
        special = np.array([token for token in range(FIRST_WORD) if token != 2])
        transition *= 0.6
        transition[:, special] = 0.4 / len(special)
    return ChainWorld(np.clip(transition, 1e-9, None) if hostile else transition)


def copy_world(words: int = 8, lag: int = 3, loyalty: float = 0.9) -> ChainWorld:
    """Each token repeats the one ``lag`` before it with chance ``loyalty``, and is any word or the end otherwise."""
    v = FIRST_WORD + words
    transition = np.zeros((v, v))
    transition[:, FIRST_WORD:] = 1.0 / words
    any_word = transition.copy()
    for word in range(FIRST_WORD, v):
        transition[word] = (1 - loyalty) * any_word[word]
        transition[word, word] += loyalty
    transition *= 0.97
    transition[:, 2] = 0.03
    return ChainWorld(transition, lag)


def spelling_world(text: str, *, sure: float = 0.97, stop_after: str = "") -> ChainWorld:
    """Spells ``text`` byte by byte, over and over, each byte following the one before it; its bytes must all differ.

    What is not spelled is any byte. ``stop_after`` is a character of one byte after which the text may end instead.
    """
    data = text.encode()
    v = FIRST_WORD + 256
    transition = np.full((v, v), (1 - sure) / 256)
    transition[:, :FIRST_WORD] = 0.0
    for here, then in zip(data, data[1:] + data[:1], strict=True):
        transition[FIRST_WORD + here, FIRST_WORD + then] += sure
    unsure = transition.sum(axis=1) < 0.99
    transition[unsure, FIRST_WORD + data[0]] += sure
    if stop_after:
        transition[FIRST_WORD + ord(stop_after)] = 0.0
        transition[FIRST_WORD + ord(stop_after), 2] = 1.0
    return ChainWorld(transition)


@final
class ByteVocabulary:
    """A token a byte, after the special tokens of ``ScoreSpec``'s defaults: the smallest real tokenizer."""

    MARKS = ("pad", "bos", "endoftext", "mask", "user", "assistant", "end", "system", "code", "image", "audio", "plan")

    def encode(self, text: str, specials: bool = False) -> Tokens:
        return tokens_of([FIRST_WORD + byte for byte in text.encode()])

    def token_bytes(self, token: int) -> bytes:
        return bytes([token - FIRST_WORD]) if token >= FIRST_WORD else f"<|{token}|>".encode()

    def specials(self) -> list[tuple[int, str]]:
        return [(token, f"<|{name}|>") for token, name in enumerate((*self.MARKS, "memory"))]


def total_variation(texts: Sequence[tuple[int, ...]], law: dict[tuple[int, ...], float]) -> float:
    """Half the summed distance between the shares of ``texts`` and their law; 0 is equal, 1 is disjoint."""
    share: dict[tuple[int, ...], float] = dict.fromkeys(law, 0.0)
    for text in texts:
        share[text] = share.get(text, 0.0) + 1 / len(texts)
    return 0.5 * sum(abs(share[text] - law.get(text, 0.0)) for text in share)


def gumbel(seed: int, place: int, count: int) -> NDArray[np.float64]:
    """Standard Gumbel noise [count] of the tokens at ``place``: a hash of (seed, place, token), nothing else."""
    with np.errstate(over="ignore"):
        key = _mixed(np.uint64(seed) ^ _mixed(np.uint64(place) + np.uint64(0x9E3779B97F4A7C15)))
        bits = _mixed(key + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03))
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return np.asarray(-np.log(-np.log(uniform)))


def _mixed(z: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    z = np.asarray(z, dtype=np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def _propose(laws: Matrix, first_place: int, targets: NDArray[np.int64] | None, choice: Choice) -> Proposal:
    """The fields of a Proposal for laws [L, V]; row i speaks of the absolute place ``first_place`` + i."""
    asked = np.full(len(laws), np.nan, dtype=np.float32)
    with np.errstate(divide="ignore"):
        if targets is not None:
            wanted = targets >= 0
            asked[wanted] = np.log(laws[np.flatnonzero(wanted), targets[wanted]])
        allowed = laws.copy()
        allowed[:, list(choice.forbid)] = 0.0
        allowed /= allowed.sum(axis=1, keepdims=True)
        logs = np.log(allowed)
    ranked = np.sort(allowed, axis=1)
    token = np.array([_choose(row, logs[i], first_place + i, choice) for i, row in enumerate(allowed)])
    entropy = -np.sum(np.where(allowed > 0, allowed * np.where(allowed > 0, logs, 0), 0), axis=1)
    return Proposal(
        token.astype(np.uint32),
        logs[np.arange(len(laws)), token].astype(np.float32),
        entropy.astype(np.float32),
        (ranked[:, -1] - ranked[:, -2]).astype(np.float32),
        asked,
    )


def _choose(law: NDArray[np.float64], logs: NDArray[np.float64], place: int, choice: Choice) -> int:
    """Arg-max, or Gumbel-max over what ``min_p`` leaves."""
    if choice.temperature == 0:
        return int(law.argmax())
    kept = np.where(law >= choice.min_p * law.max(), logs, -np.inf)
    return int((kept / choice.temperature + gumbel(choice.seed, place, len(law))).argmax())


def tokens_of(values: Sequence[int] | range) -> Tokens:
    """Tokens as bodies take them."""
    return np.array(values, dtype=np.uint32)
