"""Embeddings: how well memories are found, by vectors, by words and by both, beside what a network gives.

Alone: ``python tests/bench/embedding.py [--quick] [--json] --data DIR [--static FOLDER]``. DIR has the folders
``cranfield``, ``locomo`` and ``stsb-en``, for evaluation only. ``--static`` names a model2vec folder as a rival.
Without ``--quick`` the shipped network's own states are measured too (texts cut at 256 tokens), which takes minutes.
"""

import sys
from itertools import chain
from pathlib import Path

import numpy as np
from corpora import cranfield, found, locomo, sentence_pairs, spearman
from figures import arguments, line, show

import brain
from brain.conditioning.embedding import HashedWords
from brain.conditioning.fused import WORDS_SHARE
from brain.conditioning.lexical import WordIndex
from brain.conditioning.providers import FOLDER, embedder

LAYERS = (5, 2, 8, 10)
FITTED_TEXTS = 800


def by_words(texts, queries):
    """BM25 as the product has it, plurals joined."""
    index = WordIndex()
    for text in texts:
        index.add(text)
    return np.stack([index.scores(query) for query in queries])


def both(near, words):
    return near + WORDS_SHARE * words / np.maximum(words.max(1, keepdims=True), 1e-9)


def kept(make):
    """``make`` (texts, queries), each collection once."""
    known = {}

    def score(texts, queries):
        if id(texts) not in known:
            known[id(texts)] = make(texts, queries)
        return known[id(texts)]

    return score


def vectors_of(embed):
    return kept(lambda texts, queries: embed(queries) @ embed(texts).T)


def states(data, collections, pairs):
    """Ways by the network's layers, as they are and whitened by textbooks of the data: (name, score, STS cosines)."""
    from network_states import NetworkStates, unit, whitening
    from texts import zstd

    lines = zstd(data / "know" / "openstax.txt.zst", 6 << 20).split("\n")
    books = [text.strip()[:900] for text in lines if len(text) > 120][:FITTED_TEXTS]
    for layer in LAYERS:
        network = NetworkStates(Path(brain.__file__).parent / "pretrained" / "base", layer)
        fitted = whitening(network.means(books))
        means = {id(texts): (network.means(queries), network.means(texts)) for texts, queries, _ in collections}
        sides = [network.means(side) for side in pairs[:2]]
        as_it_is = 0, np.eye(len(fitted[1]), dtype=np.float32)
        for how, (centre, turn) in {"mean": as_it_is, "whitened": fitted}.items():

            def score(texts, queries, means=means, centre=centre, turn=turn):
                asked, there = (unit((side - centre) @ turn) for side in means[id(texts)])
                return asked @ there.T

            first, second = (unit((side - centre) @ turn) for side in sides)
            yield f"layer {layer} of the network, {how}", score, (first * second).sum(1)


def sets(data):
    yield "Cranfield", cranfield(data)
    yield "LoCoMo", locomo(data)


def figures(words):
    hashed = HashedWords()
    near, shared = vectors_of(hashed.embed), kept(by_words)

    def ours(texts, queries):
        return both(near(texts, queries), shared(texts, queries))

    pairs = sentence_pairs(words.data)
    truth = pairs[2]
    alike = spearman((hashed.embed(pairs[0]) * hashed.embed(pairs[1])).sum(1), truth)
    named = dict(sets(words.data))
    rivals = [("BM25 alone", shared, None), ("hashed words alone", near, None)]
    if words.static:
        static = embedder(FOLDER + str(Path(words.static).resolve()))
        rivals.append((static.name, vectors_of(static.embed), static.embed(pairs[0]) * static.embed(pairs[1])))
        rivals[-1] = (*rivals[-1][:2], rivals[-1][2].sum(1))
    if not words.quick:
        rivals = chain(rivals, states(words.data, [one for group in named.values() for one in group], pairs))
    mine = {name: found(collections, ours) for name, collections in named.items()}
    for rival, score, rival_alike in rivals:
        for name, collections in named.items():
            bar = 1.0 if rival in ("BM25 alone", "hashed words alone") else None
            gain, recall = found(collections, score)
            yield line(f"nDCG@10 on {name}", mine[name][0], gain, rival, "share", bar, "larger")
            yield line(f"recall@10 on {name}", mine[name][1], recall, rival, "share", bar, "larger")
        if rival_alike is not None:
            value = spearman(rival_alike, truth)
            yield line("Spearman on STS-B test, hashed words", alike, value, rival, "rank", None, "larger")
    yield line("Spearman on STS-B test, hashed words", alike, None, "", "rank", None, "larger")


def main():
    words = arguments(
        __doc__,
        ("--data", {"type": Path, "required": True}),
        ("--static", {"default": None, "help": "a model2vec folder to measure as a rival"}),
    )
    if not (words.data / "cranfield").is_dir():
        print(f"no {words.data / 'cranfield'}: nothing is measured", file=sys.stderr)
        return
    show(figures(words), words.json)


if __name__ == "__main__":
    main()
