"""Promises of the spec: it names exactly the tensors of the shipped files, and refuses other descriptions."""

import json
from pathlib import Path

import pytest

from brain.base.errors import CorruptData, Unsupported
from brain.latent.spec import DECODER, ENCODER_FILE, VOCODER, PictureSpec, SpeechSpec, vocoder_tensors
from brain.native.weights import Weights

BASE = Path(__file__).resolve().parents[3] / "brain" / "pretrained" / "base"
JSON = (BASE / "score.json").read_text(encoding="utf-8")
PICTURE = PictureSpec.from_json(JSON)


@pytest.mark.parametrize(
    ("file", "prefix", "tensors"),
    [
        ("weights.arrow", DECODER, PICTURE.decoder_tensors()),
        ("weights.arrow", VOCODER, vocoder_tensors(256, 640, 5)),
        (ENCODER_FILE, "", PICTURE.encoder_tensors()),
    ],
)
def test_the_spec_names_the_tensors_of_the_file_in_their_order(file, prefix, tensors):
    weights = Weights.open(BASE / file)
    assert [name for name in weights.names() if name.startswith(prefix)] == [one.name for one in tensors]
    for one in tensors:
        info = weights.info(one.name)
        assert (info.shape, info.dtype if info.scheme == "plain" else info.scheme) == (one.shape, one.scheme)
    weights.verify()


def changed(part, **changes):
    document = json.loads(JSON)
    document[part] |= changes
    return json.dumps(document)


def test_a_description_that_says_too_little_is_refused():
    for text in (
        changed("image", config={}),
        changed("image", latent_mean=None),
        changed("image", config=3),
        "{",
        "[]x",
    ):
        with pytest.raises(CorruptData):
            PictureSpec.from_json(text)
    for text in (changed("audio", mean="x"), changed("audio", std=0), changed("audio", mean=float("nan")), "{"):
        with pytest.raises(CorruptData):
            SpeechSpec.from_json(text)


def test_a_model_without_the_kind_says_so():
    for text in ("{}", "[]", '{"image": 3, "audio": null}'):
        with pytest.raises(Unsupported):
            PictureSpec.from_json(text)
        with pytest.raises(Unsupported):
            SpeechSpec.from_json(text)
    with pytest.raises(Unsupported, match="units"):
        SpeechSpec.from_json(changed("audio", hop=300))
