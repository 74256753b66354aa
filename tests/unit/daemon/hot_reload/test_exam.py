"""The self-test with the shipped model: the shipped rooms pass, and each broken promise is refused by name."""

import pytest

from brain.backends.select import open_body
from brain.base.errors import CorruptData, RejectedByGate
from brain.daemon.hot_reload.assembly import Assembly
from brain.daemon.hot_reload.exam import examine
from brain.daemon.hot_reload.loader import Loaded
from brain.native.tokenizer import Tokenizer
from brain.uncertainty.calibration import Calibration
from tests.brains import MODEL, ORDERS, changed, compiled, shipped

CORE = "diffusion/core.py"


@pytest.fixture(scope="module")
def model():
    return open_body(MODEL, "native", 2), Tokenizer.open(MODEL / "tokenizer.json"), Calibration.load(MODEL)


def tried(model, files, *, all_of_it=True):
    loaded = Loaded(compiled(files), "_exam")
    try:
        examine(Assembly(loaded).subject(*model), None, all_of_it=all_of_it)
    finally:
        loaded.unload()


def test_the_shipped_rooms_pass(model):
    tried(model, {})
    tried(model, {ORDERS: changed()})
    tried((*model[:2], None), {}, all_of_it=False)


def core(old, new):
    return {CORE: changed(CORE, (old, new))}


RESPONSE = "    yield _response(request, body.spec.name, state, writer=writer, uncertainty=doubt, timings=timings)"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (core("        yield _response(", "        _response("), "ended without a response"),
        (core("yield PartialState(", "yield ("), "something that is no state"),
        (core("text=writer.text,\n        tokens", "text=writer.text + '!',\n        tokens"), "do not make its text"),
        (core("tokens=tuple(state.settled.tolist())", "tokens=()"), "not side by side"),
        (core("tuple(state.settled.tolist())", "tuple(9**6 for _ in state.settled)"), "outside of the vocabulary"),
        (core("float(np.mean(by_token))", "float(np.mean(by_token)) + 7"), "outside of 0..1"),
        (core("float(np.mean(by_token))", "float('nan')"), "outside of 0..1"),
        (core("stopped=state.stopped", "stopped='bored'"), "stopped for 'bored'"),
        (core("made.settings, cancel)", "made.settings, None)"), "a withdrawn call went on"),
        (core("made = plan(request,", "made = plan(replace(request, settings=replace(request.settings, max_tokens=9)),")
         | {}, "tokens, 3 were allowed"),
        ({ORDERS: changed(change=('"margin": margin,', ""))}, "no order 'margin'"),
        ({"sampling/registry.py": changed("sampling/registry.py", ("Block(), ", ""))}, "no way to decode 'block'"),
    ],
)  # fmt: skip
def test_a_broken_promise_is_refused_by_name(model, files, told):
    if "replace(request" in files.get(CORE, ""):
        files = {
            CORE: files[CORE].replace(
                "from typing import Final\n", "from dataclasses import replace\nfrom typing import Final\n"
            )
        }
    with pytest.raises(ValueError if told.startswith("no ") else RejectedByGate, match=told):
        tried(model, files)


def test_a_generation_that_forgets_its_seed_is_refused(model):
    text = shipped(CORE).replace(
        "    made = plan(request,",
        "    import os\n"
        "    from dataclasses import replace\n"
        "    other = replace(request.settings, temperature=5.0, seed=int.from_bytes(os.urandom(4), 'little'))\n"
        "    request = replace(request, settings=other)\n"
        "    made = plan(request,",
    )
    with pytest.raises(RejectedByGate, match="gave other tokens"):
        tried(model, {CORE: text})


def test_a_hole_must_be_filled_to_its_length(model):
    files = core(
        "made = plan(request,", "made = plan(__import__('dataclasses').replace(request, hole=None, prompt='a'),"
    )
    with pytest.raises(RejectedByGate, match="2 tokens was not filled"):
        tried(model, files)


def test_a_version_reads_an_open_models_calibration_its_own_way_or_not_at_all(model):
    name = "uncertainty/calibration.py"
    with pytest.raises(CorruptData, match="fitted to other features"):
        tried(model, {name: changed(name, ('"changes")', '"changes", "more")'))})
