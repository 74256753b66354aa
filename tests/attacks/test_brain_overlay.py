"""The folder of one's own rooms as others could have made it: every such file is refused by name, none of it runs."""

import os

import pytest

from brain.base.errors import AiosError, InvalidInput, PermissionRefused, ResourceExhausted, StorageFailed
from brain.daemon.hot_reload import overlay
from brain.daemon.hot_reload.overlay import read_overlay
from tests.brains import ORDERS, POLICY, write

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
SOMEBODY = 12_345


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "brain", {POLICY: "a = 1\n", ORDERS: "b = 2\n"})


def refused(folder, kind, *words):
    with pytest.raises(kind) as caught:
        read_overlay(folder)
    assert all(word in caught.value.message for word in words), caught.value.message
    assert str(folder) not in str(caught.value)


def test_what_is_ones_own_is_read(folder, tmp_path):
    assert read_overlay(folder) == {POLICY: b"a = 1\n", ORDERS: b"b = 2\n"}
    assert read_overlay(tmp_path / "not there") == {}


@as_root
@pytest.mark.parametrize("name", ["", "sampling", POLICY])
def test_what_another_user_owns_is_refused(folder, name):
    os.chown(folder / name, SOMEBODY, -1)
    refused(folder, PermissionRefused, f"brain/{name}".rstrip("/"), f"user {SOMEBODY}")


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o755, 0o750, 0o777])
def test_a_folder_that_others_may_enter_is_refused(folder, mode):
    folder.chmod(mode)
    refused(folder, PermissionRefused, "brain", f"{mode:04o}")


@pytest.mark.parametrize(
    ("name", "mode"), [("sampling", 0o720), ("sampling/discrete", 0o702), (POLICY, 0o660), (ORDERS, 0o606)]
)
def test_what_others_may_write_is_refused(folder, name, mode):
    (folder / name).chmod(mode)
    refused(folder, PermissionRefused, f"brain/{name}", f"{mode:04o}")


def test_a_link_that_leaves_the_folder_is_refused(folder, tmp_path):
    (tmp_path / "elsewhere.py").write_text("stolen = 1\n")
    (folder / POLICY).unlink()
    (folder / POLICY).symlink_to(tmp_path / "elsewhere.py")
    refused(folder, PermissionRefused, f"brain/{POLICY}", "link")
    (folder / POLICY).unlink()
    (folder / POLICY).symlink_to("../../elsewhere.py")
    refused(folder, PermissionRefused, f"brain/{POLICY}", "link")


def test_a_link_within_the_folder_is_followed(folder):
    (folder / "sampling" / "same.py").symlink_to("policy.py")
    assert read_overlay(folder)["sampling/same.py"] == b"a = 1\n"


@as_root
def test_a_link_within_the_folder_to_another_users_file_is_refused(folder):
    (folder / "sampling" / "same.py").symlink_to("notes")
    (folder / "sampling" / "notes").write_text("")
    os.chown(folder / "sampling" / "notes", SOMEBODY, -1)
    refused(folder, PermissionRefused, "brain/sampling/same.py", "user")
    os.chown(folder / "sampling" / "same.py", SOMEBODY, -1, follow_symlinks=False)
    refused(folder, PermissionRefused, "brain/sampling/same.py", "user")


def test_a_folder_that_is_a_link_is_refused(folder, tmp_path):
    (tmp_path / "rooms").mkdir()
    (folder / "noise").symlink_to(tmp_path / "rooms")
    refused(folder, PermissionRefused, "brain/noise", "link")
    (tmp_path / "link").symlink_to(folder)
    refused(tmp_path / "link", PermissionRefused, "brain", "link")
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file", PermissionRefused, "brain", "folder")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("base/errors.py", "brain/base is no room"),
        ("daemon/main.py", "brain/daemon is no room"),
        ("orders.py", "brain/orders.py lies in no room"),
        ("conditioning/memory.py", "brain/conditioning/memory.py cannot be replaced"),
        ("conditioning/embedding.py", "brain/conditioning/embedding.py cannot be replaced"),
        ("sampling/a/b/c/d/e/f/g/h/i/deep.py", "lies too deep"),
    ],
)
def test_a_file_that_lies_in_no_room_is_refused(folder, name, told):
    write(folder, {name: ""})
    refused(folder, InvalidInput, told)


@pytest.mark.parametrize(
    "name",
    [".policy.py.swp", "policy.py~", "#policy.py#", ".#policy.py", "4913", "policy.py.tmp", "a-b.py", "notes.txt"],
)
def test_editors_files_are_passed_over(folder, name):
    (folder / "sampling" / name).write_text("raise SystemExit\n")
    (folder / ".git").mkdir(mode=0o777)
    (folder / "sampling" / "__pycache__").mkdir()
    assert set(read_overlay(folder)) == {POLICY, ORDERS}


def test_a_pipe_or_a_folder_in_a_files_place_is_refused_and_never_waited_for(folder):
    (folder / POLICY).unlink()
    os.mkfifo(folder / POLICY)
    refused(folder, InvalidInput, f"brain/{POLICY} is not a file")
    (folder / POLICY).unlink()
    (folder / POLICY).mkdir()
    with pytest.raises(AiosError):
        read_overlay(folder)


def test_too_much_is_refused(folder, monkeypatch):
    (folder / POLICY).write_bytes(b"#" * (overlay.FILE_LIMIT_BYTES + 1))
    refused(folder, InvalidInput, f"brain/{POLICY} has more than")
    (folder / POLICY).write_bytes(b"")
    monkeypatch.setattr(overlay, "FILES_LIMIT", 1)
    refused(folder, ResourceExhausted, "more than 1 files")


def test_a_file_that_goes_away_while_it_is_read_is_looked_for_anew(folder, monkeypatch):
    real, gone = os.open, []

    def once(path, *words, **more):
        if not gone and str(path).endswith("policy.py"):
            gone.append(path)
            raise FileNotFoundError(2, "gone")
        return real(path, *words, **more)

    monkeypatch.setattr(os, "open", once)
    assert set(read_overlay(folder)) == {POLICY, ORDERS}
    (folder / "sampling" / "dangling.py").symlink_to("nothing.py")
    refused(folder, StorageFailed, "sampling/nothing.py")
    monkeypatch.setattr(os, "open", lambda *words: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    refused(folder, StorageFailed, "Input/output error")
