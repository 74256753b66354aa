"""Promises of the gate: a fault becomes the exception of its row, calls end when told to, other threads run on."""

from __future__ import annotations

import errno
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from brain.base.errors import TABLE, AiosError, Cancelled, Conflict, DeadlineExceeded, StorageFailed
from brain.native.build import fault_names, version
from brain.native.cancel import CancelToken
from brain.native.forward import Network
from brain.native.quant import quantise
from brain.native.search import flat_top_k
from brain.native.tokenizer import Tokenizer
from brain.native.weights import Weights

BASE = Path(__file__).resolve().parents[3] / "brain/pretrained/base"


def floats(*shape):
    return np.zeros(shape, np.float32)


# A panic (Bug) cannot be provoked by any argument that we know; the gate's own test in Rust provokes one.
PROVOKED = {
    "Shape": lambda _: flat_top_k(floats(3), floats(4, 2), 1),
    "Dtype": lambda _: flat_top_k(np.zeros(2), floats(4, 2), 1),
    "OutOfRange": lambda _: CancelToken(-1.0),
    "NotFound": lambda _: Weights.open(BASE / "weights.arrow").info("no such tensor"),
    "Conflict": lambda _: Tokenizer.train([], 300, ["<|a|>", "<|a|>"]),
    "Corrupt": lambda _: Tokenizer.from_bytes(b"{"),
    "Io": lambda folder: Tokenizer.open(folder / "none"),
    "Exhausted": lambda _: Tokenizer.from_bytes(b" " * ((64 << 20) + 1)),
    "Cancelled": lambda _: cancelled().check(),
    "Deadline": lambda _: CancelToken(0.0).check(),
    "Unsupported": lambda _: quantise(floats(16, 64), "int8.row", "mean_abs"),
}


def cancelled():
    token = CancelToken()
    token.cancel()
    return token


def test_every_fault_but_the_panic_is_provoked_here():
    assert {*PROVOKED, "Bug"} == set(fault_names())


@pytest.mark.parametrize("fault", PROVOKED)
def test_a_fault_becomes_the_exception_of_its_row_with_message_and_hint(fault, tmp_path):
    (row,) = (row for row in TABLE if fault in row.faults)
    with pytest.raises(AiosError) as caught:
        PROVOKED[fault](tmp_path)
    assert type(caught.value) is row.error
    assert caught.value.message
    assert bool(caught.value.hint) == (fault != "Cancelled")


def test_a_failure_of_the_system_keeps_its_number_and_its_file(tmp_path):
    with pytest.raises(StorageFailed) as caught:
        Tokenizer.open(tmp_path / "none")
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "none")


def test_the_field_of_a_bad_argument_is_its_name():
    with pytest.raises(AiosError) as caught:
        flat_top_k(np.zeros(2), floats(4, 2), 1)
    assert caught.value.field == "query"


def test_the_version_is_the_packages():
    assert version().count(".") == 2


def test_a_token_tells_whether_it_was_cancelled():
    token = CancelToken(3600.0)
    assert not token.cancelled
    token.check()
    token.cancel()
    assert token.cancelled
    with pytest.raises(Cancelled):
        token.check()


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -0.5, 1e300])
def test_a_deadline_that_is_no_time_is_refused(seconds):
    with pytest.raises(AiosError, match="deadline_s"):
        CancelToken(seconds)


@pytest.fixture
def one_thread_at_a_time():
    """Threads take turns only where one of them waits or lets go, so whoever runs during a call was let in by it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(600.0)
    yield
    sys.setswitchinterval(before)


class Beside(threading.Thread):
    """Runs ``work`` once ``begin`` is set, which it can only see when the main thread lets it run."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.begin = False
        self.result = None
        self.work = work
        self.start()

    def run(self):
        while not self.begin:
            time.sleep(0.0002)
        self.result = self.work()


@pytest.mark.usefixtures("one_thread_at_a_time")
def test_other_threads_run_during_a_long_call():
    beside = Beside(lambda: "was here")
    x = np.random.default_rng(0).standard_normal((1024, 4096), np.float32)
    beside.begin = True
    quantise(x, "int2.g64.r16", "least_squares")
    seen = beside.result
    assert seen == "was here"


def long_pass(network, cache):
    tokens = np.full(2048, 40, np.uint32)
    places = np.arange(2048, dtype=np.float32)
    return (cache, tokens, places, places, "causal")


def open_network():
    return Network.open(Weights.open(BASE / "weights.arrow"), (BASE / "score.json").read_text(encoding="utf-8"), 1)


@pytest.mark.usefixtures("one_thread_at_a_time")
def test_another_thread_ends_a_long_call_and_the_prefix_stays_as_it_was():
    network, token = open_network(), CancelToken()
    cache = network.cache()
    beside = Beside(token.cancel)
    beside.begin = True
    with pytest.raises(Cancelled):
        network.propose([long_pass(network, cache)], cancel=token)
    assert len(cache) == 0


@pytest.mark.usefixtures("one_thread_at_a_time")
def test_a_prefix_in_the_hands_of_a_call_is_refused_to_others():
    network = open_network()
    cache = network.cache()
    refused = []

    def touch():
        for use in (lambda: len(cache), cache.fork, lambda: cache.truncate(0), lambda: cache.len_bytes):
            try:
                use()
            except Conflict as error:
                refused.append(error.hint)

    beside = Beside(touch)
    beside.begin = True
    network.propose([long_pass(network, cache)])
    beside.join()
    assert len(refused) == 4
    assert all("fork" in hint for hint in refused)
    assert len(cache) == 2048


def test_a_call_whose_time_is_up_ends_with_the_prefix_as_it_was():
    network = open_network()
    cache = network.cache()
    with pytest.raises(DeadlineExceeded):
        network.propose([long_pass(network, cache)], cancel=CancelToken(0.0))
    assert len(cache) == 0
