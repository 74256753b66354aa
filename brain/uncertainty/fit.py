"""The command that fits a model's calibration: ``python -m brain.uncertainty.fit MODEL --data DIR``. Serves nothing.

It reads held-out text, collects evidence for each way to decode, fits on one half of the documents, and says on the
other half how good the uncertainty is, beside the entropy alone and beside one minus the probability.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Body, Choice, Tokens
from brain.base.corpus import CorpusFile, documents, scan
from brain.base.errors import AiosError, InvalidInput, row_of
from brain.base.seeds import derive
from brain.uncertainty import figures, isotonic, logistic
from brain.uncertainty.calibration import FILE, Calibration, Table, to_json
from brain.uncertainty.collect import WAYS, Seen, Way, read
from brain.uncertainty.estimator import features

LEAST: Final = 40
"""Tokens of the shortest document that is read."""
ANSWER: Final = 32
"""Tokens of an "answer" in the figures that speak of answers."""
TEMPERATURES: Final = (0.0, 0.8)
"""Every text is read greedily; every second one also with sampled choices, so that the table knows unlikely choices."""

Say = Callable[[str], None]


@final
@dataclass(frozen=True)
class Sample:
    """Evidence of one text: features, the plain measures that they compete with, and which choices were wrong."""

    features: NDArray[np.float64]
    entropy: NDArray[np.float64]
    probability: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    greedy: bool
    fitted: bool


@final
@dataclass(frozen=True)
class Marks:
    """Tokens that end a text, and those that are never chosen, as ``diffusion/plan.py`` has them."""

    stop: tuple[int, ...]
    forbid: tuple[int, ...]


def fit(body: Body, texts: Sequence[Tokens], marks: Marks, seed: int, say: Say) -> dict[str, Table]:
    """A table for each way, fitted on every second text and measured on the others.

    Choices that are a stop token are left out: no answer holds one. Raises: InvalidInput when there is too little
    text to learn from.
    """
    tables = {}
    for way, collect in WAYS.items():
        samples = list(_samples(body, texts, collect, marks, seed))
        tables[way] = _table(samples)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in tables[way].figures.items() if value < 2)
        say(f"{way}: {shown}")
    return tables


def windows(file: CorpusFile, encode: Callable[[str], Tokens], bos: int, *, count: int, size: int) -> Iterator[Tokens]:
    """The first ``size`` tokens of up to ``count`` documents spread over the file, a begin mark before each.

    One window a document, so that no document outweighs the others.
    """
    texts = list(documents(file.path))
    for text in texts[:: max(1, len(texts) // count)][:count]:
        tokens = np.concatenate([[bos], encode(text[: 12 * size])])[:size].astype(np.uint32)
        if len(tokens) >= LEAST:
            yield tokens


def _samples(body: Body, texts: Sequence[Tokens], collect: Way, marks: Marks, seed: int) -> Iterator[Sample]:
    """Evidence of every text, greedy, and of every second one of each half also with sampled choices."""
    for number, text in enumerate(texts):
        for temperature in TEMPERATURES[: 1 + (number // 2) % 2]:
            own = derive(seed, "text", number)
            choice = Choice(temperature, seed=own, forbid=marks.forbid)
            seen = _joined(list(collect(read(body, text, choice, np.random.default_rng(own)))))
            kept = ~np.isin(seen.choice, marks.stop)
            yield Sample(
                features(seen)[kept],
                seen.entropy[kept].astype(np.float64),
                np.exp(seen.log_prob[kept].astype(np.float64)),
                (seen.choice != seen.truth)[kept],
                temperature == 0,
                number % 2 == 0,
            )


def _table(samples: Sequence[Sample]) -> Table:
    """The fit on one half, with the figures of the other."""
    taught, held = _pooled([one for one in samples if one.fitted]), [one for one in samples if not one.fitted]
    weights, bias = logistic.fit(taught.features, taught.wrong)
    x, y = isotonic.fit(taught.features @ weights + bias, taught.wrong)
    table = Table(tuple(weights.tolist()), bias, tuple(x.tolist()), tuple(y.tolist()), {})
    greedy = [one for one in held if one.greedy]
    measured = _figures(table, greedy) | {"sampled_ece": _sampled_error(table, [o for o in held if not o.greedy])}
    # A correlation of one answer, or of answers that are all alike, is no number and is not written.
    defined = {name: value for name, value in measured.items() if np.isfinite(value)}
    return Table(table.weights, table.bias, table.x, table.y, defined)


def _figures(table: Table, held: Sequence[Sample]) -> dict[str, float]:
    """On greedy choices of texts that were not fitted: the calibrated uncertainty, and what it competes with."""
    one = _pooled(held)
    chance = table.apply(one.features)
    answers = [
        (said[i : i + ANSWER].mean(), sample.wrong[i : i + ANSWER].mean(), sample.entropy[i : i + ANSWER].mean())
        for sample in held
        for said in [table.apply(sample.features)]
        for i in range(0, len(said) - ANSWER + 1, ANSWER)
    ]
    said, seen, entropy = np.array(answers, dtype=np.float64).reshape(-1, 3).T
    return {
        "tokens": float(len(chance)),
        "error_rate": float(one.wrong.mean()),
        "ece_before": figures.calibration_error(1 - one.probability, one.wrong),
        "ece": figures.calibration_error(chance, one.wrong),
        "auroc_entropy": figures.ranking(one.entropy, one.wrong),
        "auroc_probability": figures.ranking(-one.probability, one.wrong),
        "auroc": figures.ranking(chance, one.wrong),
        "spearman_entropy": figures.correlation(one.entropy, one.wrong.astype(np.float64)),
        "spearman": figures.correlation(chance, one.wrong.astype(np.float64)),
        "answers": float(len(said)),
        "answer_ece": figures.calibration_error(said, seen),
        "answer_spearman_entropy": figures.correlation(entropy, seen),
        "answer_spearman": figures.correlation(said, seen),
    }


def _sampled_error(table: Table, held: Sequence[Sample]) -> float:
    """The calibration error on sampled choices."""
    one = _pooled(held)
    return figures.calibration_error(table.apply(one.features), one.wrong)


def _pooled(samples: Sequence[Sample]) -> Sample:
    """All samples as one; InvalidInput when there are none."""
    if not samples:
        raise InvalidInput("there is too little text to fit a calibration", hint="give more held-out documents")
    return Sample(
        np.concatenate([one.features for one in samples]),
        np.concatenate([one.entropy for one in samples]),
        np.concatenate([one.probability for one in samples]),
        np.concatenate([one.wrong for one in samples]),
        samples[0].greedy,
        samples[0].fitted,
    )


def _joined(seen: Sequence[Seen]) -> Seen:
    """Evidence of a text's parts as one."""
    return Seen(*(np.concatenate([getattr(one, f.name) for one in seen]) for f in fields(Seen)))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: fits and writes ``uncertainty.json`` into the model's folder. Exit codes are those of the table."""
    parser = argparse.ArgumentParser(prog="python -m brain.uncertainty.fit", description=__doc__)
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("--data", type=Path, required=True, help="a folder with held-out text (*.val.*)")
    parser.add_argument("--documents", type=int, default=16, help="documents a file, at most (default 16)")
    parser.add_argument("--tokens", type=int, default=256, help="tokens of a document, at most (default 256)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    try:
        _run(parser.parse_args(arguments))
    except AiosError as error:
        sys.stderr.write(f"{error}\n")
        return row_of(error).exit_code
    return 0


def _run(chosen: argparse.Namespace) -> None:
    from brain.backends.native import NativeBody
    from brain.native.tokenizer import Tokenizer

    body = NativeBody.open(chosen.model, chosen.threads)
    tokenizer = Tokenizer.open(chosen.model / "tokenizer.json")
    spec, files = body.spec, scan(chosen.data).held_out
    texts = [
        text
        for file in files
        for text in windows(
            file, partial(tokenizer.encode, specials=True), spec.bos, count=chosen.documents, size=chosen.tokens
        )
    ]
    stop = (spec.eos, spec.end, spec.user, spec.assistant, spec.system, spec.memory, spec.code)
    forbid = tuple({*spec.specials, *(token for token, _ in tokenizer.specials())}.difference(stop))
    print(f"{len(texts)} documents of {len(files)} files, {sum(map(len, texts))} tokens")
    tables = fit(body, texts, Marks(stop, forbid), chosen.seed, print)
    data: Mapping[str, object] = {
        "files": [file.name for file in files],
        "documents": len(texts),
        "tokens": int(sum(map(len, texts))),
        "fitted_on": "every second document; figures are of the others, greedy choices",
        "temperatures": list(TEMPERATURES),
        "seed": chosen.seed,
    }
    (chosen.model / FILE).write_text(to_json(Calibration(tables, dict(data))), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
