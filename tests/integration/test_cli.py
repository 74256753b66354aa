"""The command line as a user meets it: the real program, daemon and model; pipes, terminals, Ctrl-C."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from tests.house.source import ROOT
from tests.integration.daemons import REAL, daemon, places_of, short_home

PROMPT = "The old man looked at the sea and"
AIOS = [sys.executable, "-m", "brain.cli.main"]


@pytest.fixture(scope="module")
def home():
    """The home of a real daemon that serves the shipped model."""
    with daemon(program=REAL) as made:
        yield made.home


def environ(home, **more):
    return {**os.environ, "AIOS_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def aios(home, *words, stdin="", **more):
    return subprocess.run(
        [*AIOS, *words],
        cwd=ROOT,
        env=environ(home, **more),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def finals(text):
    return [json.loads(line)["final"] for line in text.splitlines() if line.startswith('{"final"')]


def test_over_a_pipe_the_text_goes_out_and_what_is_said_about_it_goes_beside(home):
    done = aios(home, "generate", PROMPT, "--max-tokens", "12")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout.endswith("\n")
    assert len(done.stdout.split()) >= 4
    for word in ("uncertainty", "passes", "a pass", "model base", "brain", "early and weak"):
        assert word in done.stderr


def test_json_lines_end_with_a_final_that_holds_all_that_is_promised(home):
    done = aios(home, "generate", PROMPT, "--max-tokens", "12", "--json")
    kinds = [next(iter(json.loads(line))) for line in done.stdout.splitlines()]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "final"
    assert set(kinds[1:-1]) == {"partial"}
    (final,) = finals(done.stdout)
    promised = {"text", "tokens", "uncertainty", "token_uncertainty", "passes", "seconds", "model", "brain"}
    assert promised <= set(final)
    assert len(final["tokens"]) == len(final["token_uncertainty"]) == 12
    assert 0 < final["uncertainty"] < 1


@pytest.mark.parametrize("temperature", ["0", "0.8"])
def test_speculation_and_next_token_write_the_same_text(home, temperature):
    words = ["generate", PROMPT, "--temperature", temperature, "--seed", "7", "--max-tokens", "24", "--json", "--way"]
    spoken = [finals(aios(home, *words, way).stdout)[0] for way in ("speculate", "next-token")]
    assert spoken[0]["tokens"] == spoken[1]["tokens"]


def test_block_diffusion_shows_its_canvas_at_work(home):
    done = aios(home, "generate", PROMPT, "--way", "block", "--steps", "16", "--max-tokens", "32", "--json")
    canvases = [json.loads(line)["partial"]["canvas"] for line in done.stdout.splitlines() if '"partial"' in line]
    assert any(any(place["masked"] for place in canvas) for canvas in canvases)
    assert any(any(not place["masked"] and place["text"] for place in canvas) for canvas in canvases)


def test_the_prompt_may_come_from_standard_input(home):
    done = aios(home, "generate", "-", "--max-tokens", "4", stdin=PROMPT)
    assert done.returncode == 0
    assert done.stdout.strip()


def test_a_hole_in_a_file_is_filled_and_the_file_is_left_alone(home, tmp_path):
    file = tmp_path / "story.txt"
    text = "She opened the door and went in because it was raining."
    file.write_text(text)
    done = aios(home, "infill", str(file), "--hole", "23:31", "--tokens", "2", "--json")
    (final,) = finals(done.stdout)
    assert len(final["tokens"]) == 2
    assert final["stopped"] == "hole"
    assert file.read_text() == text


def test_a_hole_between_two_texts_is_filled(home):
    done = aios(home, "infill", "--before", "for i in range(", "--after", "):\n    print(i)\n", "--modality", "code")
    assert done.returncode == 0, done.stderr
    assert "tokens in" in done.stderr


def test_a_conversation_keeps_its_turns(home):
    done = aios(home, "chat", "--max-tokens", "8", "--json", stdin="Hello.\nAnd you?\n")
    assert done.returncode == 0, done.stderr
    assert len(finals(done.stdout)) == 2


def test_what_was_remembered_is_recalled_and_shown_to_the_model(home, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("The spare key is under the blue pot.\n\nThe meeting is on Thursday.\n")
    kept = aios(home, "remember", str(notes), "Grandmother's soup needs marjoram.")
    assert kept.returncode == 0, kept.stderr
    names = re.findall(r"memories/\w+", kept.stdout)
    assert len(set(names)) == 3
    found = aios(home, "recall", "where is the key", "--json", "--limit", "2")
    first = json.loads(found.stdout.splitlines()[0])
    assert first["text"] == "The spare key is under the blue pot."
    assert first["source"] == "notes.txt"
    assert first["name"] == names[0]
    assert "blue pot" in aios(home, "recall", "spare key").stdout
    said = aios(home, "generate", "The spare key is", "--memories", "1", "--max-tokens", "4")
    assert names[0] in said.stderr


def test_status_and_models_say_how_it_is(home):
    told = json.loads(aios(home, "status", "--json").stdout)
    assert told["state"] == "serving"
    assert told["model"] == "base"
    assert "serving" in aios(home, "status").stdout
    models = [json.loads(line) for line in aios(home, "models", "--json").stdout.splitlines()]
    base = next(model for model in models if model["name"] == "models/base")
    assert base["is_default"]
    assert base["problem"] == ""
    assert base["parameters"] == 35_000_064
    assert "early and weak" in aios(home, "models").stdout


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["generate", PROMPT, "--steps", "0"], 2, "steps"),
        (["generate", PROMPT, "--max-tokens", "100000"], 2, "max_tokens"),
        (["generate", PROMPT, "--temperature", "nan"], 2, "temperature"),
        (["generate", PROMPT, "--seed", "-1"], 2, "seed"),
        (["generate", "", "--model", "../../etc"], 2, "model"),
        (["generate", PROMPT, "--model", "nobody"], 3, "nobody"),
        (["generate", PROMPT, "--deadline", "0.001"], 8, ""),
        (["generate", "word " * 20_000], 2, ""),
        (["recall", "x", "--limit", "1000"], 2, "limit"),
        (["remember", "   "], 2, "remember"),
    ],
)
def test_what_is_wrong_is_named_with_the_tables_exit_code(home, words, code, named):
    done = aios(home, *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.startswith("aios: ")
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_had_enough_ends_it_quietly(home):
    command = " ".join([*AIOS, "models", "--json"])
    done = subprocess.run(
        ["sh", "-c", f"{command} | head -c 1"],
        cwd=ROOT,
        env=environ(home),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == b"{"
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def on_a_terminal(home, *words, keys=None, **more):
    """Run on a pseudo-terminal; ``keys`` (a text to wait for, a signal) is sent once. Gives output and exit code."""
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in the background ignores it
        os.chdir(ROOT)
        os.execvpe(AIOS[0], [*AIOS, *words], environ(home, **{"TERM": "xterm-256color", **more}))
    seen, until = b"", time.monotonic() + 60
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
        if keys and keys[0] in seen:
            os.kill(child, keys[1])
            keys = None
    else:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return seen.decode("utf-8", "replace"), os.waitstatus_to_exitcode(status)


def test_on_a_terminal_the_words_are_shaded_and_the_bands_are_named(home):
    seen, code = on_a_terminal(home, "generate", PROMPT, "--max-tokens", "12")
    assert code == 0
    assert "\x1b[38;5;" in seen
    assert "a guess" in seen
    assert "The old man" in seen


def test_no_color_means_no_colour(home):
    seen, code = on_a_terminal(home, "generate", PROMPT, "--max-tokens", "4", NO_COLOR="1")
    assert code == 0
    assert "\x1b[38" not in seen


def test_ctrl_c_cancels_and_frees_the_slot(paced_daemon):
    home, pace = paced_daemon.home, ["--max-tokens", "2000", "--min-p", "0.05"]
    seen, code = on_a_terminal(home, "generate", PROMPT, *pace, keys=("░".encode(), signal.SIGINT))
    assert code == 8, seen[-500:]
    assert "cancelled" in seen
    assert "Traceback" not in seen
    until = time.monotonic() + 10
    while time.monotonic() < until:
        told = json.loads(aios(home, "status", "--json").stdout)
        if told["running"] == 0:
            break
    assert told["running"] == 0
    assert told["cancelled"] >= 1


def test_it_starts_what_it_needs_and_stops_it_again():
    with contextlib.ExitStack() as stack:
        alone = short_home()
        stack.callback(aios, alone, "stop")
        assert aios(alone, "status").returncode == 12
        assert "does not run" in aios(alone, "stop").stdout
        assert aios(alone, "generate", PROMPT, "--max-tokens", "2").returncode == 0
        assert json.loads(aios(alone, "status", "--json").stdout)["finished"] == 1
        assert "stopped" in aios(alone, "stop").stdout
        assert aios(alone, "status").returncode == 12
        assert not places_of(alone).socket.exists()


def test_serve_is_the_daemon_in_the_foreground():
    alone = short_home()
    served = subprocess.Popen([*AIOS, "serve", "--threads", "1"], cwd=ROOT, env=environ(alone))
    try:
        until = time.monotonic() + 60
        while (told := aios(alone, "status", "--json")).returncode and time.monotonic() < until:
            time.sleep(0.1)
        assert json.loads(told.stdout)["pid"] == served.pid
    finally:
        served.send_signal(signal.SIGTERM)
        assert served.wait(20) == 0


def test_evaluation_and_import_are_programs_of_their_own(home, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    text = (ROOT / "tests/parity/held-out.txt").read_text()
    (data / "story.val.txt").write_text(text)
    done = aios(home, "eval", "base", "--data", str(data), "--windows", "1", "--length", "256", "--json")
    assert done.returncode == 0, done.stderr
    assert "bits" in done.stdout
    assert aios(home, "eval", "nobody", "--data", str(data)).returncode == 3
    refused = aios(home, "import", str(data), str(tmp_path / "out"))
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "out" / "weights.arrow").exists()


def test_memories_are_counted_written_out_forgotten_and_brought_back(home, tmp_path):
    [first, second] = [
        json.loads(line)["name"] for line in aios(home, "remember", "--json", "one", "two").stdout.splitlines()
    ]
    count = json.loads(aios(home, "memories", "--json").stdout)["count"]
    assert f"{count} memories" in aios(home, "memories").stdout
    done = aios(home, "forget", first)
    assert (done.returncode, done.stdout) == (0, "forgot 1\n")
    assert aios(home, "forget", first).returncode == 3
    done = aios(home, "memories", "export", str(tmp_path / "all.parquet"))
    assert (done.returncode, f"exported {count - 1} memories" in done.stdout) == (0, True)
    refused = aios(home, "forget", "--all")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert aios(home, "forget", "--all", second).returncode == 2
    assert aios(home, "forget").returncode == 2
    assert aios(home, "memories", "export").returncode == 2
    assert aios(home, "forget", "--all", "--yes").stdout == f"forgot {count - 1}\n"
    taken = aios(home, "memories", "import", str(tmp_path / "all.parquet"), "--json")
    assert json.loads(taken.stdout)["count"] == count - 1
    assert "two" in aios(home, "recall", "two").stdout
