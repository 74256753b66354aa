"""Tokenizers of 50,000 to 151,000 pieces with the patterns of GPT-2, cl100k, Llama 3 and Qwen, for the benchmark.

None of the real ones is in this repository. These are trained on parts of the data that are not measured, by the
``tokenizers`` package, and kept as files; it times nothing.
"""

import json
import sys
import time

GPT_4 = r"[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
LLAMA_3 = CONTRACTIONS + GPT_4.replace("DIGITS", r"\p{N}{1,3}")
QWEN = CONTRACTIONS + GPT_4.replace("DIGITS", r"\p{N}")
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
KINDS = {"gpt2": (50_257, None), "llama3": (128_256, LLAMA_3), "qwen": (151_669, QWEN)}
"""Pieces asked for, and the pattern; GPT-2's is the one that the byte-level step brings."""

_PIECE = 1 << 16


def made(kind, texts, folder):
    """The path of a tokenizer of ``kind``, trained unless ``folder`` has it."""
    path = folder / f"{kind}.json"
    if path.is_file():
        return path
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    begin = time.perf_counter()
    size, pattern = KINDS[kind]
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    if pattern is None:
        tokenizer.pre_tokenizer = byte_level
    else:
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    if kind == "qwen":
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIALS),
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pieces = (text[at : at + _PIECE] for text in texts() for at in range(0, len(text), _PIECE))
    tokenizer.train_from_iterator(pieces, trainer)
    tokenizer.add_special_tokens(SPECIALS)
    written = json.loads(tokenizer.to_str())
    # As in the real file of Llama 3: a word that is a piece is that piece, whatever the merges say.
    written["model"]["ignore_merges"] = kind == "llama3"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    partial.rename(path)
    pieces = tokenizer.get_vocab_size()
    print(f"trained {kind}: {pieces} pieces, {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    return path
