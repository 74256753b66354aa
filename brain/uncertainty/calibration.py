"""The calibration that a model's folder carries: for each way a table from features to a probability. No fit."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import CorruptData, StorageFailed

FILE: Final = "uncertainty.json"
FORMAT: Final = "aios-uncertainty/1"
FEATURES: Final = ("doubt", "entropy", "margin", "commit_doubt", "draft_doubt", "drafted", "changes")
"""The columns that a table weighs, in order, as ``estimator.features`` makes them; a file names them too."""
_FILE_LIMIT_BYTES: Final = 1 << 20
_KNOTS_LIMIT: Final = 4096


@final
@dataclass(frozen=True)
class Table:
    """A logistic score of features, bent by a rising line through knots into a probability.

    ``weights`` [k] and ``bias`` give log-odds; between the knots (log-odds ``x``, probability ``y``, both rising)
    the probability is linear, outside of them it is that of the last knot. ``figures`` say how well it did.
    """

    weights: tuple[float, ...]
    bias: float
    x: tuple[float, ...]
    y: tuple[float, ...]
    figures: Mapping[str, float]

    def apply(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability [n] for features [n, k]."""
        return np.asarray(np.interp(features @ np.array(self.weights) + self.bias, self.x, self.y))


@final
@dataclass(frozen=True)
class Calibration:
    """Tables by way to decode, and in words what they were fitted on."""

    ways: Mapping[str, Table]
    data: Mapping[str, Any]

    @staticmethod
    def load(folder: Path) -> Calibration | None:
        """The calibration of a model's folder, None where it has none.

        Raises: CorruptData naming the path and what is wrong; StorageFailed.
        """
        path = folder / FILE
        try:
            if path.stat().st_size > _FILE_LIMIT_BYTES:
                raise CorruptData(f"{path} is larger than {_FILE_LIMIT_BYTES} bytes")
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise CorruptData(f"{path} is not UTF-8: byte {error.start}") from error
        except OSError as error:
            raise StorageFailed(f"{path}: {error.strerror}", errno=error.errno, filename=str(path)) from error
        return from_json(text, str(path))


def to_json(calibration: Calibration) -> str:
    """The text of ``uncertainty.json``; ``from_json`` of it gives the calibration again, to six digits."""
    ways = {
        way: {
            "weights": [_short(value) for value in table.weights],
            "bias": _short(table.bias),
            "knots": [[_short(x), _short(y)] for x, y in zip(table.x, table.y, strict=True)],
            "figures": {name: _short(value) for name, value in table.figures.items()},
        }
        for way, table in calibration.ways.items()
    }
    return json.dumps({"format": FORMAT, "features": FEATURES, "ways": ways, "data": calibration.data}, indent=1) + "\n"


def from_json(text: str, where: str) -> Calibration:
    """Read ``uncertainty.json``; CorruptData, with ``where``, for anything that is not such a file."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"{where} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CorruptData(f"{where} is not of the format {FORMAT!r}")
    if document.get("features") != list(FEATURES):
        raise CorruptData(f"{where} was fitted to other features", hint="fit it again: python -m brain.uncertainty.fit")
    ways, data = document.get("ways"), document.get("data", {})
    if not isinstance(ways, dict) or not isinstance(data, dict):
        raise CorruptData(f"{where} has no table of ways")
    return Calibration({way: _table(one, f"{where}: {way}") for way, one in ways.items()}, data)


def _table(one: object, where: str) -> Table:
    """One way's table, with every number finite, as many weights as features, and knots that rise."""
    if not isinstance(one, dict):
        raise CorruptData(f"{where} is not a table")
    weights = _numbers(one.get("weights"), f"{where}.weights")
    (bias,) = _numbers([one.get("bias")], f"{where}.bias")
    knots = one.get("knots")
    if not isinstance(knots, list) or not 1 <= len(knots) <= _KNOTS_LIMIT:
        raise CorruptData(f"{where}.knots is not a list of 1 to {_KNOTS_LIMIT} pairs")
    pairs = [_numbers(knot, f"{where}.knots") for knot in knots]
    if len(weights) != len(FEATURES) or any(len(pair) != 2 for pair in pairs):
        raise CorruptData(
            f"{where} has {len(weights)} weights for {len(FEATURES)} features, or knots that are no pairs"
        )
    x, y = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
    if any(a >= b for a, b in itertools.pairwise(x)) or list(y) != sorted(y) or y[0] < 0 or y[-1] > 1:
        raise CorruptData(f"{where}.knots do not rise, or leave 0..1")
    figures = one.get("figures", {})
    if not isinstance(figures, dict):
        raise CorruptData(f"{where}.figures is not a table")
    values = _numbers(list(figures.values()), f"{where}.figures")
    return Table(weights, bias, x, y, dict(zip(figures, values, strict=True)))


def _numbers(values: object, where: str) -> tuple[float, ...]:
    """A list of numbers below 1e30; CorruptData otherwise."""
    if not isinstance(values, list):
        raise CorruptData(f"{where} is not a list of numbers")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1e30 < value < 1e30:
            raise CorruptData(f"{where} holds {value!r}, not a number of a sane size")
    return tuple(float(value) for value in values)


def _short(value: float) -> float:
    """Six digits are enough, and read better."""
    return float(f"{value:.6g}")
