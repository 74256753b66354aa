"""Promises of brain/cli/view.py: JSON lines, a quiet pipe, and a terminal that is left as it was found."""

import io
import json
import re
from typing import final

import pytest

from brain.base.messages import Accepted, PartialState, Place, Response, Timings
from brain.cli.view import JsonView, PipeView, TerminalView, summary, view

PARTIALS = [
    PartialState(1, 1, "", (Place("", True, 0.0), Place(" sea", False, 0.8))),
    PartialState(2, 2, " the sea", (Place("", True, 0.0),)),
]
FINAL = Response(
    request_id="r",
    text=" the sea.",
    tokens=(5, 6, 7),
    pieces=(" the", " sea", "."),
    uncertainty=0.4,
    token_uncertainty=(0.1, 0.3, 0.8),
    passes=2,
    stopped="length",
    model="base",
    brain="abc123",
    timings=Timings(0.0, 0.01, 0.25),
    memories=("memories/1",),
    warning="early and weak",
)


def shown(made):
    made.accepted(Accepted("r", 0))
    for partial in PARTIALS:
        made.partial(partial)
    made.final(FINAL)
    made.close()


def test_json_is_one_object_a_line_and_the_last_holds_the_result():
    out = io.StringIO()
    shown(JsonView(out))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [next(iter(line)) for line in lines] == ["accepted", "partial", "partial", "final"]
    final = lines[-1]["final"]
    assert final["text"] == " the sea."
    assert {"tokens", "uncertainty", "token_uncertainty", "passes", "seconds", "model", "brain"} <= set(final)
    assert final["seconds"] == 0.25
    assert lines[1]["partial"]["canvas"][0] == {"text": "", "masked": True, "confidence": 0.0}


def test_a_pipe_gets_the_text_alone_and_the_notes_go_beside_it():
    out, notes = io.StringIO(), io.StringIO()
    shown(PipeView(out, notes))
    assert out.getvalue() == " the sea.\n"
    assert "\x1b" not in out.getvalue() + notes.getvalue()
    assert "uncertainty 0.40 · 3 tokens in 2 passes (1.5 a pass)" in notes.getvalue()


def test_a_pipe_is_told_when_it_waits():
    out, notes = io.StringIO(), io.StringIO()
    PipeView(out, notes).accepted(Accepted("r", 3))
    assert "3 before this one" in notes.getvalue()
    assert out.getvalue() == ""


def test_the_summary_says_all_that_is_promised():
    told = "\n".join(summary(FINAL))
    for word in ("0.40", "2 passes", "1.5 a pass", "0.25 s", "10 ms", "model base", "brain abc123", "memories/1"):
        assert word in told
    assert told.endswith("early and weak")


class Screen:
    """A terminal of a few rows that obeys just what TerminalView writes: colours, cursor up, erase down, newlines."""

    def __init__(self):
        self.rows, self.row, self.column = [""], 0, 0

    def feed(self, text):
        position = 0
        while position < len(text):
            if text[position] == "\x1b":
                end = position + 2
                while text[end] in "0123456789;":
                    end += 1
                self.obey(text[position + 2 : end], text[end])
                position = end + 1
                continue
            self.put(text[position])
            position += 1

    def obey(self, number, letter):
        if letter == "A":
            self.row -= int(number)
            assert self.row >= 0, "the cursor left the screen"
        elif letter == "J":
            self.rows = [*self.rows[: self.row], self.rows[self.row][: self.column]]
        else:
            assert letter == "m"

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row, self.column = self.row + 1, 0
            if self.row == len(self.rows):
                self.rows.append("")
        else:
            self.rows[self.row] = self.rows[self.row][: self.column] + character
            self.column += 1


def terminal(width=40, height=10, colours=True, prompt="He looked at"):
    out = io.StringIO()
    return out, TerminalView(out, prompt, width=width, height=height, colours=colours)


def test_a_terminal_ends_with_prompt_and_text_once_and_the_summary_under_it():
    out, made = terminal()
    shown(made)
    screen = Screen()
    screen.feed(out.getvalue())
    assert screen.rows[0] == "He looked at the sea."
    assert sum("the sea" in row for row in screen.rows) == 1
    assert any("uncertainty 0.40" in row for row in screen.rows)
    assert any("a guess" in row for row in screen.rows)


def test_while_at_work_closed_places_are_seen():
    out, made = terminal()
    made.accepted(Accepted("r", 2))
    made.partial(PARTIALS[0])
    screen = Screen()
    screen.feed(out.getvalue())
    assert screen.rows == ["He looked at░ sea"]


def test_a_text_longer_than_the_screen_scrolls_away_whole():
    out, made = terminal(width=10, height=6)
    words = [f" word{i:02d}" for i in range(40)]
    for count in range(1, 41):
        made.partial(PartialState(count, count, "".join(words[:count]), ()))
    made.close()
    screen = Screen()
    screen.feed(out.getvalue())
    text = "".join(screen.rows)
    assert [text.count(word.strip()) for word in words] == [1] * 40


def test_without_colours_no_style_is_written():
    out, made = terminal(colours=False)
    shown(made)
    assert "m" not in {part[-1] for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]", out.getvalue())}


def test_after_an_error_the_cursor_stands_on_a_new_row():
    out, made = terminal()
    made.partial(PARTIALS[0])
    made.close()
    assert out.getvalue().endswith("\n")


@pytest.mark.parametrize(("as_json", "kind"), [(True, JsonView), (False, PipeView)])
def test_what_is_no_terminal_gets_json_or_a_pipe(as_json, kind):
    assert isinstance(view(io.StringIO(), io.StringIO(), "", as_json=as_json, environ={"TERM": "xterm"}), kind)


@final
class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("environ", [{}, {"TERM": ""}, {"TERM": "dumb"}])
def test_a_terminal_that_does_not_say_what_it_is_gets_no_cursor_play(environ):
    assert isinstance(view(Terminal(), io.StringIO(), "", as_json=False, environ=environ), PipeView)
