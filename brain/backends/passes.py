"""The checks that passes must stand before any body computes them, and their positions. It computes no scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import CanvasPass, Floats, Prefix, See, TextPass
from brain.base.errors import InvalidInput, ResourceExhausted, Unsupported
from brain.score.spec import PREFIX_CANVAS, ScoreSpec

MOST_ROWS: Final = 1 << 16
"""Rows that all passes of a call may have together."""
LONGEST_PREFIX: Final = 1 << 20
FARTHEST: Final = 1e7
"""The largest position, forwards and backwards."""
LARGEST: Final = 1e6
"""The largest number in a noisy vector."""


def check_text(passes: Sequence[TextPass], spec: ScoreSpec) -> None:
    """Refuse text passes that no body computes.

    Raises: InvalidInput for an empty pass, a token outside of the vocabulary, arrays of another shape or dtype, and a
    prefix that stands in two passes of which one would make it longer; ResourceExhausted for too many rows.
    """
    _check_rows([len(one.tokens) for one in passes])
    for one in passes:
        rows = len(one.tokens)
        _check_array("tokens", one.tokens, np.uint32, (rows,))
        _check_range("a token", one.tokens, 0, spec.vocabulary - 1)
        if one.targets is not None:
            _check_array("targets", one.targets, np.int64, (rows,))
            _check_range("a target", one.targets, -1, spec.vocabulary - 1)
        for name, places in (("rows", one.rows), ("columns", one.columns)):
            if places is not None:
                _check_array(name, places, np.float32, (rows,))
                _check_range(f"a position in {name}", places, -FARTHEST, FARTHEST)
        if one.see is See.CAUSAL and one.prefix.length + rows > LONGEST_PREFIX:
            raise ResourceExhausted(f"a prefix of {one.prefix.length + rows} tokens; {LONGEST_PREFIX} are the most")
    growing = [one.prefix for one in passes if one.see is See.CAUSAL]
    if any(sum(other.prefix is prefix for other in passes) > 1 for prefix in growing):
        raise InvalidInput("a prefix that grows stands in two passes of one call", hint="fork it", field="prefix")


def check_canvases(passes: Sequence[CanvasPass], spec: ScoreSpec) -> None:
    """Refuse canvases that no body computes. Raises as ``check_text``, and InvalidInput for an unknown kind."""
    _check_rows([len(one.x) for one in passes])
    for one in passes:
        if one.kind not in spec.kinds:
            known = ", ".join(spec.kinds) or "none"
            raise InvalidInput(f"the network has no kind {one.kind!r}", hint=f"it has {known}", field="kind")
        rows = len(one.x)
        _check_array("x", one.x, np.float32, (rows, spec.kinds[one.kind].channels))
        _check_range("a number in x", one.x, -LARGEST, LARGEST)
        for name, values, least, most in (
            ("time", one.time, 0.0, 1.0),
            ("rows", one.rows, -FARTHEST, FARTHEST),
            ("columns", one.columns, -FARTHEST, FARTHEST),
        ):
            _check_array(name, values, np.float32, (rows,))
            _check_range(f"a value of {name}", values, least, most)


def places(one: TextPass) -> tuple[Floats, Floats]:
    """Rows and columns [L] of a text pass: its own, or the count that goes on after the prefix."""
    begin = one.prefix.length
    count = np.arange(begin, begin + len(one.tokens), dtype=np.float32)
    rows = count if one.rows is None else np.ascontiguousarray(one.rows)
    return rows, rows if one.columns is None else np.ascontiguousarray(one.columns)


def foreign(prefix: Prefix, body: str) -> InvalidInput:
    """The refusal of a prefix that another body made."""
    made = type(prefix).__name__
    hint = "a prefix serves only the body whose prefix() gave it"
    return InvalidInput(f"the prefix ({made}) does not belong to this {body} body", hint=hint, field="prefix")


def _check_rows(lengths: Sequence[int]) -> None:
    if 0 in lengths:
        raise InvalidInput("a pass has no places", field="passes")
    if sum(lengths) > MOST_ROWS:
        raise ResourceExhausted(f"a call of {sum(lengths)} places; {MOST_ROWS} are the most", hint="call in parts")


def _check_array(name: str, array: NDArray[Any], dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        want = f"{np.dtype(dtype)} {list(shape)}"
        raise InvalidInput(f"{name} is {array.dtype} {list(array.shape)}, not {want}", field=name)


def _check_range(what: str, values: NDArray[Any], least: float, most: float) -> None:
    within = (values >= least) & (values <= most)
    if not within.all():
        raise InvalidInput(f"{what} is {values[~within].flat[0]}, not in {least} .. {most}", field=what)


def check_decodable(spec: ScoreSpec) -> None:
    """Raise Unsupported for a network that the ways to decode would read wrongly: they keep and shift by one."""
    if (spec.attention, spec.prediction) != (PREFIX_CANVAS, "shifted"):
        what = f"decoding the network {spec.name!r} ({spec.attention}, prediction {spec.prediction})"
        raise Unsupported(
            what, hint=f"decoding knows {PREFIX_CANVAS!r} and 'shifted'; the skeleton computes its passes"
        )
