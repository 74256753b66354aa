"""Memories: how well words are found, how fast vectors are searched, what a remembered text costs.

Alone: ``python tests/bench/memory.py [--quick] [--json] [--data DIR]``. Quality needs the folders ``cranfield`` and
``stsb-en`` below DIR (evaluation only: nothing is fitted on them) and is left out, with a word, where they are missing.
"""

import argparse
import csv
import gzip
import io
import json
import math
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from brain.base.clock import SystemClock
from brain.conditioning.embedding import HashedWords
from brain.conditioning.memory import Memories, open_store
from brain.native.search import flat_top_k
from brain.native.tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
CUT = 10
EMBEDDER = HashedWords()


def line(what, ours, rival, rival_name, unit, bar, met):
    ratio = ours / rival if rival else None
    return {
        "what": what,
        "ours": ours,
        "rival": rival,
        "rival_name": rival_name,
        "unit": unit,
        "ratio": ratio,
        "bar": bar,
        "met": met,
    }


def cranfield(data):
    """Texts, queries and, for each query, the set of rows that are relevant."""

    def read(name):
        return gzip.open(data / "cranfield" / name, "rt", encoding="utf-8").read()

    documents = re.findall(r"<docno>\s*(\d+).*?<text>(.*?)</text>", read("cran.all.1400.xml.gz"), re.DOTALL)
    row = {number: at for at, (number, _) in enumerate(documents)}
    queries = [text.strip() for text in re.findall(r"<title>(.*?)</title>", read("cran.qry.xml.gz"), re.DOTALL)]
    relevant = [set() for _ in queries]
    for judged in read("cranqrel.trec.txt.gz").splitlines():
        query, _, number, grade = judged.split()
        if int(grade) > 0 and number in row:
            relevant[int(query) - 1].add(row[number])
    return [text for _, text in documents], queries, relevant


def ndcg(ranked, relevant):
    """Mean nDCG at 10 with relevance 0 or 1, over the queries that have a relevant text."""
    values = []
    for rows, wanted in zip(ranked, relevant, strict=True):
        if wanted:
            gain = sum(1 / math.log2(at + 2) for at, row in enumerate(rows[:CUT]) if row in wanted)
            values.append(gain / sum(1 / math.log2(at + 2) for at in range(min(CUT, len(wanted)))))
    return statistics.fmean(values)


def bm25(texts, queries):
    """The rival that keeps no vectors: BM25 (k1 1.2, b 0.75) over the whole collection's own statistics."""
    counts = [Counter(re.findall(r"\w+", text.casefold())) for text in texts]
    lengths = np.array([sum(count.values()) for count in counts])
    holders = Counter(word for count in counts for word in count)
    ranked = []
    for query in queries:
        scores = np.zeros(len(texts))
        for word in re.findall(r"\w+", query.casefold()):
            if word in holders:
                rarity = math.log(1 + (len(texts) - holders[word] + 0.5) / (holders[word] + 0.5))
                found = np.array([count[word] for count in counts])
                scores += rarity * found * 2.2 / (found + 1.2 * (0.25 + 0.75 * lengths / lengths.mean()))
        ranked.append(np.argsort(-scores, kind="stable")[:CUT].tolist())
    return ranked


def model_vectors(folder):
    """The other rival: the mean of the shipped network's own token embeddings, common tokens weighing less."""
    from brain.native.weights import Weights

    tokenizer = Tokenizer.open(folder / "tokenizer.json")
    weights = Weights.open(folder / "weights.arrow")
    scales = np.asarray(weights.scales("emb"), np.float32).reshape(-1, 1)
    table = np.asarray(weights.packed("emb")).view(np.int8).reshape(len(scales), -1).astype(np.float32) * scales
    # Byte-level merges are numbered by falling count, so a token's rank stands in for its frequency (Zipf's law).
    share = 0.1 / (np.arange(len(table)) + 2.0)
    weigh = (1e-3 / (1e-3 + share)).astype(np.float32)

    def embed(texts):
        rows = []
        for text in texts:
            ids = tokenizer.encode(" " + text)
            rows.append((table[ids] * weigh[ids][:, None]).mean(0) if len(ids) else np.zeros(table.shape[1]))
        vectors = np.asarray(rows, np.float32)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    return embed


def best(vectors, queries):
    return [np.argsort(-(vectors @ query), kind="stable")[:CUT].tolist() for query in queries]


def spearman(a, b):
    def ranks(values):
        _, place, count = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
        return (np.cumsum(count) - (count - 1) / 2)[place]

    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def quality(data):
    texts, queries, relevant = cranfield(data)
    theirs = model_vectors(ROOT / "brain" / "pretrained" / "base")
    with tempfile.TemporaryDirectory() as folder:
        memories = Memories(open_store(Path(folder), EMBEDDER), EMBEDDER, SystemClock(), Path(folder))
        row = {name: at for at, name in enumerate(memories.remember([(text or "…", "") for text in texts]))}
        ours = ndcg([[row[found.name] for found in memories.recall(query, CUT)] for query in queries], relevant)
        memories.close()
    rival = ndcg(bm25(texts, queries), relevant)
    yield line("nDCG@10 on Cranfield", ours, rival, "BM25 over all texts", "share", "ratio >= 0.9", ours >= 0.9 * rival)
    network = ndcg(best(theirs(texts), theirs(queries)), relevant)
    name = "mean of the model's embeddings"
    yield line("nDCG@10 on Cranfield", ours, network, name, "share", "better", ours > network)
    with gzip.open(data / "stsb-en" / "stsb-en-test.csv.gz") as file:
        pairs = list(csv.reader(io.TextIOWrapper(file, "utf-8")))
    first, second, truth = [p[0] for p in pairs], [p[1] for p in pairs], [float(p[2]) for p in pairs]
    ours = spearman((EMBEDDER.embed(first) * EMBEDDER.embed(second)).sum(1), truth)
    network = spearman((theirs(first) * theirs(second)).sum(1), truth)
    yield line("Spearman on STS-B test", ours, network, name, "correlation", "better", ours > network)


def median_pair(ours, rival, rounds):
    """Medians in seconds, the two taken in turn."""
    times = ([], [])
    for _ in range(rounds):
        for run, kept in ((ours, times[0]), (rival, times[1])):
            begun = time.perf_counter()
            run()
            kept.append(time.perf_counter() - begun)
    return statistics.median(times[0]), statistics.median(times[1])


def speed(quick):
    chance = np.random.default_rng(0)
    for count in (1_000, 10_000) if quick else (1_000, 10_000, 100_000):
        vectors = chance.standard_normal((count, EMBEDDER.width), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        query = vectors[7] + 0.1

        def brute(vectors=vectors, query=query):
            scores = vectors @ (query / np.linalg.norm(query))
            top = np.argpartition(-scores, CUT)[:CUT]
            return top[np.argsort(-scores[top])]

        def ours(vectors=vectors, query=query):
            return flat_top_k(query, vectors, CUT)[0]

        assert set(brute()) == set(ours())
        mine, theirs = median_pair(ours, brute, 15 if quick else 40)
        what = f"exact top 10 of {count} vectors of {EMBEDDER.width}"
        yield line(what, mine * 1e3, theirs * 1e3, "NumPy", "ms", "ratio <= 1.5", mine <= 1.5 * theirs)


def durable(quick):
    text = "The lighthouse keeper wrote a line in his book every evening. " * 4
    with tempfile.TemporaryDirectory() as folder:
        memories = Memories(open_store(Path(folder), EMBEDDER), EMBEDDER, SystemClock(), Path(folder))
        plain = (Path(folder) / "rival").open("wb")

        def ours():
            memories.remember([(text, "bench")])

        def rival():
            plain.write(text.encode() + EMBEDDER.embed([text]).tobytes())
            plain.flush()
            os.fsync(plain.fileno())

        mine, theirs = median_pair(ours, rival, 30 if quick else 200)
        memories.close()
        plain.close()
    name = "the same bytes appended and synced"
    yield line("remember one text, on disk", mine * 1e3, theirs * 1e3, name, "ms", "ratio <= 2", mine <= 2 * theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    words = parser.parse_args()
    parts = [speed(words.quick), durable(words.quick)]
    if (words.data / "cranfield").is_dir():
        parts.insert(0, quality(words.data))
    else:
        print(f"no {words.data / 'cranfield'}: quality is left out", file=sys.stderr)
    for part in parts:
        for told in part:
            if words.json:
                print(json.dumps(told), flush=True)
                continue
            rival = f"{told['rival']:.4g} {told['rival_name']}"
            met = "met" if told["met"] else "NOT met"
            print(f"{told['what']}: {told['ours']:.4g} {told['unit']} ({rival}); bar {told['bar']}: {met}", flush=True)


if __name__ == "__main__":
    main()
