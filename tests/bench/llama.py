"""llama.cpp as a rival: a random network of the shipped one's size in its own format and quantisation. No figures here.

Needs ``gguf`` and ``llama-cpp-python``. The network is a Llama: the same width, layers, heads, feed-forward width and
vocabulary as ours, without the norms of queries and keys. Matrices are Q2_K where a row is a whole number of its blocks
of 256 and Q4_0 where not (1408 columns), or Q4_0 throughout; the head is Q8_0 beside our INT8.
"""

import ctypes
from pathlib import Path

import numpy as np

WIDTH, LAYERS, HEADS, KEY_VALUE_HEADS, FEED_FORWARD, VOCABULARY = 512, 10, 8, 4, 1408, 8192
MATRICES = {
    "attn_q": (WIDTH, WIDTH),
    "attn_k": (KEY_VALUE_HEADS * 64, WIDTH),
    "attn_v": (KEY_VALUE_HEADS * 64, WIDTH),
    "attn_output": (WIDTH, WIDTH),
    "ffn_gate": (FEED_FORWARD, WIDTH),
    "ffn_up": (FEED_FORWARD, WIDTH),
    "ffn_down": (WIDTH, FEED_FORWARD),
}


def write(path: Path, kind: str) -> None:
    """Write the network as a GGUF file; ``kind`` is "Q2_K" or "Q4_0"."""
    import gguf

    types = gguf.GGMLQuantizationType
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(1024)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_VALUE_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(64)
    writer.add_vocab_size(VOCABULARY)
    _add_vocabulary(writer)
    chance = np.random.default_rng(0)

    def add(name, shape, wanted):
        columns = shape[1]
        chosen = types.Q4_0 if wanted == types.Q2_K and columns % 256 else wanted
        values = (chance.standard_normal(shape) / columns**0.5).astype(np.float32)
        writer.add_tensor(name, quantised(values, chosen), raw_dtype=chosen)

    add("token_embd.weight", (VOCABULARY, WIDTH), types.Q8_0)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(WIDTH, np.float32))
        for name, shape in MATRICES.items():
            add(f"blk.{layer}.{name}.weight", shape, types[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer):
    """Names for the tokens, without which the Python door does not open: three special ones, the bytes, then any."""
    import gguf

    kinds = gguf.TokenType
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL] + [kinds.BYTE] * 256
    more = VOCABULARY - len(names)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(names + [f"t{number}" for number in range(more)])
    writer.add_token_scores([0.0] * VOCABULARY)
    writer.add_token_types([*types, *[kinds.NORMAL] * more])


def quantised(values, kind):
    """The bytes of float32 ``values`` [rows, columns] in a type of ggml, made by ggml itself."""
    import gguf
    import llama_cpp

    folder = Path(llama_cpp.__file__).parent / "lib"
    base = ctypes.CDLL(str(folder / "libggml-base.so"))
    base.ggml_quantize_chunk.restype = ctypes.c_size_t
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    base.ggml_quantize_chunk.argtypes = [ctypes.c_int, pointer, pointer, number, number, number, pointer]
    block, size = gguf.GGML_QUANT_SIZES[kind]
    rows, columns = values.shape
    out = np.zeros((rows, columns // block * size), np.uint8)
    base.ggml_quantize_chunk(int(kind), values.ctypes.data, out.ctypes.data, 0, rows, columns, None)
    return out


class LlamaCpp:
    """llama.cpp with a kept prefix; ``text`` scores places after it, all of them, and forgets them again."""

    def __init__(self, path: Path, threads: int, prefix):
        import llama_cpp

        self.library = llama_cpp
        self.model = llama_cpp.Llama(
            str(path),
            n_ctx=1024,
            n_batch=512,
            n_threads=threads,
            n_threads_batch=threads,
            logits_all=True,
            verbose=False,
        )
        self.prefix = len(prefix)
        self.model.eval([int(token) for token in prefix])

    def text(self, ids, _see="causal"):
        """The likeliest next token at each of ``ids``' places; it has causal attention alone."""
        self.model.n_tokens = self.prefix
        self.model.eval([int(token) for token in ids])
        return self.model.scores[self.prefix : self.prefix + len(ids)].argmax(1)
