"""Embeddings: how well memories are found, by vectors, by words and by both, beside what a network gives.

Alone: ``python tests/bench/embedding.py [--quick] [--json] --data DIR [--static FOLDER]``. DIR has the folders
``cranfield``, ``locomo`` and ``stsb-en``, for evaluation only. ``--static`` names a model2vec folder as a rival.
Without ``--quick`` the shipped network's own states are measured too, which needs torch and minutes.
"""

import sys
from pathlib import Path

import numpy as np
from corpora import cranfield, found, locomo, sentence_pairs, spearman
from figures import arguments, line, show

import brain
from brain.conditioning.embedding import HashedWords
from brain.conditioning.fused import WORDS_SHARE
from brain.conditioning.lexical import WordIndex
from brain.conditioning.providers import FOLDER, embedder

LAYERS = (1, 5, 11)


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
    """Ways by the network's layers, whitened by textbooks of the data: (name, score, STS vectors)."""
    try:
        from network_states import NetworkStates, unit, whitening
    except ImportError as error:
        print(f"the network's states are left out: {error}", file=sys.stderr)
        return
    from texts import zstd

    network = NetworkStates(Path(brain.__file__).parent / "pretrained" / "base", LAYERS)
    lines = zstd(data / "know" / "openstax.txt.zst", 6 << 20).split("\n")
    fitted = network.means([text.strip()[:900] for text in lines if len(text) > 120][:1200])
    means = {id(texts): network.means(texts) for texts, _, _ in collections}
    asked = {id(texts): network.means(queries) for texts, queries, _ in collections}
    first, second = (network.means(side) for side in pairs[:2])
    for at, layer in enumerate(network.layers):
        centre, turn = whitening(fitted[at])

        def score(texts, queries, at=at, centre=centre, turn=turn):
            sides = (asked[id(texts)][at], means[id(texts)][at])
            return unit((sides[0] - centre) @ turn) @ unit((sides[1] - centre) @ turn).T

        alike = (unit((first[at] - centre) @ turn) * unit((second[at] - centre) @ turn)).sum(1)
        yield f"layer {layer} of the network, whitened", score, alike


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
        static = embedder(FOLDER + words.static)
        rivals.append((static.name, vectors_of(static.embed), static.embed(pairs[0]) * static.embed(pairs[1])))
        rivals[-1] = (*rivals[-1][:2], rivals[-1][2].sum(1))
    if not words.quick:
        rivals += states(words.data, [one for group in named.values() for one in group], pairs)
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
