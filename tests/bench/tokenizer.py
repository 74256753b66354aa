"""Tokenizers: ours beside HF tokenizers, tiktoken, gigatoken, fastokens and tokie, on one thread and in a batch on two.

Alone: ``python tests/bench/tokenizer.py [--quick] [--json] [--data DIR] [--models DIR]``. The shipped file, and without
``--quick`` ones of 50,000 to 151,000 pieces, trained on the data into ``--models`` the first time (minutes).
Ids are checked equal to HF's before anything is timed; a rival that differs is told on stderr and still timed. One
thread is measured in this thread's processor time, a batch by the clock.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import texts
import trained
from figures import arguments, interleaved, line, show

import brain
from brain.native.tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = 32 << 10


def documents(text):
    """About 32 KiB each, cut at line ends."""
    found, held, size = [], [], 0
    for part in text.splitlines(keepends=True):
        held.append(part)
        size += len(part.encode())
        if size >= DOCUMENT:
            found.append("".join(held))
            held, size = [], 0
    return [*found, "".join(held)] if held else found


def hugging_face(path):
    from tokenizers import Tokenizer as Theirs

    made = Theirs.from_file(str(path))
    made.encode_special_tokens = True
    return lambda text: made.encode(text, add_special_tokens=False).ids, lambda all_of: made.encode_batch_fast(
        all_of, add_special_tokens=False
    )


def gigatoken(path):
    from gigatoken import Tokenizer as Theirs

    made = Theirs(str(path))
    return made.encode, made.encode_batch


def fastokens(path):
    from fastokens import Tokenizer as Theirs

    made = Theirs.from_file(str(path))
    return lambda text: made.encode(text, split_special_tokens=True).ids, lambda all_of: made.encode_batch_flat(
        all_of, split_special_tokens=True
    )


def tokie(path):
    from tokie import Tokenizer as Theirs

    made = Theirs.from_json(str(path))
    return lambda text: made.encode(text, add_special_tokens=False).ids, lambda all_of: made.encode_batch(
        all_of, add_special_tokens=False
    )


def tiktoken(path):
    """The same pieces as ranks; right where a piece's id follows its rank, as in these files."""
    import tiktoken as theirs

    told = json.loads(path.read_text(encoding="utf-8"))
    ours = Tokenizer.open(path)
    special = {token["content"]: token["id"] for token in told["added_tokens"]}
    ids = sorted(number for piece, number in told["model"]["vocab"].items() if piece not in special)
    steps = told["pre_tokenizer"].get("pretokenizers")
    gpt_2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
    pattern = steps[0]["pattern"]["Regex"] if steps else gpt_2
    ranks = {ours.token_bytes(number): number for number in ids}
    made = theirs.Encoding(name="same", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
    return made.encode_ordinary, lambda all_of: made.encode_ordinary_batch(all_of, num_threads=2)


RIVALS = {
    "tokenizers": hugging_face,
    "tiktoken": tiktoken,
    "tokie": tokie,
    "fastokens": fastokens,
    "gigatoken": gigatoken,
}
BARS = {"tokenizers": 20.0, "fastokens": 1.0, "gigatoken": 1.0}


def opened(path):
    """(one, batch) of every way that is there, and the seconds to open each."""
    begin = time.perf_counter()
    ours = Tokenizer.open(path)
    ways, spent = {"ours": (ours.encode, ours.encode_batch)}, {"ours": time.perf_counter() - begin}
    for name, open_it in RIVALS.items():
        begin = time.perf_counter()
        try:
            ways[name] = open_it(path)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        except (ValueError, RuntimeError, OSError, KeyError) as error:
            print(f"{name} does not read {path.stem}: {error}", file=sys.stderr)
            continue
        spent[name] = time.perf_counter() - begin
    return ways, spent


def check(ways, parts, what):
    expected = [ways["tokenizers"][0](part) for part in parts]
    for name, (one, _) in ways.items():
        equal = all(list(map(int, one(part))) == ids for part, ids in zip(parts, expected, strict=True))
        if not equal and name == "ours":
            raise SystemExit(f"{what}: our ids differ from those of tokenizers")
        if not equal:
            print(f"{what}: the ids of {name} differ from those of tokenizers", file=sys.stderr)


def processor_s(one, parts):
    begin = time.thread_time()
    for part in parts:
        one(part)
    return time.thread_time() - begin


def race(ways, text, what, quick):
    parts = documents(text)
    check(ways, parts[: 8 if quick else 32], what)
    size = sum(len(part.encode()) for part in parts) / 1e6
    slow = parts[: max(1, len(parts) // 8)]
    slow_size = sum(len(part.encode()) for part in slow) / 1e6
    rates = {name: [] for name in ways}
    for _ in range(3 if quick else 5):
        for name, (one, _) in ways.items():
            few = name in ("tokenizers", "tiktoken")
            rates[name].append((slow_size if few else size) / processor_s(one, slow if few else parts))
    middle = {name: statistics.median(found) for name, found in rates.items()}
    for name in list(ways)[1:]:
        yield line(f"{what}, 1 thread", middle["ours"], middle[name], name, "MB/s", BARS.get(name), "larger")
    batches = interleaved({n: (lambda b=batch: b(slow)) for n, (_, batch) in ways.items()}, 3 if quick else 5)
    for name in list(ways)[1:]:
        ours, theirs = slow_size / batches["ours"], slow_size / batches[name]
        yield line(f"{what}, batch", ours, theirs, name, "MB/s", BARS.get(name), "larger")


def figures(words, folder):
    size = (1 << 20) if words.quick else (4 << 20)
    measured = texts.measured(ROOT, words.data, size)
    files = {"shipped, 8 k": Path(brain.__file__).parent / "pretrained" / "base" / "tokenizer.json"}
    if not words.quick:
        held = []

        def learned():
            held.extend([] if held else texts.learned(ROOT, words.data, 24 << 20))
            return held

        files |= {kind: trained.made(kind, learned, folder) for kind in trained.KINDS}
    for label, path in files.items():
        ways, spent = opened(path)
        if "tokenizers" not in ways:
            raise SystemExit("tokenizers is needed to check ids")
        for name in list(spent)[1:]:
            yield line(f"{label}: open", spent["ours"] * 1e3, spent[name] * 1e3, name, "ms", None)
        for name, text in measured.items():
            yield from race(ways, text, f"{label}: {name}", words.quick)
        assert np.array_equal(ways["ours"][0]("x" * 99_999), ways["ours"][0]("x" * 99_999))


def main():
    words = arguments(
        __doc__,
        ("--data", {"type": Path, "default": None, "help": "folders books and code"}),
        ("--models", {"type": Path, "default": None, "help": "where trained tokenizers are kept"}),
    )
    # Each library makes its pool of threads at its first batch.
    os.environ.setdefault("RAYON_NUM_THREADS", "2")
    with tempfile.TemporaryDirectory() as temporary:
        show(figures(words, words.models or Path(temporary)), words.json)


if __name__ == "__main__":
    main()
