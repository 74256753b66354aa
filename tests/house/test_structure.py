"""Promises about the house itself: rooms say what they are, files stay readable, doors stay where they belong."""

import ast
import re

import pytest

from tests.house.source import ROOT, files, imports, python, tree

LONGEST_FILE_LINES = 450


@pytest.mark.parametrize("name", python("brain/"))
def test_a_file_opens_with_a_sentence_that_says_what_it_is(name):
    docstring = ast.get_docstring(tree(name))
    assert docstring, f"{name} has no docstring"
    assert docstring.split("\n")[0].rstrip().endswith((".", ":")), f"{name}: {docstring!r}"


@pytest.mark.parametrize("name", [name for name in files() if name.endswith(".rs")])
def test_a_rust_file_opens_with_a_sentence_that_says_what_it_is(name):
    assert (ROOT / name).read_text().startswith("//! "), name


def test_no_file_is_too_long_to_read():
    long = {}
    for name in files():
        if name.endswith((".py", ".rs")) and not name.startswith("brain/wire/aios/"):
            lines = (ROOT / name).read_text().count("\n")
            if lines > LONGEST_FILE_LINES:
                long[name] = lines
    assert not long


def test_no_room_is_called_by_what_it_is_not():
    banned = re.compile(r"(^|/)(utils?|helpers?|manager|misc|common)(\.|/|_)")
    # Cargo's own convention for code shared by a crate's tests is tests/common.
    rooms = [name for name in files() if name.startswith(("brain/", "skeleton/")) and "/tests/common/" not in name]
    assert not [name for name in rooms if banned.search(name)]


OWNERS = {
    "torch": (
        "brain/score/torch/",
        "brain/latent/torch/",
        "brain/backends/torch",
        "brain/training/",
        "brain/evolution/",
    ),
    "mlx": ("brain/score/mlx/", "brain/backends/mlx.py"),
    "grpc": ("brain/wire/", "brain/services/", "brain/client/", "brain/daemon/"),
    "brain._skeleton": ("brain/native/",),
}


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_named_only_in_its_rooms(library):
    def names_it(name):
        return any(module == library or module.startswith(library + ".") for module in imports(name))

    strangers = [name for name in python("brain/") if not name.startswith(OWNERS[library]) and names_it(name)]
    assert not strangers


def test_unsafe_stands_only_in_the_rooms_that_may_and_is_explained():
    rooms = ("skeleton/kernels/", "skeleton/weights/", "skeleton/border/")
    for name in files():
        if not name.endswith(".rs"):
            continue
        text = (ROOT / name).read_text()
        if re.search(r"\bunsafe\s*(\{|fn|impl)", text):
            assert name.startswith(rooms), name
            assert "SAFETY" in text or "# Safety" in text, name


def test_nothing_records_an_address_of_a_registry_or_a_path_of_a_machine():
    found = []
    for name in files():
        if name.endswith((".lock", ".toml", ".txt", ".py", ".md", ".rs", ".yaml", ".cfg")):
            text = (ROOT / name).read_text(errors="replace")
            if re.search(r"(?i)^\s*(index-url|extra-index-url|url|registry)\s*=\s*\"?https?:", text, re.MULTILINE):
                found.append(name)
    assert not found


def test_no_broad_except_and_nothing_left_open():
    open_ends = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b|unimplemented!|todo!")
    for name in files():
        ours = not name.startswith("brain/wire/aios/") and name != "tests/house/test_structure.py"
        if ours and name.endswith((".py", ".rs")):
            assert not open_ends.search((ROOT / name).read_text()), name


TREE_LINE = re.compile(r"^([\w./-]+/)\s")


def test_the_readmes_tree_is_the_disks():
    readme = (ROOT / "README.md").read_text()
    block = readme.split("## The house", 1)[1].split("```", 2)[1]
    told = {match.group(1) for line in block.splitlines() if (match := TREE_LINE.match(line.strip()))}
    tops = {name.split("/")[0] + "/" for name in files() if "/" in name and not name.startswith(".")}
    inner = [name for name in files() if name.startswith(("skeleton/", "brain/")) and name.count("/") > 1]
    rooms = {"/".join(name.split("/")[:2]) + "/" for name in inner}
    assert told == tops | rooms
