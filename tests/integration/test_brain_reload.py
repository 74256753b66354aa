"""Another brain while the daemon serves: taken under load, refused, given up, rolled back, there after a start."""

import json
import subprocess
import sys
import threading
import uuid

import pytest

from brain.base.errors import AiosError, Conflict, InternalError, PermissionRefused, RejectedByGate
from brain.base.messages import Request, Response, Settings
from tests.brains import ORDERS, POLICY, changed, shipped, write
from tests.house.source import ROOT
from tests.integration.daemons import REAL, Daemon, daemon, wait_until


@pytest.fixture
def real():
    with daemon(program=REAL) as made:
        yield made


@pytest.fixture
def client(real):
    with real.client() as made:
        yield made


@pytest.fixture
def own(real):
    return lambda files: write(real.places.brain, files)


def final_of(client, **settings):
    request = Request(request_id=uuid.uuid4().hex, prompt="The sea", settings=Settings(max_tokens=8, **settings))
    *_, last = client.generate(request)
    assert isinstance(last, Response)
    return last


def serving(client):
    return client.brains()[0].version


def aios(real, *words):
    command = [sys.executable, "-m", "brain.cli.main", "brain", *words]
    return subprocess.run(command, cwd=ROOT, env=real.environ, capture_output=True, text=True, check=False)


def test_a_save_is_taken_by_itself_and_the_answer_names_the_version_that_ran(client, own):
    shipped_name = serving(client)
    first = final_of(client, way="block")
    assert first.brain == shipped_name
    own({ORDERS: changed()})
    wait_until(lambda: serving(client) != shipped_name, within_s=60)
    second = final_of(client, way="block")
    assert second.brain == serving(client) == client.status().brain
    assert second.tokens != first.tokens
    (own({}) / ORDERS).unlink()
    wait_until(lambda: serving(client) == shipped_name, within_s=60)
    assert final_of(client, way="block").tokens == first.tokens


def test_no_call_fails_while_versions_change_under_load(real, client, own):
    finals, errors, stop = [], [], threading.Event()

    def load():
        with real.client() as mine:
            while not stop.is_set():
                try:
                    finals.append(final_of(mine, way="block"))
                except AiosError as error:
                    errors.append(error)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    versions = set()
    for number in range(5):
        own({ORDERS: f"{shipped(ORDERS)}# {number}\n"})
        versions.add(client.reload_brain())
        count = len(finals)
        wait_until(lambda count=count: len(finals) > count + 4, within_s=60)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(versions) == 5
    assert versions <= {final.brain for final in finals}
    assert len([one for one in client.brains() if one.state in {"kept", "serving", "watched"}]) == 4


def test_a_version_whose_answers_fail_is_left_by_itself_and_stays_away(real, client, own):
    good = serving(client)
    harm = "    if len(request.prompt) == 7:\n        raise KeyError(request.prompt)\n    begun_s ="
    own({"diffusion/core.py": changed("diffusion/core.py", ("    begun_s =", harm))})
    bad = client.reload_brain()
    for _ in range(2):
        with pytest.raises(InternalError):
            final_of(client)
    assert final_of(client).brain == good
    states = {one.version: (one.state, one.why) for one in client.brains()}
    assert states[bad] == ("quarantined", "2 of 2 calls failed, 2% is usual")
    with pytest.raises(RejectedByGate, match="in quarantine"):
        client.reload_brain()
    real.end()
    again = Daemon(real.home, program=REAL).wait_serving()
    try:
        with again.client() as other:
            with pytest.raises(RejectedByGate, match="in quarantine"):
                other.reload_brain()
            assert serving(other) == good
    finally:
        again.end()


HARM = {
    "half-written": shipped(POLICY).partition("min(self")[0] + "min(",
    "exits": shipped(POLICY) + "raise SystemExit\n",
    "ends": shipped(POLICY) + "import os; os._exit(0)\n",
    "sleeps": shipped(POLICY) + "import time; time.sleep(1)\n",
    "forks": shipped(POLICY) + "import os; os.fork()\n",
    "misses a package": shipped(POLICY) + "import nothing_of_this_name\n",
}


def test_files_that_do_harm_never_serve_a_call_and_are_refused_by_file_and_line(client, own):
    good = serving(client)
    for text in HARM.values():
        own({POLICY: text})
        with pytest.raises(RejectedByGate, match=r"sampling/policy.py:\d+: ") as caught:
            client.reload_brain()
        assert "the brain that served goes on" in caught.value.hint
        assert final_of(client).brain == good
    report = client.brains()[-1]
    assert (report.state, "nothing_of_this_name" in report.why) == ("refused", True)


def test_a_folder_that_others_could_write_is_refused_by_name(client, own):
    own({ORDERS: changed()}).chmod(0o770)
    with pytest.raises(PermissionRefused, match="brain has mode 0770"):
        client.reload_brain()
    own({})
    client.reload_brain()


def test_what_the_folder_holds_is_taken_at_the_start(real, client, own):
    own({ORDERS: changed()})
    version = client.reload_brain()
    real.end()
    with daemon(home=real.home, program=REAL) as again, again.client() as other:
        wait_until(lambda: serving(other) == version, within_s=60)


def test_what_lies_in_the_folders_place_never_keeps_the_daemon_from_starting(real):
    real.end()
    real.places.brain.rmdir()
    real.places.brain.write_text("")
    with daemon(home=real.home, program=REAL) as again, again.client() as other:
        wait_until(lambda: other.brains()[-1].state == "refused")
        assert "not a folder" in other.brains()[-1].why
        assert final_of(other).brain == serving(other)


def test_the_command_lists_reloads_and_goes_back(real, client, own):
    good = serving(client)
    own({ORDERS: changed()})
    done = aios(real, "reload", "--json")
    version = json.loads(done.stdout)["version"]
    listed = aios(real, "list").stdout
    assert version in listed
    assert ORDERS in listed
    assert str(real.places.brain) in listed
    assert [json.loads(line)["version"] for line in aios(real, "list", "--json").stdout.splitlines()] == [version, good]
    assert f"{good} serves" in aios(real, "rollback").stdout
    assert aios(real, "reload").returncode == 10
    assert aios(real, "reload", "--force").stdout == f"{version} serves\n"
    assert json.loads(aios(real, "rollback", good, "--json").stdout) == {"left": version, "version": good}
    assert aios(real, "rollback").returncode == 4
    assert aios(real, "rollback", "nothing").returncode == 3
    assert aios(real, "list", good).returncode == 2
    assert aios(real, "list", "--force").returncode == 2
    with pytest.raises(Conflict):
        client.rollback_brain(good)


def test_a_daemon_that_stops_while_a_version_is_tried_leaves_no_process_behind(real, client, own):
    own({POLICY: shipped(POLICY) + "while True: pass\n"})
    threading.Thread(target=lambda: _refused(client), daemon=True).start()
    wait_until(lambda: children(real.pid), within_s=30)
    held = children(real.pid)
    code, _ = real.end()
    assert code == 0
    wait_until(lambda: not any(alive(pid) for pid in held), within_s=20)


def _refused(client):
    with pytest.raises(AiosError):
        client.reload_brain()


def children(pid):
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def alive(pid):
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
