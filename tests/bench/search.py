"""Search: how near to exact, how fast, how soon ready and how large, beside the indexes that people use.

Alone: ``python tests/bench/search.py [--quick] [--json] [--data DIR] [--sets NAMES] [--rows N] [--without NAMES]``.
Every way has one thread and stands for the least effort whose recall@10 is .99, ours in groups (``Quantised.group``);
beside exact rivals ours reads all codes and finds all hits. p50 and p99 are processor time of the process over the
queries, each way asked in turn: what a neighbour's load adds to the wall clock is left out for all alike. Quick: 20,000
rows, one graph.

Sets: gaussian; clustered (1,000 centres and as much noise) and tight (a third of that noise), width 384; text, the
sentences of the corpus below ``--data`` as ``HashedWords`` gives them, width 1,024; million, clustered, width 128.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import random
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from figures import arguments, line, show

from brain.base.corpus import documents, scan
from brain.base.errors import InvalidInput
from brain.conditioning.embedding import HashedWords
from brain.native.search import Quantised

K, WANT, QUERIES, QUICK_ROWS = 10, 0.99, 200, 20_000
EFFORTS = (1.5, 2.0, 2.5, 3.0, 4.0)
DRAWN = {
    "gaussian": (384, 0.0, 1.0),
    "clustered": (384, 1.0, 1.0),
    "tight": (384, 1.0, 0.3),
    "million": (128, 1.0, 1.0),
}


def drawn(rows, width, centre, spread):
    """Vectors of length 1 around 1,000 centres: no data of anyone's, and how hard they are is known."""
    chance = np.random.default_rng(0)
    numbers = chance.standard_normal((rows, width), np.float32)
    numbers *= spread
    numbers += centre * chance.standard_normal((1000, width), np.float32)[chance.integers(0, 1000, rows)]
    numbers /= np.linalg.norm(numbers, axis=1, keepdims=True)
    return numbers


def sentences(data, rows):
    """Vectors of distinct sentences of the training text, in an order that is drawn once."""
    found = {}
    for file in scan(data).training:
        try:
            text = " ".join(part for part, _ in zip(documents(file.path), range(400), strict=False))
        except InvalidInput as error:
            print(f"left out: {error.message}", file=sys.stderr)
            continue
        parts = re.split(r"(?<=[.!?])\s+|\n+", text[:8_000_000])
        found |= dict.fromkeys(part.strip() for part in parts if 30 <= len(part.strip()) <= 400)
    texts = list(found)
    random.Random(0).shuffle(texts)
    return np.concatenate([HashedWords().embed(texts[at : min(at + 2000, rows)]) for at in range(0, rows, 2000)])


class Way:
    """One way to search: its name, what it took to make, its size, and a call for each effort, the least first."""

    def __init__(self, name, build, size, calls):
        self.name, self.build_s, self.bytes, self.calls = name, build, size, calls
        self.call, self.recall, self.times = None, 0.0, []


def made(work):
    """What ``work`` gives, and the processor time that it took."""
    begin = time.process_time()
    return work(), time.process_time() - begin


def best(scores, rows=None):
    """The rows of the K best scores, best first."""
    some = np.argpartition(-scores, K)[:K]
    some = some[np.argsort(-scores[some])]
    return some if rows is None else rows[some]


def numpy_way(vectors):
    return Way("NumPy", 0.0, vectors.nbytes, [lambda q: best(vectors @ q)])


def ours_way(vectors, name, efforts, grouped):
    index, build = made(lambda: Quantised.build(vectors))
    if grouped:
        _, more = made(lambda: index.group(vectors))
        build += more
    size = len(index.to_bytes())
    return Way(name, build, size, [lambda q, e=e: index.top_k(q, vectors, K, None, e)[0] for e in efforts])


def faiss_ways(vectors):
    import faiss

    faiss.omp_set_num_threads(1)
    rows, width = vectors.shape
    flat = faiss.IndexFlatIP(width)
    _, build = made(lambda: flat.add(vectors))
    yield Way("FAISS flat", build, vectors.nbytes, [lambda q: flat.search(q[None], K)[1][0]])

    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((width, width)))[0].astype(np.float32)
    bits = faiss.IndexBinaryFlat((width + 7) // 8 * 8)
    _, build = made(lambda: bits.add(np.packbits(vectors @ turn > 0, axis=1)))

    def ranked(q, count):
        near = bits.search(np.packbits(q[None] @ turn > 0, axis=1), count)[1][0]
        return best(vectors[near] @ q, near)

    counts = [c for c in (100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600) if c < rows]
    yield Way("FAISS binary + re-rank", build, rows * width // 8, [lambda q, c=c: ranked(q, c) for c in counts])

    lists = int(4 * rows**0.5)
    base = faiss.index_factory(width, f"IVF{lists},RaBitQ", faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexRefineFlat(base)
    _, build = made(lambda: (index.train(vectors[: 50 * lists]), index.add(vectors)))

    def probed(q, probes, more):
        inner = faiss.IVFRaBitQSearchParameters(nprobe=probes, qb=4)
        parameters = faiss.IndexRefineSearchParameters(k_factor=more, base_index_params=inner)
        return index.search(q[None], K, params=parameters)[1][0]

    steps = [(p, m) for m in (10, 40, 160) for p in (4, 16, 64, 256) if p < lists] + [(lists, 640)]
    yield Way(
        "FAISS IVF-RaBitQ + refine",
        build,
        rows * (width // 8 + 16) + lists * width * 4,
        [lambda q, p=p, m=m: probed(q, p, m) for p, m in steps],
    )


def hnswlib_ways(vectors):
    import hnswlib

    rows, width = vectors.shape
    index = hnswlib.Index("ip", width)
    index.init_index(rows, M=16, ef_construction=200)
    index.set_num_threads(1)
    _, build = made(lambda: index.add_items(vectors))

    def asked(q, effort):
        index.set_ef(effort)
        return index.knn_query(q, K, num_threads=1)[0][0].astype(np.int64)

    steps = (16, 24, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    yield Way("hnswlib", build, index.index_file_size(), [lambda q, e=e: asked(q, e) for e in steps])


def usearch_ways(vectors):
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=128)
    _, build = made(lambda: index.add(np.arange(len(vectors)), vectors, threads=1))

    def asked(q, effort):
        index.expansion_search = effort
        return index.search(q, K, threads=1).keys.astype(np.int64)

    steps = (32, 64, 128, 256, 512, 1024, 2048, 4096)
    yield Way("usearch", build, index.memory_usage, [lambda q, e=e: asked(q, e) for e in steps])


def lancedb_ways(vectors, folder):
    import lancedb
    import pyarrow as pa

    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    table = pa.table({"row": np.arange(len(vectors)), "vector": column})
    kept, build = made(lambda: lancedb.connect(folder).create_table("vectors", table))

    def asked(q):
        found = kept.search(q).distance_type("dot").limit(K).select(["row", "_distance"]).to_arrow()
        return found["row"].to_numpy()

    size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    yield Way("LanceDB flat", build, size, [asked])


def rivals(vectors, folder, left_out):
    """Every rival that is installed; one that is not is named on stderr."""
    makers = {
        "faiss": faiss_ways,
        "hnswlib": hnswlib_ways,
        "usearch": usearch_ways,
        "lancedb": lambda some: lancedb_ways(some, folder),
    }
    for name, maker in makers.items():
        if name in left_out:
            continue
        try:
            yield from maker(vectors)
        except ImportError:
            print(f"{name} is not installed: left out", file=sys.stderr)


def judge(way, queries, truth, want):
    """Give the way the least effort that finds ``want`` of the true hits, or its greatest."""
    for call in way.calls:
        way.call = call
        found = sum(len(true & set(call(q).tolist())) for q, true in zip(queries, truth, strict=True))
        way.recall = found / (K * len(queries))
        if way.recall >= want:
            return


def time_all(ways, queries):
    """Processor time of each query by each way, in turn; each is asked twice, and the second counts."""
    for query in queries:
        for way in ways:
            way.call(query)
            way.times.append(made(lambda way=way, query=query: way.call(query))[1])


def measured(name, numbers, left_out):
    """The figures of a set: ours beside each rival."""
    vectors, queries = numbers[:-QUERIES], numbers[-QUERIES:]
    truth = [set(best(vectors @ q).tolist()) for q in queries]
    with tempfile.TemporaryDirectory() as folder:
        exact, near = ours_way(vectors, "ours", (3.0, 4.0), False), ours_way(vectors, "ours", EFFORTS, True)
        others = [numpy_way(vectors), *rivals(vectors, folder, left_out)]
        for way in (exact, near, *others):
            judge(way, queries, truth, 1.0 if way is exact else WANT)
        time_all((exact, near, *others), queries)
    of = f"{name} {len(vectors)} x {vectors.shape[1]}"
    for other in others:
        ours = exact if other.name in ("NumPy", "FAISS flat", "LanceDB flat") else near
        bars = {"NumPy": 0.1, "hnswlib": 1.0, "FAISS binary + re-rank": 0.5}
        yield line(f"{of}: recall@10", ours.recall, other.recall, other.name, "of 1", None, "larger")
        for share, bar in ((50, bars.get(other.name)), (99, None)):
            mine, its = (float(np.percentile(way.times, share)) * 1e6 for way in (ours, other))
            yield line(f"{of}: p{share} of a query", mine, its, other.name, "us", bar)
        if other.build_s > 0:
            bar = 0.1 if other.name == "hnswlib" else None
            yield line(f"{of}: build", ours.build_s, other.build_s, other.name, "s", bar)
        yield line(f"{of}: bytes of the index", ours.bytes, other.bytes, other.name, "bytes", None)


def batch(vectors, queries):
    """A batch on two threads beside one query at a time; the wall clock, so that the second thread is seen."""
    one, two = Quantised.build(vectors), Quantised.build(vectors, threads=2)
    alone = one.top_k(queries, vectors, K)
    assert np.array_equal(alone[0], two.top_k(queries, vectors, K)[0])
    spent = {}
    for index in (two, one):
        begin = time.perf_counter()
        index.top_k(queries, vectors, K)
        spent[index] = (time.perf_counter() - begin) / len(queries) * 1e6
    what = f"batch of {len(queries)}, {len(vectors)} rows: a query"
    yield line(what, spent[two], spent[one], "ours, one thread", "us of the wall clock", None)


def million(rows):
    """A million rows: recall and time of one query, on one thread (processor time) and two (the wall clock)."""
    numbers = drawn(rows + QUERIES, *DRAWN["million"])
    vectors, queries = numbers[:-QUERIES], numbers[-QUERIES:]
    truth = [set(best(vectors @ q).tolist()) for q in queries]
    ways = [ours_way(vectors, name, EFFORTS, name == "groups") for name in ("all read", "groups")]
    for way in ways:
        judge(way, queries, truth, WANT)
    time_all(ways, queries)
    for way in ways:
        of = f"million {rows} x {vectors.shape[1]}, {way.name}"
        yield line(f"{of}: recall@10", way.recall, None, "", "of 1", WANT, "larger")
        yield line(f"{of}: build", way.build_s, None, "", "s", None)
        for share in (50, 99):
            it = float(np.percentile(way.times, share)) * 1e3
            yield line(f"{of}: p{share}, one thread", it, None, "", "ms", 1.0 if share == 50 else None)
    shared = Quantised.build(vectors, threads=2)
    effort = EFFORTS[ways[0].calls.index(ways[0].call)]
    walls = []
    for query in queries:
        begin = time.perf_counter()
        shared.top_k(query, vectors, K, None, effort)
        walls.append(time.perf_counter() - begin)
    it = float(np.median(walls)) * 1e3
    of = f"million {rows} x {vectors.shape[1]}, all read"
    yield line(f"{of}: p50, two threads, the wall clock", it, None, "", "ms", 1.0)


def main():
    asked = arguments(
        __doc__,
        ("--data", {"type": Path, "help": "a folder of text; without it there is no set text"}),
        ("--sets", {"default": "gaussian,clustered,tight,text,million", "help": "which, by commas"}),
        ("--rows", {"type": int, "default": 100_000, "help": "rows of a set but million"}),
        ("--without", {"default": "", "help": "rivals to leave out, by commas"}),
    )
    rows, left_out = (QUICK_ROWS if asked.quick else asked.rows), asked.without.split(",")
    if asked.quick:
        left_out += ["usearch"]
    for name in asked.sets.split(","):
        if name == "million":
            show([] if asked.quick else million(1_000_000), asked.json)
            continue
        if name == "text" and asked.data is None:
            print("no --data: the set text is left out", file=sys.stderr)
            continue
        numbers = sentences(asked.data, rows + QUERIES) if name == "text" else drawn(rows + QUERIES, *DRAWN[name])
        show(
            measured(name, numbers, left_out + (["hnswlib"] if asked.quick and name != "clustered" else [])), asked.json
        )
        if name == "clustered":
            show(batch(numbers[:-QUERIES], numbers[-QUERIES:]), asked.json)


if __name__ == "__main__":
    main()
