"""What a score network is: every size, special token and tensor, read from ``score.json``. It holds no weights.

The one place that knows each tensor's name and shape; both bodies, the loaders and the importers read them here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, final

from brain.base.errors import CorruptData, InvalidInput

FORMAT: Final = "aios-score/1"
INT2: Final = "int2.g64.r16"
INT4: Final = "int4.g64"
INT8: Final = "int8.row"
PLAIN: Final = "plain"
GROUP: Final = 64
"""Inputs of a row that share one INT2 or INT4 scale."""
ROW_TILE: Final = 16
"""Rows that are packed together in INT2."""
TIME_FEATURES: Final = 256
"""Width of the sine and cosine features of time."""
LIMIT: Final = 1 << 20
"""No size of a network is larger; it bounds what a hostile ``score.json`` can make a reader do."""
LAYERS_LIMIT: Final = 1024
ACTIVATIONS: Final = MappingProxyType({"int8": "int8 per token", "f32": "float"})
"""Short name of an activation rule, and how ``score.json`` says it."""
PREFIX_CANVAS: Final = "prefix causal, canvas bidirectional"
BIDIRECTIONAL: Final = "bidirectional"
BLOCK_CAUSAL: Final = "block-causal"
"""A row sees all earlier blocks and its own; the others see by MODEL section 1, or everything."""
ATTENTIONS: Final = (PREFIX_CANVAS, BIDIRECTIONAL, BLOCK_CAUSAL)
PREDICTIONS: Final = ("shifted", "same")
"""The output at a place speaks of the next place, or of that place itself."""
TRUNK: Final = ("wq", "wk", "wv", "wo", "gate", "up", "down")
"""The seven matrices of a block; they carry the trunk's scheme."""

_SHORT: Final = MappingProxyType({INT2: "int2", INT4: "int4", INT8: "int8", PLAIN: "f32"})
_LONG: Final = MappingProxyType({short: scheme for scheme, short in _SHORT.items()})


@final
@dataclass(frozen=True)
class KindSpec:
    """A continuous kind: ``channels`` numbers a vector, ``tag`` the token that ends its caption."""

    channels: int
    tag: int


@final
@dataclass(frozen=True)
class TensorSpec:
    """One tensor: its name in a product's file, its true shape (matrices are [out, in]), how it is stored.

    ``scheme`` is "plain" or a packed scheme's name; ``dtype`` is that of a plain tensor ("f32", "f16") and that of the
    packed bytes otherwise ("u8", "i8"). ``shared`` tensors are used by every kind, text included.
    """

    name: str
    shape: tuple[int, ...]
    scheme: str
    dtype: str
    shared: bool

    @property
    def parameters(self) -> int:
        """How many numbers it stands for, scales not counted."""
        return math.prod(self.shape)


@final
@dataclass(frozen=True, kw_only=True)
class ScoreSpec:
    """Sizes, special tokens, kinds and storage of one score network.

    ``kinds`` maps a continuous kind to its channels and tag. ``scheme`` is the trunk's; ``activations`` "int8" (the
    rule of four points) or "f32". ``query_key_norm``, ``tied_embedding``, ``attention`` (with ``attention_block``
    tokens when block-causal, else 0) and ``prediction`` are how imported checkpoints may differ. ``raw`` keeps all of
    ``score.json`` that is not named here. Raises InvalidInput for
    sizes that no body could compute.
    """

    name: str
    width: int
    layers: int
    heads: int
    key_value_heads: int
    feed_forward: int
    head_size: int = 64
    norm_epsilon: float = 1e-6
    rope_theta: float = 10_000.0
    vocabulary: int = 8192
    pad: int = 0
    bos: int = 1
    eos: int = 2
    mask: int = 3
    user: int = 4
    assistant: int = 5
    end: int = 6
    system: int = 7
    code: int = 8
    memory: int = 12
    kinds: Mapping[str, KindSpec] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    scheme: str = INT2
    activations: str = "int8"
    query_key_norm: bool = True
    tied_embedding: bool = True
    attention: str = PREFIX_CANVAS
    attention_block: int = 0
    prediction: str = "shifted"
    raw: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be computed."""
        _check_sizes(self)
        _check_tokens(self)

    @property
    def forbidden(self) -> tuple[int, int, int]:
        """Tokens that text never contains: pad, bos and mask."""
        return (self.pad, self.bos, self.mask)

    @property
    def specials(self) -> tuple[int, ...]:
        """Every token that is a mark rather than text, ascending."""
        marks = {self.pad, self.bos, self.eos, self.mask, self.user, self.assistant, self.end, self.system}
        return tuple(sorted(marks | {self.code, self.memory} | {kind.tag for kind in self.kinds.values()}))

    @property
    def parameters(self) -> int:
        """All numbers of all tensors, scales not counted."""
        return sum(tensor.parameters for tensor in self.tensors())

    @property
    def shared_parameters(self) -> int:
        """Those numbers that every kind uses."""
        return sum(tensor.parameters for tensor in self.tensors() if tensor.shared)

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor of the network, in the order of a product's file."""
        return tuple(_tensors(self))

    def tensor(self, name: str) -> TensorSpec:
        """The tensor of that name; InvalidInput when the network has none."""
        for tensor in self.tensors():
            if tensor.name == name:
                return tensor
        raise InvalidInput(f"the network {self.name!r} has no tensor {name!r}", field=name)

    def with_scheme(self, scheme: str) -> ScoreSpec:
        """The same network with its trunk stored in another scheme."""
        return replace(self, scheme=scheme)

    def to_json(self) -> str:
        """The text of ``score.json``; ``from_json`` of it gives this spec again, unknown keys included."""
        known = {key: _joined(self.raw.get(key), value) for key, value in _document(self).items()}
        return json.dumps({**self.raw, **known}, indent=1, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str) -> ScoreSpec:
        """Read ``score.json``; CorruptData names a key that is missing, of a wrong type, or contradicts the others."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CorruptData(f"score.json is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise CorruptData(f"score.json holds a {type(document).__name__}, not an object")
        return _read(document)


def _check_sizes(spec: ScoreSpec) -> None:
    """Sizes are positive, heads divide, and packed matrices fall on whole groups and tiles."""
    for name in ("width", "layers", "heads", "key_value_heads", "feed_forward", "head_size", "vocabulary"):
        value = getattr(spec, name)
        if not 0 < value <= LIMIT:
            raise InvalidInput(f"{name} is {value}; it must be in 1..{LIMIT}", field=name)
    if spec.vocabulary < 2:
        raise InvalidInput("a vocabulary of one token leaves no choice", field="vocabulary")
    if spec.layers > LAYERS_LIMIT:
        raise InvalidInput(f"layers is {spec.layers}, more than {LAYERS_LIMIT}", field="layers")
    if spec.heads % spec.key_value_heads:
        raise InvalidInput(f"{spec.heads} heads do not divide by {spec.key_value_heads} key heads", field="heads")
    if spec.head_size % 4:
        raise InvalidInput(f"head_size {spec.head_size} is not a multiple of 4", field="head_size")
    if not (spec.norm_epsilon > 0 and spec.rope_theta > 1):
        raise InvalidInput(f"norm_epsilon {spec.norm_epsilon} or rope_theta {spec.rope_theta} is out of range")
    if spec.scheme not in _SHORT:
        raise InvalidInput(f"unknown scheme {spec.scheme!r}", hint=f"one of {', '.join(_SHORT)}", field="scheme")
    if spec.activations not in ACTIVATIONS:
        raise InvalidInput(f"unknown activations {spec.activations!r}", hint="int8 or f32", field="activations")
    _check_construction(spec)
    if spec.scheme in {INT2, INT4}:
        for name in ("width", "feed_forward"):
            if getattr(spec, name) % GROUP:
                raise InvalidInput(f"{name} {getattr(spec, name)} is not a multiple of {GROUP}", field=name)


def _check_construction(spec: ScoreSpec) -> None:
    """The law of attention and the field of prediction are known, and only blocks have a size."""
    if spec.attention not in ATTENTIONS:
        raise InvalidInput(f"unknown attention {spec.attention!r}", hint=f"one of {ATTENTIONS}", field="attention")
    if spec.prediction not in PREDICTIONS:
        raise InvalidInput(f"unknown prediction {spec.prediction!r}", hint=f"one of {PREDICTIONS}", field="prediction")
    low, high = (1, 4096) if spec.attention == BLOCK_CAUSAL else (0, 0)
    if not low <= spec.attention_block <= high:
        what = f"attention_block {spec.attention_block} of {spec.attention!r} is not in {low}..{high}"
        raise InvalidInput(what, field="attention_block")


def _check_tokens(spec: ScoreSpec) -> None:
    """Every special token lies in the vocabulary, and every kind has channels."""
    for name in ("pad", "bos", "eos", "mask", "user", "assistant", "end", "system", "code", "memory"):
        if not 0 <= getattr(spec, name) < spec.vocabulary:
            raise InvalidInput(f"{name} {getattr(spec, name)} is not in 0..{spec.vocabulary - 1}", field=name)
    for kind, has in spec.kinds.items():
        if not 0 < has.channels <= LIMIT or not 0 <= has.tag < spec.vocabulary:
            raise InvalidInput(f"kind {kind!r} has {has.channels} channels and tag {has.tag}", field=kind)


def _matrices(spec: ScoreSpec) -> dict[str, tuple[int, int]]:
    """Shape [out, in] of each of a block's seven matrices."""
    queries, keys = spec.heads * spec.head_size, spec.key_value_heads * spec.head_size
    width, inner = spec.width, spec.feed_forward
    shapes = ((queries, width), (keys, width), (keys, width), (width, queries), (inner, width), (inner, width))
    return dict(zip(TRUNK, (*shapes, (width, inner)), strict=True))


def _tensors(spec: ScoreSpec) -> Iterator[TensorSpec]:
    """Embedding, blocks, last norm, head of its own, time, then each kind's own two matrices."""
    width = spec.width
    packed = {INT2: "u8", INT4: "u8", INT8: "i8", PLAIN: "f32"}[spec.scheme]
    yield TensorSpec("emb", (spec.vocabulary, width), INT8, "i8", True)
    for i in range(spec.layers):
        for name, shape in _matrices(spec).items():
            yield TensorSpec(f"blocks.{i}.{name}", shape, spec.scheme, packed, True)
        norms = (("n1", width), ("n2", width), ("qn", spec.head_size), ("kn", spec.head_size))
        for name, size in norms if spec.query_key_norm else norms[:2]:
            yield TensorSpec(f"blocks.{i}.{name}", (size,), PLAIN, "f32", True)
    yield TensorSpec("nf", (width,), PLAIN, "f32", True)
    if not spec.tied_embedding:
        yield TensorSpec("head", (spec.vocabulary, width), INT8, "i8", True)
    yield TensorSpec("time.0", (width, TIME_FEATURES), PLAIN, "f16", True)
    yield TensorSpec("time.2", (width, width), PLAIN, "f16", True)
    yield TensorSpec("mod", (2 * width, width), PLAIN, "f16", True)
    for kind, has in spec.kinds.items():
        yield TensorSpec(f"inp.{kind}", (width, has.channels), PLAIN, "f16", False)
        yield TensorSpec(f"out.{kind}", (has.channels, width), PLAIN, "f16", False)


def _document(spec: ScoreSpec) -> dict[str, object]:
    """The known part of ``score.json``."""
    trunk = {
        **{name: getattr(spec, name) for name in ("width", "layers", "heads", "key_value_heads", "head_size")},
        **{name: getattr(spec, name) for name in ("feed_forward", "norm_epsilon", "rope_theta")},
        **{name: getattr(spec, name) for name in ("query_key_norm", "tied_embedding")},
    }
    text = {
        **{name: getattr(spec, name) for name in ("vocabulary", "mask", "pad", "bos", "eos", "end")},
        **{"prediction": spec.prediction, "anchor": True, "memory": spec.memory, "code": spec.code},
        "roles": {role: getattr(spec, role) for role in ("user", "assistant", "system")},
    }
    quantisation = {
        **{"trunk": _SHORT[spec.scheme], "group": GROUP, "activations": ACTIVATIONS[spec.activations]},
        **{"embedding": "int8 per row", "other": "f16", "norms": "f32"},
        **({"levels": [-1.5, -0.5, 0.5, 1.5]} if spec.scheme == INT2 else {}),
    }
    return {
        **{"format": FORMAT, "name": spec.name, "attention": spec.attention},
        **({"attention_block": spec.attention_block} if spec.attention == BLOCK_CAUSAL else {}),
        **{"parameters": spec.parameters, "shared_parameters": spec.shared_parameters},
        **{"trunk": trunk, "text": text, "quantisation": quantisation},
        "continuous": {k: {"channels": s.channels, "tag": s.tag} for k, s in spec.kinds.items()},
    }


def _joined(raw: object, known: object) -> object:
    """A known value; where it is a table, with the keys of the raw one that are not known."""
    return {**raw, **known} if isinstance(raw, dict) and isinstance(known, dict) else known


def _integer(table: Mapping[str, object], key: str, where: str) -> int:
    """A whole number of a table; CorruptData otherwise."""
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise CorruptData(f"score.json: {where}.{key} is {value!r}, not a whole number")
    return value


def _number(table: Mapping[str, object], key: str, where: str) -> float:
    """A finite number of a table; CorruptData otherwise."""
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CorruptData(f"score.json: {where}.{key} is {value!r}, not a number")
    return float(value)


def _truth(table: Mapping[str, object], key: str, where: str) -> bool:
    """A truth value of a table; CorruptData otherwise."""
    value = table.get(key)
    if not isinstance(value, bool):
        raise CorruptData(f"score.json: {where}.{key} is {value!r}, not true or false")
    return value


def _table(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    """A table of the document; CorruptData otherwise."""
    value = document.get(key)
    if not isinstance(value, dict):
        raise CorruptData(f"score.json: {key} is {value!r}, not a table")
    return value


def _word(table: Mapping[str, object], key: str, allowed: Mapping[str, str], where: str) -> str:
    """One of the allowed words, translated; CorruptData otherwise."""
    value = table.get(key)
    if not isinstance(value, str) or value not in allowed:
        raise CorruptData(f"score.json: {where}.{key} is {value!r}, not one of {', '.join(sorted(allowed))}")
    return allowed[value]


def _kinds(document: Mapping[str, object]) -> Mapping[str, KindSpec]:
    """The continuous kinds; there may be none."""
    kinds = _table(document, "continuous") if "continuous" in document else {}
    tables = {kind: _table(kinds, kind) for kind in kinds}
    return MappingProxyType(
        {k: KindSpec(_integer(t, "channels", f"continuous.{k}"), _integer(t, "tag", k)) for k, t in tables.items()}
    )


def _read(document: Mapping[str, object]) -> ScoreSpec:
    """A spec of a parsed ``score.json``, refused where the file contradicts itself."""
    if document.get("format") != FORMAT:
        raise CorruptData(f"score.json: format is {document.get('format')!r}, not {FORMAT!r}")
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise CorruptData(f"score.json: name is {name!r}, not a word")
    trunk, text, quantisation = (_table(document, key) for key in ("trunk", "text", "quantisation"))
    roles = _table(text, "roles")
    whole = ("width", "layers", "heads", "key_value_heads", "feed_forward", "head_size")
    marks = ("vocabulary", "pad", "bos", "eos", "mask", "end", "code", "memory")
    rules = {long: short for short, long in ACTIVATIONS.items()}
    sizes = {
        **{key: _integer(trunk, key, "trunk") for key in whole},
        **{key: _integer(text, key, "text") for key in marks},
        **{key: _integer(roles, key, "text.roles") for key in ("user", "assistant", "system")},
    }
    try:
        spec = ScoreSpec(
            name=name,
            **sizes,
            norm_epsilon=_number(trunk, "norm_epsilon", "trunk"),
            rope_theta=_number(trunk, "rope_theta", "trunk"),
            kinds=_kinds(document),
            query_key_norm=_truth(trunk, "query_key_norm", "trunk"),
            tied_embedding=_truth(trunk, "tied_embedding", "trunk"),
            attention=_word(document, "attention", {word: word for word in ATTENTIONS}, "score.json"),
            attention_block=_integer(document, "attention_block", "score.json") if "attention_block" in document else 0,
            prediction=_word(text, "prediction", {word: word for word in PREDICTIONS}, "text"),
            scheme=_word(quantisation, "trunk", _LONG, "quantisation"),
            activations=_word(quantisation, "activations", rules, "quantisation"),
            raw=MappingProxyType(dict(document)),
        )
    except InvalidInput as error:
        raise CorruptData(f"score.json: {error.message}", hint=error.hint) from error
    for key, found in (("parameters", spec.parameters), ("shared_parameters", spec.shared_parameters)):
        if key in document and document[key] != found:
            raise CorruptData(f"score.json: {key} is {document[key]!r}, its sizes give {found}")
    return spec


_KINDS: Final = MappingProxyType({"image": KindSpec(32, 9), "audio": KindSpec(320, 10), "plan": KindSpec(24, 11)})

TINY: Final = ScoreSpec(name="tiny", width=256, layers=6, heads=4, key_value_heads=2, feed_forward=704, kinds=_KINDS)
"""For tests and training on a CPU in minutes."""
BASE: Final = ScoreSpec(name="base", width=512, layers=10, heads=8, key_value_heads=4, feed_forward=1408, kinds=_KINDS)
"""The size that is shipped: 35 million parameters."""
LARGE: Final = ScoreSpec(
    name="large", width=640, layers=10, heads=10, key_value_heads=5, feed_forward=1792, kinds=_KINDS
)
"""The next size, by the same recipe."""
