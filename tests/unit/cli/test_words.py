"""Promises of the command line's words: what they mean before any daemon is asked."""

import argparse
import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import InvalidInput, NotFound
from brain.base.messages import EVERYDAY, Settings
from brain.base.reports import Memory, ModelReport
from brain.cli import arguments, daemon, local, memories, models
from brain.cli.generate import decoding, sides
from brain.cli.main import main
from brain.cli.memories import PARAGRAPH_LIMIT_BYTES, paragraphs


def parsed(*words):
    return arguments.parser().parse_known_args(words)[0]


def test_what_is_not_named_stays_as_it_is():
    assert decoding(parsed("generate", "x")) == EVERYDAY


def test_every_setting_can_be_named():
    words = parsed(
        *[
            "generate",
            "x",
            "--way",
            "block",
            "--block",
            "8",
            "--steps",
            "3",
            "--order",
            "margin",
            "--entropy-bound",
            "1.5",
            "--temperature",
            "0.8",
        ],
        *["--min-p", "0.1", "--max-tokens", "9", "--seed", "7"],
    )
    assert decoding(words) == Settings(
        way="block",
        block=8,
        steps=3,
        order="margin",
        entropy_bound=1.5,
        temperature=0.8,
        min_p=0.1,
        max_tokens=9,
        seed=7,
    )


def test_a_zero_is_a_value_and_not_a_gap():
    assert decoding(parsed("generate", "x", "--max-tokens", "0")).max_tokens == 0


def test_every_command_has_a_room_and_a_function():
    import importlib

    choices = arguments.parser()._subparsers._group_actions[0].choices
    for name, command in choices.items():
        room = importlib.import_module(f"brain.cli.{command.get_default('room')}")
        assert callable(getattr(room, command.get_default("function"))), name


def test_a_hole_is_counted_in_characters(tmp_path):
    file = tmp_path / "text"
    file.write_text("naïve café and more", encoding="utf-8")
    assert sides(parsed("infill", str(file), "--hole", "6:10")) == ("naïve ", " and more")


@pytest.mark.parametrize("hole", ["10:6", "0:99", "a:b", "3", ":", "-1:2", "1:2:3"])
def test_a_hole_outside_of_the_text_is_refused_with_the_texts_length(tmp_path, hole):
    file = tmp_path / "text"
    file.write_text("0123456789")
    with pytest.raises(InvalidInput) as refused:
        sides(parsed("infill", str(file), f"--hole={hole}"))
    assert refused.value.field == "hole"
    assert "10" in refused.value.hint


def test_line_ends_of_a_file_count_as_the_characters_that_they_are(tmp_path):
    (tmp_path / "text").write_bytes(b"a\r\nb\r\nc")
    assert sides(parsed("infill", str(tmp_path / "text"), "--hole", "3:4")) == ("a\r\n", "\r\nc")


def test_before_and_after_stand_for_a_file():
    assert sides(parsed("infill", "--before", "a", "--after", "b")) == ("a", "b")


@pytest.mark.parametrize(
    "words",
    [
        ["infill"],
        ["infill", "--hole", "1:2"],
        ["infill", "f", "--before", "x"],
        ["infill", "f", "--hole", "1:2", "--after", "x"],
    ],
)
def test_an_infill_without_a_hole_is_refused(words):
    with pytest.raises(InvalidInput, match="hole"):
        sides(parsed(*words))


def test_files_that_are_not_there_or_not_text_are_named(tmp_path):
    with pytest.raises(NotFound, match="nowhere"):
        sides(parsed("infill", str(tmp_path / "nowhere"), "--hole", "0:0"))
    (tmp_path / "bytes").write_bytes(b"ab\xff")
    with pytest.raises(InvalidInput, match="byte 2"):
        sides(parsed("infill", str(tmp_path / "bytes"), "--hole", "0:0"))


@given(st.text(max_size=300))
def test_paragraphs_lose_no_word_and_are_bounded(text):
    made = list(paragraphs(text * 20))
    assert "".join("".join(made).split()) == "".join((text * 20).split())
    assert all(piece.strip() and len(piece.encode()) <= PARAGRAPH_LIMIT_BYTES for piece in made)


def test_a_short_paragraph_is_kept_as_it_stands():
    assert list(paragraphs("def f(x):\n    return x\n\n\n  second\r\n\r\n \n\nthird\n")) == [
        "def f(x):\n    return x",
        "  second",
        "third",
    ]


def test_a_word_without_end_is_cut_where_the_limit_is():
    assert "".join(paragraphs("猫" * 50_000)) == "猫" * 50_000


def test_the_name_of_a_text_that_is_not_there_is_not_taken_for_words(tmp_path):
    with pytest.raises(NotFound, match=r"notes\.txt"):
        memories.remember(parsed("remember", str(tmp_path / "notes.txt")))


def test_what_a_memory_holds_cannot_move_the_cursor(monkeypatch, capsys):
    memory = Memory("memories/a", "red \x1b[31m \x1b]0;title\x07", "", 0.0, 0.5)
    monkeypatch.setattr(memories, "connected", lambda: contextlib.nullcontext(Shelf([memory])))
    memories.recall(parsed("recall", "red"))
    told = capsys.readouterr().out
    assert "title" in told
    assert not {"\x1b", "\x07"} & set(told)


@final
class Shelf:
    def __init__(self, found):
        self.found = found

    def recall(self, query, limit):
        return self.found[:limit]

    def models(self):
        return self.found


def test_a_model_is_told_by_the_name_that_model_takes(monkeypatch, capsys):
    report = ModelReport("models/mine", 35, 15, "int2", True, False, "", "")
    monkeypatch.setattr(models, "connected", lambda: contextlib.nullcontext(Shelf([report])))
    models.models(parsed("models"))
    assert capsys.readouterr().out.split()[0] == "mine"


def test_a_model_by_name_is_the_users_own_before_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("AIOS_HOME", str(tmp_path))
    assert local.found("base") == local.PRETRAINED / "base"
    own = tmp_path / "data" / "models" / "base"
    own.mkdir(parents=True)
    assert local.found("base") == local.PRETRAINED / "base", "a training that has only begun is no model"
    (own / "score.json").touch()
    assert local.found("base") == own
    assert local.found("./base") == Path("base")
    for name in ("..", "", "-x", "bad name", "x" * 65):
        with pytest.raises(InvalidInput, match="MODEL"):
            local.folder_of(name)


@pytest.mark.parametrize(
    ("given", "handed"),
    [(["--data", "a", "--data", "b"], ["--data", "a", "--data", "b"]), (["--resume"], ["--resume"])],
)
def test_a_training_gets_every_folder_that_is_named_and_none_to_go_on(tmp_path, monkeypatch, given, handed):
    ran = []
    monkeypatch.setattr(local, "_become", lambda *words: ran.append(words) or 0)
    assert main(["train", "--out", str(tmp_path / "m"), *given]) == 0
    words = [word for word in ran[0] if word not in ("brain.training", "--out", str(tmp_path / "m"))]
    assert words == handed


def test_unknown_words_end_with_the_shells_code_for_misuse(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["status", "--nonsense"])
    assert ended.value.code == 2
    assert "--nonsense" in capsys.readouterr().err


def test_the_version_is_told_on_request(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert re.fullmatch(r"aios \S+\n", capsys.readouterr().out)


def test_errors_become_a_message_and_the_tables_exit_code(capsys, tmp_path):
    assert main(["infill", str(tmp_path / "nowhere"), "--hole", "0:1"]) == 3
    told = capsys.readouterr().err
    assert told.startswith("aios: there is no file")
    assert "hint: " in told


def test_with_json_an_error_is_an_object_on_standard_output(capsys, tmp_path):
    import json

    assert main(["infill", str(tmp_path / "nowhere"), "--hole", "0:1", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)["error"]
    assert told["code"] == "NOT_FOUND"
    assert told["exit"] == 3


def test_the_settings_are_shown_with_their_origin(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("AIOS_HOME", str(tmp_path))
    monkeypatch.setenv("AIOS_THREADS", "2")
    assert main(["config", "show", "--origin"]) == 0
    told = capsys.readouterr().out
    assert "threads = 2  # AIOS_THREADS" in told
    assert 'model = "base"  # default' in told
    assert 'embedder = "hashed-words-1"  # default' in told


def test_the_settings_shown_are_a_settings_file(capsys, tmp_path, monkeypatch):
    import tomllib

    monkeypatch.setenv("AIOS_HOME", str(tmp_path))
    assert main(["config", "show"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["queue_length"] == 16


@pytest.mark.parametrize("kind", ["launchd", "systemd"])
def test_the_service_file_is_printed_for_either_system(capsys, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("AIOS_HOME", str(tmp_path))
    assert main(["service", "install", "--print", "--kind", kind]) == 0
    assert "aiosd" in capsys.readouterr().out
    assert main(["service", "install"]) == 9


def test_sizes_and_spans_are_told_in_units_a_reader_knows():
    assert [daemon._size(n) for n in (12, 1_500, 90_000_000, 2_100_000_000)] == ["12 B", "2 kB", "90 MB", "2.1 GB"]
    assert [daemon._span(s) for s in (3.2, 600, 10_000)] == ["3 s", "10 min", "2.8 h"]


def test_decoding_does_not_ask_for_words_that_a_command_lacks():
    with pytest.raises(AttributeError):
        decoding(argparse.Namespace())


def run(words, home, **more):
    command = [sys.executable, "-m", "brain.cli.main", *words]
    environ = {**os.environ, "AIOS_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(command, env=environ, text=True, timeout=60, check=False, **more)


def test_an_output_that_takes_no_more_is_told_with_the_tables_exit_code(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = run(["config", "show"], tmp_path, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 6
    assert done.stderr == "aios: the output cannot be written: No space left on device\n"


def test_a_closed_output_is_no_reason_to_fail(tmp_path):
    shell = ["sh", "-c", 'exec "$0" "$@" >&-', sys.executable, "-m", "brain.cli.main", "config", "show"]
    environ = {**os.environ, "AIOS_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(shell, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_output_that_cannot_spell_a_letter_gets_another(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "brain.cli.main", "config", "show"],
        env={**os.environ, "AIOS_HOME": str(tmp_path / "é"), "PYTHONPATH": str(Path(__file__).parents[3])}
        | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "/?/config/config.toml" in done.stdout


def test_a_home_that_cannot_be_made_is_told_by_its_name():
    done = run(["recall", "x"], "/dev/null/home", capture_output=True)
    assert done.returncode == 6
    assert done.stderr.startswith("aios: /dev/null/home")
