"""The store of memories: in, out, away, and open again, beside LanceDB, sqlite-vec and plain files.

``python tests/bench/storage.py [--quick] [--json] [--rows N]``. Every way keeps the same ids, texts and vectors of 384
numbers and must find the same nearest neighbours before that is timed. Ours and sqlite-vec (synchronous = FULL) wait
for the disk; LanceDB does not sync. "Cold" means: files synced, dropped from the page cache with posix_fadvise
(which the system may ignore), opened anew in this process.
"""

import os
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from figures import arguments, interleaved, line, show

from brain.native.search import flat_top_k
from brain.native.storage import Memory, Store

try:
    import lancedb
    import pyarrow as pa
except ImportError as error:
    lancedb = None
    print(f"left out: LanceDB ({error})", file=sys.stderr)
try:
    import sqlite_vec
except ImportError as error:
    sqlite_vec = None
    print(f"left out: sqlite-vec ({error})", file=sys.stderr)
if sqlite_vec and not hasattr(sqlite3.Connection, "enable_load_extension"):
    sqlite_vec = None
    print("left out: sqlite-vec (this Python's sqlite3 loads no extensions)", file=sys.stderr)

WIDTH, BATCH, K = 384, 10_000, 10


class Data:
    def __init__(self, rows):
        chance = np.random.default_rng(7)
        self.rows = rows
        self.vectors = chance.standard_normal((rows, WIDTH), dtype=np.float32)
        self.ids = np.zeros((rows, 16), np.uint8)
        self.ids[:, 8:] = np.arange(rows, dtype=">u8")[:, None].view(np.uint8)
        self.texts = [f"memory {i}: " + "what was said on that day " * 4 for i in range(rows)]
        self.sources = ["bench"] * rows
        self.created = np.ones(rows)
        self.queries = chance.standard_normal((64, WIDTH), dtype=np.float32)
        self.turn = 0

    def query(self):
        self.turn += 1
        return self.queries[self.turn % len(self.queries)]

    def batches(self):
        return (slice(start, start + BATCH) for start in range(0, self.rows, BATCH))


def drop(folder):
    """Sync all files and ask the system to forget what it holds of them."""
    for path in Path(folder).rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def disk_bytes(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def held_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Ours:
    name = "ours"

    def __init__(self, folder, data):
        self.folder, self.data, self.extra = folder / "ours", data, data.rows
        self.store = None

    def open(self):
        self.store = Store.open(self.folder, "bench/1", WIDTH)

    def fresh(self):
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.open()

    def ingest(self):
        d = self.data
        for s in d.batches():
            self.store.append_columns(d.ids[s], d.texts[s], d.vectors[s], d.created[s], d.sources[s])

    def insert(self):
        self.extra += 1
        self.store.append([Memory(self.extra.to_bytes(16, "big"), "a new one", self.data.vectors[0], 1.0, "bench")])

    def get(self, row):
        return self.store.get(row.to_bytes(16, "big")).text

    def top(self, query, allow=None):
        return flat_top_k(query, self.store.blocks(), K, "l2", allow)[0].tolist()

    def filtered(self, query):
        held = len(self.store)
        return self.top(query, np.arange(held) % 100 == 7)

    def delete_half(self):
        self.store.forget([row.to_bytes(16, "big") for row in range(0, self.data.rows, 2)])

    def compact(self):
        self.store.compact()

    def close(self):
        if self.store is not None:
            self.store.close()
        self.store = None


class Lance:
    name = "LanceDB"

    def __init__(self, folder, data):
        self.folder, self.data, self.extra = folder / "lance", data, data.rows

    def open(self):
        self.table = lancedb.connect(self.folder).open_table("m")

    def fresh(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        fields = [("id", pa.int64()), ("text", pa.string()), ("vector", pa.list_(pa.float32(), WIDTH))]
        self.table = lancedb.connect(self.folder).create_table("m", schema=pa.schema(fields))

    def rows(self, ids, texts, vectors):
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), WIDTH)
        return pa.table({"id": pa.array(ids, pa.int64()), "text": texts, "vector": vectors})

    def ingest(self):
        for s in self.data.batches():
            self.table.add(
                self.rows(
                    np.arange(s.start, s.start + len(self.data.texts[s])), self.data.texts[s], self.data.vectors[s]
                )
            )

    def insert(self):
        self.extra += 1
        self.table.add(self.rows([self.extra], ["a new one"], self.data.vectors[:1]))

    def get(self, row):
        return self.table.search().where(f"id = {row}").limit(1).to_list()[0]["text"]

    def top(self, query):
        return [found["id"] for found in self.table.search(query).limit(K).select(["id"]).to_list()]

    def filtered(self, query):
        found = self.table.search(query).where("id % 100 = 7", prefilter=True).limit(K).select(["id"])
        return [one["id"] for one in found.to_list()]

    def delete_half(self):
        self.table.delete(f"id % 2 = 0 and id < {self.data.rows}")

    def compact(self):
        import datetime

        self.table.optimize(cleanup_older_than=datetime.timedelta(0))

    def close(self):
        self.table = None


class Sqlite:
    name = "sqlite-vec"

    def __init__(self, folder, data):
        self.folder, self.data, self.extra = folder / "sqlite", data, data.rows
        self.base = None

    def open(self):
        self.base = sqlite3.connect(self.folder / "m.db", isolation_level=None)
        self.base.enable_load_extension(True)
        sqlite_vec.load(self.base)
        self.base.execute("pragma journal_mode = WAL")
        self.base.execute("pragma synchronous = FULL")

    def fresh(self):
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.open()
        self.base.execute(f"create virtual table v using vec0(id integer primary key, vector float[{WIDTH}])")
        self.base.execute("create table t (id integer primary key, text text)")

    def put(self, ids, texts, vectors):
        self.base.execute("begin")
        self.base.executemany(
            "insert into v values (?, ?)", ((i, v.tobytes()) for i, v in zip(ids, vectors, strict=True))
        )
        self.base.executemany("insert into t values (?, ?)", zip(ids, texts, strict=True))
        self.base.execute("commit")

    def ingest(self):
        for s in self.data.batches():
            texts = self.data.texts[s]
            self.put(range(s.start, s.start + len(texts)), texts, self.data.vectors[s])

    def insert(self):
        self.extra += 1
        self.put([self.extra], ["a new one"], self.data.vectors[:1])

    def get(self, row):
        return self.base.execute("select text from t where id = ?", (row,)).fetchone()[0]

    def top(self, query):
        found = self.base.execute(f"select id from v where vector match ? and k = {K}", (query.tobytes(),))
        return [row[0] for row in found]

    def filtered(self, query):
        ask = f"select id from v where vector match ? and k = {K} and id in (select id from t where id % 100 = 7)"
        return [row[0] for row in self.base.execute(ask, (query.tobytes(),))]

    def delete_half(self):
        self.base.execute("begin")
        for table in "vt":
            self.base.execute(f"delete from {table} where id % 2 = 0 and id < {self.data.rows}")
        self.base.execute("commit")

    def compact(self):
        self.base.execute("vacuum")
        self.base.execute("pragma wal_checkpoint(truncate)")

    def close(self):
        if self.base is not None:
            self.base.close()
        self.base = None


def raw_append(folder, pieces):
    with (folder / "raw").open("wb", buffering=0) as file:
        for piece in pieces:
            file.write(piece)
            os.fdatasync(file.fileno())


def together(insert, threads, each):
    def write():
        for _ in range(each):
            insert()

    running = [threading.Thread(target=write) for _ in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()


def in_and_one_by_one(ways, folder, data, quick):
    rounds = 3 if quick else 7
    ours = ways[0]
    ours.fresh()
    ours.ingest()
    pieces = [bytes((ours.folder / "log").stat().st_size * BATCH // data.rows)] * len(list(data.batches()))

    def ingest(way):
        def run():
            way.fresh()
            way.ingest()

        return run

    calls = {way.name: ingest(way) for way in ways} | {"raw": lambda: raw_append(folder, pieces)}
    slow = {name: calls.pop(name) for name in ("sqlite-vec",) if name in calls}
    spent = interleaved(calls, rounds) | interleaved(slow, 1, warm=0)
    rate = {name: data.rows / seconds for name, seconds in spent.items()}
    for name in list(rate)[1:]:
        bar, said = (0.9, "raw append and sync") if name == "raw" else (1.0, name)
        yield line(f"ingest {data.rows} x {WIDTH}", rate["ours"], rate[name], said, "rows/s", bar, "larger")

    ids = iter(range(1 << 40, 1 << 41))

    def insert_one():
        ours.store.append([Memory(next(ids).to_bytes(16, "big"), "a new one", data.vectors[0], 1.0, "bench")])

    each = 40 if quick else 200
    piece = bytes(2048)
    calls = {way.name: lambda way=way: [way.insert() for _ in range(each)] for way in ways}
    calls["raw"] = lambda: raw_append(folder, [piece] * each)
    calls["16"] = lambda: together(insert_one, 16, each)
    rate = {name: each / seconds for name, seconds in interleaved(calls, 5).items()}
    many = 16 * rate.pop("16")
    for name in list(rate)[1:]:
        bar, said = (0.8, "raw write and sync") if name == "raw" else (None, name)
        yield line("durable insert, 1 writer", rate["ours"], rate[name], said, "1/s", bar, "larger")
    yield line("durable insert, 16 writers", many, rate["ours"], "1 writer of ours", "1/s", 10.0, "larger")


def found_again(ways, data, quick):
    rounds = 5 if quick else 15
    for way in ways:
        way.fresh()
        way.ingest()
    for query in data.queries[:3]:
        assert len({tuple(sorted(way.top(query))) for way in ways}) == 1
        assert len({tuple(sorted(way.filtered(query))) for way in ways}) == 1
    row = data.rows // 3
    assert len({way.get(row) for way in ways}) == 1
    for what, ask in (
        ("point get", lambda way: way.get(row)),
        (f"top-{K}", lambda way: way.top(data.query())),
        (f"top-{K} of 1 %", lambda way: way.filtered(data.query())),
    ):
        spent = interleaved({way.name: lambda way=way, ask=ask: ask(way) for way in ways}, rounds)
        for name in list(spent)[1:]:
            yield line(what, spent["ours"] * 1e3, spent[name] * 1e3, name, "ms", 1.0)


def opened(ways, folder, data, quick):
    data.vectors.tofile(folder / "vectors.f32")
    spent, held = {}, {}

    def raw():
        vectors = np.memmap(folder / "vectors.f32", np.float32, "r").reshape(-1, WIDTH)
        return np.argpartition(vectors @ data.query(), -K)[-K:]

    def first(way):
        way.close()
        before = held_bytes()
        way.open()
        way.top(data.query())
        held[way.name] = held_bytes() - before

    for cold in (True, False):
        for _ in range(3 if quick else 7):
            for way in [*ways, None]:
                if way is not None:
                    way.close()
                if cold:
                    drop(folder)
                begin = time.perf_counter()
                raw() if way is None else first(way)
                spent.setdefault(way.name if way else "raw", []).append(time.perf_counter() - begin)
        middle = {name: sorted(found)[len(found) // 2] * 1e3 for name, found in spent.items()}
        for name in list(middle)[1:]:
            what = f"open + first top-{K}, {'cold' if cold else 'warm'}"
            bar, said = (1.5, "raw map and NumPy scan") if name == "raw" else (1.0, name)
            yield line(what, middle["ours"], middle[name], said, "ms", bar)
        spent.clear()
    for what, of in (("bytes on disk", {w.name: disk_bytes(w.folder) for w in ways}), ("memory held, opened", held)):
        yield line(what, of["ours"] / 2**20, data.vectors.nbytes / 2**20, "the vectors alone", "MiB", None)
        for way in ways[1:]:
            yield line(what, of["ours"] / 2**20, of[way.name] / 2**20, way.name, "MiB", None)


def gone(ways):
    spent = {}
    for way in ways:
        for what, call in (("delete half", way.delete_half), ("compact after it", way.compact)):
            begin = time.perf_counter()
            call()
            spent[way.name, what] = time.perf_counter() - begin
    for what in ("delete half", "compact after it"):
        for way in ways[1:]:
            yield line(what, spent["ours", what] * 1e3, spent[way.name, what] * 1e3, way.name, "ms", 1.0)
    for way in ways[1:]:
        ours, theirs = disk_bytes(ways[0].folder) / 2**20, disk_bytes(way.folder) / 2**20
        yield line("bytes on disk after it", ours, theirs, way.name, "MiB", None)


def main():
    given = arguments(__doc__, ("--rows", {"type": int, "default": 0, "help": "100000, or 20000 with --quick"}))
    data = Data(given.rows or (20_000 if given.quick else 100_000))
    with tempfile.TemporaryDirectory(dir=os.environ.get("AIOS_BENCH_FOLDER")) as name:
        folder = Path(name)
        ways = [Ours(folder, data)]
        ways += [Lance(folder, data)] if lancedb else []
        ways += [Sqlite(folder, data)] if sqlite_vec else []
        show(in_and_one_by_one(ways, folder, data, given.quick), given.json)
        show(found_again(ways, data, given.quick), given.json)
        show(opened(ways, folder, data, given.quick), given.json)
        show(gone(ways), given.json)
        for way in ways:
            way.close()


if __name__ == "__main__":
    main()
