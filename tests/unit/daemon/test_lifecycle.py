"""The door in the file system: folders, lock, token, socket's place."""

import multiprocessing
import os
import socket
import stat

import pytest

from brain.base.errors import PermissionRefused, StorageFailed
from brain.base.paths import Places
from brain.client.launch import running
from brain.daemon.lifecycle import WRITABLE, check_socket, clear_socket, new_token, only_daemon, private_folder


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_folder_is_private_with_all_above_it_made(tmp_path):
    private_folder(tmp_path / "a" / "b")
    private_folder(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700


@pytest.mark.parametrize("bits", [0o701, 0o710, 0o704, 0o777, 0o1777])
def test_a_folder_that_others_could_enter_is_refused_with_the_cure(tmp_path, bits):
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(bits)
    with pytest.raises(PermissionRefused) as caught:
        private_folder(folder)
    assert "chmod 700" in caught.value.hint
    assert mode(folder) == bits


def test_a_folder_that_holds_no_secret_may_be_read_but_not_written_by_others(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    private_folder(folder, WRITABLE)
    folder.chmod(0o775)
    with pytest.raises(PermissionRefused):
        private_folder(folder, WRITABLE)


def test_a_link_or_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").write_text("")
    for name in ("link", "file"):
        with pytest.raises(PermissionRefused):
            private_folder(tmp_path / name)


def test_another_owners_folder_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(PermissionRefused, match="belongs to user"):
        private_folder(folder)


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed):
        private_folder(tmp_path / "file" / "run")


def hold(path, held, done):
    with only_daemon(path) as holder:
        held.put(holder)
        done.wait(10)


def test_one_process_holds_the_lock_and_the_other_learns_its_number(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    held, done = spawn.Queue(), spawn.Event()
    other = spawn.Process(target=hold, args=(tmp_path / "lock", held, done))
    other.start()
    assert held.get(timeout=30) is None
    with only_daemon(tmp_path / "lock") as holder:
        assert holder == other.pid
    done.set()
    other.join(10)
    with only_daemon(tmp_path / "lock") as holder:
        assert holder is None
        assert (tmp_path / "lock").read_text().strip() == str(os.getpid())
    assert mode(tmp_path / "lock") == 0o600


def test_asking_who_runs_disturbs_nobody(tmp_path):
    places = Places(tmp_path, tmp_path, tmp_path, tmp_path, tmp_path)
    assert running(places) is None
    with only_daemon(places.lock) as holder:
        assert holder is None
        assert running(places) == os.getpid()
    assert running(places) is None


def test_a_linked_lock_is_not_followed(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), only_daemon(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_every_start_has_another_token_that_only_the_user_reads(tmp_path):
    tokens = {new_token(tmp_path / "token") for _ in range(4)}
    assert len(tokens) == 4
    assert (tmp_path / "token").read_text() in tokens
    assert mode(tmp_path / "token") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
    assert all(len(token) >= 32 for token in tokens)


def test_a_socket_that_was_left_behind_is_cleared_and_nothing_else_is(tmp_path):
    path = tmp_path / "s"
    clear_socket(path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    clear_socket(path)
    assert not path.exists()
    path.write_text("precious")
    with pytest.raises(PermissionRefused):
        clear_socket(path)
    assert path.read_text() == "precious"


def test_a_socket_that_others_could_call_is_refused(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        path.chmod(0o700)
        check_socket(path)
        path.chmod(0o770)
        with pytest.raises(PermissionRefused):
            check_socket(path)
