"""Promises of ``python -m brain.training``: exit codes of the table, what torch's absence says, Ctrl-C and --resume."""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brain.training import __main__ as command
from brain.training import plan as plans
from tests.tiny_model import MITE, little_data


@pytest.fixture
def mite(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest network under the name of the default recipe."""
    monkeypatch.setattr(plans, "RECIPES", {"tiny": MITE})


def run(*arguments: object) -> int:
    return command.main([str(word) for word in arguments])


@pytest.mark.usefixtures("mite")
def test_a_run_ends_with_zero_and_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = little_data(tmp_path / "data", 0)
    assert run("--data", data, "--out", tmp_path / "model", "--steps", 2, "--device", "cpu", "--threads", 1) == 0
    out, err = capsys.readouterr()
    assert "held out, nats a token: next token" in out
    assert out.splitlines()[-1] == f"{tmp_path / 'model'} is ready"
    assert err == ""
    assert (tmp_path / "model" / "weights.arrow").exists()


@pytest.mark.usefixtures("mite")
def test_a_run_without_held_out_text_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = little_data(tmp_path / "data", 0)
    (data / "little.val.txt").unlink()
    (data / "little.txt").write_text((data / "little.txt").read_text(encoding="utf-8")[:600], encoding="utf-8")
    assert run("--data", data, "--out", tmp_path / "model", "--steps", 1, "--device", "cpu", "--threads", 1) == 0
    assert "no held-out text to measure on" in capsys.readouterr().out


@pytest.mark.usefixtures("mite")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--recipe", "huge"], 2, "unknown recipe 'huge'"),
        (["--steps", "1", "--minutes", "1"], 2, "one of --steps and --minutes"),
        (["--threads", "0"], 2, "--threads 0"),
        (["--init", "/no/such/model"], 3, "no model folder"),
        (["--resume"], 3, "no checkpoint"),
        (["--steps", "0"], 2, "length 0"),
    ],
)
def test_a_refusal_has_its_exit_code_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    data = little_data(tmp_path / "data", 0)
    assert run("--data", data, "--out", tmp_path / "model", *arguments) == code
    assert words in capsys.readouterr().err


def test_no_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", tmp_path / "model") == 2
    assert "--data DIR" in capsys.readouterr().err
    assert run("--out", tmp_path / "model", "--data", tmp_path / "nowhere") == 3


def test_without_torch_the_error_names_the_group(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find(name, *rest))
    assert run("--data", tmp_path, "--out", tmp_path / "model") == 9
    assert capsys.readouterr().err == "training needs torch\n\nhint: uv run --group train aios train …\n"


def test_the_command_itself_imports_no_torch() -> None:
    code = "import sys, brain.training.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ctrl_c_keeps_a_checkpoint_ends_with_eight_and_resume_goes_on(tmp_path: Path) -> None:
    data = little_data(tmp_path / "data", 0)
    code = (
        "import sys; from tests.tiny_model import MITE; from brain.training import plan, __main__ as command; "
        "plan.RECIPES = {'tiny': MITE}; sys.exit(command.main(sys.argv[1:]))"
    )
    words = ["--data", str(data), "--out", str(tmp_path / "model"), "--device", "cpu", "--threads", "1"]
    order = [sys.executable, "-c", code, *words, "--steps", "40"]
    root = Path(__file__).parents[3]
    process = subprocess.Popen(order, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step "):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 8, err
    assert "--resume goes on from here" in err
    assert (tmp_path / "model" / "training" / "checkpoint.pt").exists()
    for extra, status, said in (
        (["--seed", "3"], 4, "--seed 3, the run was started with 0"),
        (["--steps", "40", "--seed", "0"], 0, "going on at step"),
    ):
        again = subprocess.run(
            [*order[:3], *words, *extra, "--resume"],
            capture_output=True,
            text=True,
            cwd=root,
            check=False,
        )
        assert again.returncode == status, again.stderr
        assert said in again.stdout + again.stderr
    assert (tmp_path / "model" / "weights.arrow").exists()


def test_a_second_interrupt_ends_a_run_at_once() -> None:
    stop = command._Stop()
    assert not stop.asked()
    stop.hear(signal.SIGINT, None)
    assert stop.asked()
    with pytest.raises(KeyboardInterrupt):
        stop.hear(signal.SIGINT, None)


def test_a_reader_that_has_gone_does_not_end_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = io.TextIOWrapper(os.fdopen(writing, "wb", buffering=0), write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    command._say("nobody hears this")
    command._say("nor this")
    assert sys.stdout is not stream
    sys.stdout.close()


def test_an_end_at_once_is_told_in_a_sentence_and_has_the_code_of_a_cancelled_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_run", interrupted)
    assert command.main(["--data", str(tmp_path), "--out", str(tmp_path / "m")]) == 8
    assert "--resume" in capsys.readouterr().err
