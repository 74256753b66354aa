"""Memories: how fast vectors are searched, what a remembered text costs. How well they are found: ``embedding.py``.

Alone: ``python tests/bench/memory.py [--quick] [--json]``.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from figures import interleaved, judged

from brain.base.clock import SystemClock
from brain.conditioning.embedding import HashedWords
from brain.conditioning.memory import Memories, open_store
from brain.native.search import flat_top_k

CUT = 10
EMBEDDER = HashedWords()


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
        mine, theirs = interleaved({"ours": ours, "NumPy": brute}, 15 if quick else 40, warm=0).values()
        what = f"exact top 10 of {count} vectors of {EMBEDDER.width}"
        yield judged(what, mine * 1e3, theirs * 1e3, "NumPy", "ms", "ratio <= 1.5", mine <= 1.5 * theirs)


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

        mine, theirs = interleaved({"ours": ours, "plain": rival}, 30 if quick else 200, warm=0).values()
        memories.close()
        plain.close()
    name = "the same bytes appended and synced"
    yield judged("remember one text, on disk", mine * 1e3, theirs * 1e3, name, "ms", "ratio <= 2", mine <= 2 * theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    parts = [speed(words.quick), durable(words.quick)]
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
