"""Promises of the reader of text folders: what is text, what is held out, and which bytes it refuses."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from brain.base import corpus
from brain.base.corpus import documents, scan
from brain.base.errors import CorruptData, InvalidInput, NotFound, ResourceExhausted, StorageFailed, Unsupported


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names(folder: Path) -> list[str]:
    return [file.name for file in scan(folder).files]


def test_text_is_found_at_any_depth_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.md", "a/b/c.py", "lines.jsonl", "packed.txt.zst"):
        write(tmp_path / name, "text")
    for name in ("image.png", "noending", ".hidden.txt", ".git/x.txt", "x.txt.part", "SOURCE.md"):
        write(tmp_path / name, "text")
    assert names(tmp_path) == ["a/b/c.py", "a/z.md", "b.txt", "lines.jsonl", "packed.txt.zst"]


def test_files_with_val_in_their_name_are_held_out(tmp_path: Path) -> None:
    for name in ("a.txt", "a.val.txt", "b.val.jsonl.zst", "val.txt", "interval.md"):
        write(tmp_path / name, "text")
    found = scan(tmp_path)
    assert [file.name for file in found.held_out] == ["a.val.txt", "b.val.jsonl.zst"]
    assert [file.name for file in found.training] == ["a.txt", "interval.md", "val.txt"]


def test_a_folder_for_evaluation_only_is_held_out_whole(tmp_path: Path) -> None:
    write(tmp_path / "exam/SOURCE.md", "EVALUATION ONLY: questions")
    write(tmp_path / "exam/deep/a.txt", "text")
    write(tmp_path / "example/a.txt", "text")
    assert [file.name for file in scan(tmp_path).held_out] == ["exam/deep/a.txt"]
    assert [file.held_out for file in scan(tmp_path / "exam").files] == [True]


def test_source_notes_are_given_back_with_their_folder(tmp_path: Path) -> None:
    write(tmp_path / "SOURCE.md", "public domain")
    write(tmp_path / "deep/SOURCE.md", "CC0")
    write(tmp_path / "deep/a.txt", "text")
    assert [(note.folder, note.text) for note in scan(tmp_path).notes] == [(".", "public domain"), ("deep", "CC0")]


def test_links_are_never_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside/secret.txt", "secret")
    inside = tmp_path / "inside"
    write(inside / "a.txt", "text")
    (inside / "link.txt").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    (inside / "loop").symlink_to(inside)
    found = scan(inside)
    assert [file.name for file in found.files] == ["a.txt"]
    assert found.left_out == ("folder", "link.txt", "loop")


def test_a_pipe_that_calls_itself_text_is_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert scan(tmp_path).left_out == ("pipe.txt",)


def test_one_file_can_be_a_corpus_but_not_one_of_another_kind(tmp_path: Path) -> None:
    assert names(write(tmp_path / "a.txt", "text")) == ["a.txt"]
    with pytest.raises(InvalidInput, match=r"picture\.png is not a text file"):
        scan(write(tmp_path / "picture.png", "x"))
    with pytest.raises(InvalidInput, match=r"picture\.png is not a text file"):
        list(documents(tmp_path / "picture.png"))


def test_a_missing_folder_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        scan(tmp_path / "nowhere")
    with pytest.raises(StorageFailed, match=r"nowhere\.txt"):
        list(documents(tmp_path / "nowhere.txt"))
    with pytest.raises(StorageFailed, match=r"nowhere\.txt"):
        corpus.digest(tmp_path / "nowhere.txt")


@given(st.lists(st.text(alphabet="ab \n<|>é"), max_size=6))
def test_documents_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("texts") / "a.txt"
    write(path, "".join(f"{text}\n{corpus.MARKER}\n" for text in texts))
    assert list(documents(path)) == [text.strip("\n") for text in texts if text.strip()]


def test_only_a_whole_line_is_a_marker(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "a <|endoftext|>\n<|endoftext|> b\n<|endoftext|>\r\nc")
    assert list(documents(path)) == ["a <|endoftext|>\n<|endoftext|> b", "c"]


def test_json_lines_give_their_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "one"}\n\n{"text": "two\\n", "more": 1}\n{"text": " "}\n')
    assert list(documents(path)) == ["one", "two"]


def test_a_program_comes_in_the_code_form(tmp_path: Path) -> None:
    assert list(documents(write(tmp_path / "walk.py", "x = 1\n"))) == ["<|code|>python walk.py\nx = 1"]
    assert list(documents(write(tmp_path / "empty.py", "\n"))) == []


def test_packed_text_reads_like_plain_text_over_several_frames(tmp_path: Path) -> None:
    text = ("word " * 5000 + "\n<|endoftext|>\n") * 40
    middle = len(text) // 2 + 7
    pack = zstandard.ZstdCompressor().compress
    plain = write(tmp_path / "a.txt", text)
    packed = write(tmp_path / "b.txt.zst", pack(text[:middle].encode()) + pack(text[middle:].encode()))
    assert list(documents(packed)) == list(documents(plain))


def test_what_is_not_utf8_is_refused_with_path_and_offset(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"fine\n<|endoftext|>\nab\xff\n")
    with pytest.raises(CorruptData, match=r"a\.txt: byte 21 is not UTF-8"):
        list(documents(path))
    path = write(tmp_path / "b.jsonl", b'{"text": "x"}\n{"text": "\xc3"}\n')
    with pytest.raises(CorruptData, match=r"b\.jsonl: byte 24 is not UTF-8"):
        list(documents(path))


def test_binary_data_is_refused_with_the_place_of_its_zero(tmp_path: Path) -> None:
    with pytest.raises(CorruptData, match=r"a\.txt: a zero byte at offset 3"):
        list(documents(write(tmp_path / "a.txt", b"abc\0def")))
    with pytest.raises(CorruptData, match=r"a\.py: a zero byte at offset 4"):
        list(documents(write(tmp_path / "a.py", b"x=1\n\0")))


@pytest.mark.parametrize("line", ["[1]", '"text"', "{}", '{"text": 3}'])
def test_a_line_without_text_is_refused_by_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidInput, match=r"line 2 has no string"):
        list(documents(write(tmp_path / "a.jsonl", '{"text": "x"}\n' + line)))


@pytest.mark.parametrize("line", ["{", "[" * 100_000, '{"text": "\\ud800"}'], ids=["cut", "deep", "half a pair"])
def test_a_line_that_is_no_json_or_no_unicode_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(CorruptData, match=r"a\.jsonl: line 1"):
        list(documents(write(tmp_path / "a.jsonl", line)))


def test_a_packed_file_that_is_cut_or_damaged_is_refused(tmp_path: Path) -> None:
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(os.urandom(4000).hex().encode())
    with pytest.raises(CorruptData, match=r"cut short after"):
        list(documents(write(tmp_path / "cut.txt.zst", packed[:-100])))
    with pytest.raises(CorruptData, match=r"damaged"):
        list(documents(write(tmp_path / "bad.txt.zst", packed[:500] + bytes(8) + packed[508:])))
    with pytest.raises(CorruptData, match=r"damaged"):
        list(documents(write(tmp_path / "none.txt.zst", b"this is not zstd")))


def test_without_zstandard_packed_text_is_refused_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(Unsupported, match=r"a\.txt\.zst needs zstandard") as refused:
        list(documents(write(tmp_path / "a.txt.zst", b"x")))
    assert "unpack it" in refused.value.hint


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    packed = zstandard.ZstdCompressor().compress(b"a" * (corpus.DOCUMENT_BYTES + (16 << 20)))
    assert len(packed) < 1 << 15
    with pytest.raises(ResourceExhausted, match=r"bomb\.txt\.zst: a line near byte 0 is longer"):
        list(documents(write(tmp_path / "bomb.txt.zst", packed)))


def test_a_document_over_the_limit_is_refused_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "DOCUMENT_BYTES", 100)
    for name in ("a.txt", "a.py"):
        with pytest.raises(ResourceExhausted, match="a document near byte 0 is longer than 100 bytes") as refused:
            list(documents(write(tmp_path / name, "short line\n" * 10)))
        assert corpus.MARKER in refused.value.hint


def test_a_note_of_impossible_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "NOTE_BYTES", 3)
    write(tmp_path / "SOURCE.md", "four")
    with pytest.raises(ResourceExhausted, match="a note may have 3"):
        scan(tmp_path)


def test_the_digest_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert corpus.digest(write(tmp_path / "a.txt", "abc")) == known
