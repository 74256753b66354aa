"""One reference: calls end on the version that they began with, a worse one is left by itself, three are kept."""

import threading

import pytest

from brain.base.errors import NotFound
from brain.daemon.hot_reload.versions import Versions
from brain.engine.brain import Brain


class Package:
    def __init__(self):
        self.gone = False

    def unload(self):
        self.gone = True


def a_brain(name):
    return Brain(name, None, None)


@pytest.fixture
def left():
    return []


@pytest.fixture
def versions(left):
    return Versions(a_brain("shipped"), lambda *told: left.append(told), watched=4)


def take(versions, name):
    package = Package()
    versions.take(a_brain(name), package, ("sampling/policy.py",))
    return package


def run(versions, count=1, error=None, doubt=0.5):
    for _ in range(count):
        try:
            with versions.call() as call:
                call.uncertainty = doubt
                if error:
                    raise error
        except ValueError:
            pass


def test_a_call_ends_on_the_version_that_it_began_with(versions):
    with versions.call() as old:
        package = take(versions, "a")
        with versions.call() as new:
            assert (old.brain.version, new.brain.version) == ("shipped", "a")
    assert versions.serving == "a"
    assert not package.gone


def test_a_version_that_is_no_longer_kept_is_unloaded_when_its_last_call_has_ended(versions):
    first = take(versions, "a")
    with versions.call():
        others = [take(versions, name) for name in "bcd"]
        assert not first.gone
    assert first.gone
    assert not any(package.gone for package in others)
    assert [one.version for one in versions.reports()] == ["d", "c", "b", "shipped"]


def test_a_version_that_fails_is_left_by_itself_and_told(versions, left):
    package = take(versions, "bad")
    run(versions, 2, ValueError("x"))
    assert versions.serving == "shipped"
    assert left == [("bad", "2 of 2 calls failed, 2% is usual")]
    assert package.gone
    assert not versions.has("bad")


def test_it_goes_back_to_the_version_before_it(versions, left):
    take(versions, "good")
    run(versions, 4)
    take(versions, "bad")
    run(versions, 2, ValueError("x"))
    assert versions.serving == "good"
    assert [report.state for report in versions.reports()] == ["serving", "kept"]


def test_after_so_many_good_calls_it_is_no_longer_watched(versions, left):
    take(versions, "a")
    assert (versions.reports()[0].state, versions.reports()[0].watched_calls) == ("watched", 4)
    run(versions, 4)
    assert versions.reports()[0].state == "serving"
    run(versions, 3, ValueError("x"))
    assert versions.serving == "a"
    assert left == []


def test_a_call_that_ends_on_an_older_version_does_not_count_for_the_new_one(versions, left):
    old = [versions.call() for _ in range(3)]
    for one in old:
        one.__enter__()
    take(versions, "a")
    for one in old:
        assert not one.__exit__(ValueError, ValueError("x"), None)
    assert versions.serving == "a"
    assert versions.reports()[0].calls == 0
    assert versions.reports()[-1].failed == 3


def test_going_back_is_by_name_or_to_the_one_before(versions):
    take(versions, "a")
    take(versions, "b")
    assert versions.before() == "a"
    versions.back_to("shipped")
    assert versions.serving == "shipped"
    assert versions.before() == "b"
    versions.back_to("shipped")
    assert versions.before() == "b"
    with pytest.raises(NotFound, match="'c'"):
        versions.back_to("c")
    assert versions.package_of("shipped") is None


def test_the_one_that_serves_is_never_dropped(versions):
    kept, serving = take(versions, "a"), take(versions, "b")
    versions.drop("b")
    versions.drop("shipped")
    versions.drop("a")
    assert kept.gone
    assert not serving.gone
    assert versions.before() == "shipped"


def test_calls_and_flips_from_many_threads_lose_nothing(versions):
    stop = threading.Event()
    counts = []

    def call():
        count = 0
        while not stop.is_set():
            with versions.call() as held:
                held.uncertainty = 0.5
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    packages = [take(versions, f"v{number}") for number in range(200)]
    stop.set()
    for thread in threads:
        thread.join()
    assert sum(package.gone for package in packages) == 197
    assert versions.serving == "v199"
    assert all(one.running == 0 for one in versions._all())
