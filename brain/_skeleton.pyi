"""The contract of the Rust skeleton with Python: one flat module, written in ``skeleton/border``, held by stubtest.

Rooms above import ``brain.native``, never this. What holds for every function here:

Arrays:  NumPy, C-contiguous, of exactly the dtype named; anything else raises InvalidInput with the argument's name.
         Large arrays are *borrowed* for the call and must not be changed while it runs; small ones are *copied*.
         Results are *moved* out of Rust (no copy) and are the caller's, but where a *read-only view* is said.
Threads: every call longer than a few microseconds lets other Python threads run.
Errors:  those of ``brain.base.errors``, by its table: InvalidInput, NotFound, Conflict, CorruptData, StorageFailed,
         ResourceExhausted, Cancelled, DeadlineExceeded, Unsupported; a panic becomes InternalError with an id that the
         log has too. A call that raises has changed nothing, unless it says so.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Cache",
    "CancelToken",
    "Memory",
    "Network",
    "PictureDecoder",
    "PictureEncoder",
    "Proposal",
    "Quantised",
    "Recovery",
    "Snapshot",
    "Store",
    "StreamDecoder",
    "TensorInfo",
    "Tokenizer",
    "Vocoder",
    "Weights",
    "act8",
    "attend",
    "cpu_level",
    "dequantise",
    "fault_names",
    "flat_top_k",
    "from_ggml",
    "from_mlx",
    "import_score_folder",
    "int2_from_codes",
    "int2_to_codes",
    "log_mel",
    "matmul_int2",
    "output_error",
    "quantise",
    "quantise_calibrated",
    "read_parquet",
    "read_safetensors",
    "relative_error",
    "rms_norm",
    "rope",
    "schemes",
    "second_moments",
    "to_ggml",
    "to_mlx",
    "version",
    "write_parquet",
    "write_safetensors",
    "write_weights",
]

_Metric = Literal["cosine", "inner_product", "l2"]
_Path = str | os.PathLike[str]
_Precision = Literal["int8", "f32"]
_See = Literal["causal", "canvas"]
_TextPass = tuple[Cache, NDArray[np.uint32], NDArray[np.float32], NDArray[np.float32], _See]
_VectorPass = tuple[Cache, str, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

# ---------------------------------------------------------------------------------------------------- the build itself

def version() -> str:
    """The version of the skeleton, the same as the package's."""

def cpu_level() -> str:
    """Which instructions the kernels use on this machine: "scalar", "avx2", "avx512vnni" or "neon"."""

def fault_names() -> list[str]:
    """The names of all faults, in the order of the table in ``brain/base/errors.py``."""

@final
class CancelToken:
    """Kept by whoever may withdraw a call, read by the call between its steps. Any thread may cancel."""

    def __new__(cls, deadline_s: float | None = None) -> CancelToken:
        """A token; with ``deadline_s`` it also ends calls that many seconds (>= 0, monotonic clock) from now."""

    def cancel(self) -> None:
        """Withdraw every call that reads this token; they raise Cancelled at their next step."""

    def check(self) -> None:
        """Raise Cancelled or DeadlineExceeded when a call should not go on; else do nothing."""

    @property
    def cancelled(self) -> bool:
        """Whether ``check`` would raise."""

# ------------------------------------------------------------------------------------------------------- the tokenizer

@final
class Tokenizer:
    """Byte-level BPE over a ``tokenizer.json``. Immutable; threads may share it.

    Whatever the text, ``decode(encode(text), skip_special=False) == text`` for a file without a normaliser.
    """

    @staticmethod
    def open(path: _Path) -> Tokenizer:
        """Read a file of at most 64 MiB. Raises StorageFailed, CorruptData, ResourceExhausted, Unsupported."""

    @staticmethod
    def from_bytes(json: bytes) -> Tokenizer:
        """Read the bytes of such a file (copied). Raises as ``open``."""

    @staticmethod
    def train(texts: Iterable[str], vocabulary: int, special_tokens: Sequence[str]) -> Tokenizer:
        """Learn at most ``vocabulary`` pieces: special tokens first, then the 256 bytes, then merges by falling count.

        The texts are copied whole before training. No chance: same texts, same tokenizer. Raises InvalidInput when
        ``vocabulary`` is below 256 + the special tokens, Conflict when one of those stands there twice.
        """

    def to_json(self) -> str:
        """The tokenizer as the text of a ``tokenizer.json``."""

    def encode(self, text: str, specials: bool = False) -> NDArray[np.uint32]:
        """The ids [n] of ``text``; nothing is added at either end.

        With ``specials`` the spelling ``<|end|>`` becomes its one id: for templates of our own. Without, it is
        ordinary text and no id is special: for everything that a user or a file brings.
        """

    def encode_spans(self, text: str, specials: bool = False) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
        """``encode``, and for each id the bytes [n, 2] of the text in UTF-8 that it spells, start and end.

        Widened to whole characters: ids that share a character have it all.
        """

    def encode_batch(self, texts: Sequence[str], specials: bool = False) -> list[NDArray[np.uint32]]:
        """``encode`` of every text, in order, over all cores."""

    def decode(self, ids: NDArray[np.uint32], skip_special: bool = True) -> str:
        """The text of ``ids`` [n]. Bytes that are no UTF-8 become U+FFFD. Raises InvalidInput for an unknown id."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token stands for. Raises InvalidInput for an unknown id."""

    def id(self, piece: str) -> int | None:
        """The id of a piece as the file spells it (``Ġthe``, ``<|end|>``), or None."""

    def is_special(self, token: int) -> bool:
        """Whether ``token`` is a special one; an unknown id is not."""

    def specials(self) -> list[tuple[int, str]]:
        """The special tokens, id and spelling, by rising id."""

    def byte_ids(self) -> NDArray[np.uint32]:
        """The id of every single byte, [256]: how a prompt is written that has one token a byte."""

    @property
    def is_native(self) -> bool:
        """Whether our own code cuts and merges; else the ``tokenizers`` crate does: right, but tens of times slower."""

    @property
    def size(self) -> int:
        """One more than the largest id: the rows that an embedding needs."""

@final
class StreamDecoder:
    """Text from ids as they come, never half a character. One stream, one thread at a time."""

    def __new__(cls, tokenizer: Tokenizer, skip_special: bool = True) -> StreamDecoder:
        """A decoder at the start of a stream. All that ``push`` and ``finish`` return, joined, is ``decode`` of all."""

    def push(self, ids: NDArray[np.uint32]) -> str:
        """The whole characters known after ``ids`` [n], perhaps none. InvalidInput for an unknown id."""

    def finish(self) -> str:
        """What is left at the end: U+FFFD where a character never came to its end, else nothing."""

# --------------------------------------------------------------------------------------------------- weights on disk

@final
class TensorInfo:
    """What a file of weights says of one tensor. Holds no numbers."""

    @property
    def name(self) -> str:
        """Its name, unique in the file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape as a matrix of numbers, not of packed bytes."""

    @property
    def dtype(self) -> str:
        """How it is stored: "f32", "f16", "u8" or "i8"."""

    @property
    def scheme(self) -> str:
        """Either "plain" or a quantisation scheme, one of ``schemes``."""

    @property
    def bytes(self) -> int:
        """Bytes of numbers and scales together, without padding."""

@final
class Weights:
    """One memory-mapped Arrow file of tensors, used in place. Immutable; the file must not be changed while open."""

    @staticmethod
    def open(path: _Path) -> Weights:
        """Map a file and check its whole header; no tensor is read. Raises StorageFailed, CorruptData."""

    def names(self) -> list[str]:
        """The names of all tensors, in the order of the file."""

    def info(self, name: str) -> TensorInfo:
        """What the file says of a tensor. Raises NotFound."""

    def metadata(self) -> dict[str, str]:
        """The free keys and values of the file."""

    def packed(self, name: str) -> NDArray[Any]:
        """A tensor's numbers as a read-only view of the file (no copy), which keeps the file open. Raises NotFound.

        A plain tensor has its shape and dtype (float32, float16, uint8, int8); a quantised one is its bytes, [n] uint8
        or int8, in the layout of its scheme.
        """

    def scales(self, name: str) -> NDArray[np.float16]:
        """A quantised tensor's scales [n] as a read-only view of the file; [0] for a plain one. Raises NotFound."""

    def verify(self) -> None:
        """Read every tensor and compare its checksum. Raises CorruptData naming the first that differs."""

    @property
    def len_bytes(self) -> int:
        """The size of the file."""

    def __len__(self) -> int:
        """How many tensors it has."""

    def __contains__(self, name: str, /) -> bool:
        """Whether it has a tensor of that name."""

def write_weights(
    path: _Path,
    tensors: Sequence[tuple[str, Sequence[int], str, NDArray[Any], NDArray[np.float16] | None]],
    metadata: Mapping[str, str],
) -> int:
    """Write a file of weights whole or not at all (temporary file, sync, rename, sync); gives its bytes.

    A tensor is (name, shape, scheme, packed, scales): for "plain" the array (float32, float16, uint8, int8) and None;
    for a quantised one what ``quantise`` gives. Same input, same bytes. Arrays are copied. Raises InvalidInput when
    shape, dtype, scheme and lengths disagree, Conflict for a name that stands there twice, StorageFailed.
    """

def read_safetensors(path: _Path) -> dict[str, NDArray[Any]]:
    """All tensors of a safetensors file, or of every one in a folder, copied, in the order of the names.

    Floats, integers and booleans keep their dtype; bfloat16 becomes float32, exactly. Raises CorruptData for a hostile
    file, NotFound for a folder without one, Conflict when two files name the same tensor, StorageFailed, Unsupported
    (float8 and narrower).
    """

def write_safetensors(path: _Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write tensors (float32, float16, int8, uint8; copied) as one safetensors file, whole or not at all."""

def write_parquet(path: _Path, weights: Weights) -> int:
    """Write the tensors of an open file as Parquet, one row each, for other tools; gives its bytes. Raises
    StorageFailed, Unsupported for a tensor of 2 GiB or more.
    """

def read_parquet(path: _Path, out: _Path) -> int:
    """Turn a Parquet file as ``write_parquet`` makes it (uncompressed) into a file of weights; gives its bytes.

    Every row is checked. Raises CorruptData for anything else, InvalidInput, Conflict, StorageFailed.
    """

def import_score_folder(source: _Path, out: _Path) -> int:
    """Turn a folder of score.json, score.safetensors and tokenizer.json into a model folder; gives the weights' bytes.

    Codes and scales are re-packed, never re-quantised. ``out`` is made when it is not there; Conflict when it already
    holds weights. Raises CorruptData, NotFound, StorageFailed.
    """

# ---------------------------------------------------------------------------------------------------- quantisation

def schemes() -> list[str]:
    """The names of all quantisation schemes."""

def quantise(
    x: NDArray[np.float32],
    scheme: str,
    rule: Literal["mean_abs", "deviation", "range", "least_squares"],
    threads: int = 1,
) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Pack a matrix ``x`` [rows, columns] (borrowed): bytes [n] and scales [m] in the layout of ``scheme``.

    ``rule`` sets a scale. Symmetric INT2: "mean_abs" (1.248 mean|w|, the rule of training), "deviation" (.9957 of the
    root mean square) or "least_squares"; INT4 and affine INT2: "range" (the largest lands on the largest code; affine:
    both ends) or "least_squares"; INT8: "range". In affine schemes the biases stand behind the scales. ``threads``
    change no byte. Raises InvalidInput for sizes that the scheme cannot pack and for numbers that are not finite,
    NotFound for an unknown scheme or rule, Unsupported for a rule that the scheme does not have.
    """

def second_moments(activations: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of x xᵀ over ``activations`` [count, columns] (borrowed): [columns, columns], symmetric."""

def quantise_calibrated(
    x: NDArray[np.float32], scheme: str, moments: NDArray[np.float32], threads: int = 1
) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """As ``quantise``, with the least expected error of the outputs of ``x`` [rows, columns] rather than of ``x``.

    ``moments`` are the mean squares of the inputs [columns] (each group's scale is then weighed with them) or their
    second moments [columns, columns] (each rounding is then made up for in the columns that follow, arXiv:2210.17323).
    Raises InvalidInput for moments of another shape, below 0, not finite, or of no inputs there could be.
    """

def output_error(x: NDArray[np.float32], y: NDArray[np.float32], moments: NDArray[np.float32]) -> float:
    """|a (x - y)ᵀ| / |a xᵀ| for inputs a of these ``moments`` ([columns] or [columns, columns])."""

def to_mlx(
    packed: NDArray[np.uint8], scales: NDArray[np.float16], rows: int, columns: int, scheme: str
) -> tuple[NDArray[np.uint32], NDArray[np.float32], NDArray[np.float32]]:
    """What ``mx.dequantize`` and ``mx.quantized_matmul`` take: words [rows, columns bits / 32], scales and biases
    [rows, columns / group], number for number. The group is the scheme's; of a row it is 64. Raises InvalidInput for
    columns that the group does not divide.
    """

def from_mlx(
    words: NDArray[np.uint32], scales: NDArray[np.float32], biases: NDArray[np.float32], bits: int, group: int
) -> tuple[str, NDArray[np.uint8], NDArray[np.float16]]:
    """The scheme, packed bytes and scales that hold what mlx quantised, number for number.

    Raises NotFound for other bits than 2, 4, 8 and other groups than 64, 128; Unsupported for a scale or bias that no
    float16 holds; InvalidInput.
    """

def to_ggml(
    packed: NDArray[np.uint8], scales: NDArray[np.float16], rows: int, columns: int, scheme: str, block: str
) -> NDArray[np.uint8]:
    """A matrix as ggml's blocks [rows, bytes of a row], number for number: symmetric INT4 in "Q4_0", symmetric INT8 in
    "Q8_0", "int2.row" in "Q2_K". Raises Unsupported for all else ("TQ2_0" has three levels), NotFound for an unknown
    block, InvalidInput for columns that are not whole blocks.
    """

def from_ggml(
    blocks: NDArray[np.uint8], columns: int, scheme: str, block: str
) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """ggml's ``blocks`` [rows, bytes of a row], "Q4_0" or "Q8_0", in ``scheme``, number for number. Raises Unsupported
    where the blocks of a group have not one scale, InvalidInput.
    """

def dequantise(
    packed: NDArray[np.uint8], scales: NDArray[np.float16], rows: int, columns: int, scheme: str
) -> NDArray[np.float32]:
    """The matrix [rows, columns] that ``packed`` and ``scales`` (borrowed) stand for."""

def relative_error(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """|x - y| / |x| of two matrices [rows, columns] (borrowed), Euclidean norm, in float64; inf when only x is 0."""

def int2_from_codes(
    codes: NDArray[np.uint8], scales: NDArray[np.float16]
) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Re-pack row-major INT2 ``codes`` [rows, columns / 4] (four a byte, the first lowest) and ``scales``
    [rows, columns / 64] (both borrowed) into the layout "int2.g64.r16"; no number changes."""

def int2_to_codes(
    packed: NDArray[np.uint8], scales: NDArray[np.float16], rows: int, columns: int
) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """The way back of ``int2_from_codes``."""

# -------------------------------------------------------------------------------- kernels, for tests and for probes

def act8(x: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """INT8 codes [M, width] and scales [M] of ``x`` [M, width] (borrowed), per row: s = max(absmax, 1e-5) / 127."""

def matmul_int2(
    x: NDArray[np.float32],
    packed: NDArray[np.uint8],
    scales: NDArray[np.float16],
    rows: int,
    precision: _Precision = "int8",
) -> NDArray[np.float32]:
    """``x`` [M, columns] times the transpose of an INT2 matrix [rows, columns] in "int2.g64.r16" (all borrowed).

    Gives [M, rows]; "int8" quantises ``x`` per row first, "f32" does not.
    """

def rms_norm(x: NDArray[np.float32], gain: NDArray[np.float32], epsilon: float) -> NDArray[np.float32]:
    """``x`` [M, width] over the root of its mean square in a row (plus ``epsilon``), times ``gain`` [width]."""

def rope(
    x: NDArray[np.float32], heads: int, rows: NDArray[np.float32], columns: NDArray[np.float32], theta: float
) -> NDArray[np.float32]:
    """``x`` [M, heads * 64] (copied), each head's pairs turned: even by ``rows`` [M], odd by ``columns`` [M]."""

def attend(
    q: NDArray[np.float32],
    keys: NDArray[np.float32],
    values: NDArray[np.float32],
    own_keys: NDArray[np.float32],
    own_values: NDArray[np.float32],
    heads: int,
    key_value_heads: int,
    see: _See,
) -> NDArray[np.float32]:
    """Attention of ``q`` [M, heads * 64] over a prefix [P, kv * 64] and the pass itself [M, kv * 64]; kv key heads.

    All borrowed; scale 1/8; "causal" rows see the pass up to themselves, "canvas" rows all of it. Gives the shape of q.
    """

# ------------------------------------------------------------------------------------------------ memories and search

@final
class Memory:
    """One memory: what was said, where it lies in the embedder's space, when and whence. Immutable."""

    def __new__(
        cls, memory_id: bytes, text: str, vector: NDArray[np.float32], created_unix_s: float, source: str
    ) -> Memory:
        """A memory; ``memory_id`` is 16 bytes, ``vector`` [width] is copied."""

    @property
    def id(self) -> bytes:
        """Its 16 bytes."""

    @property
    def text(self) -> str:
        """What was said."""

    @property
    def vector(self) -> NDArray[np.float32]:
        """Its embedding, [width], a fresh copy."""

    @property
    def created_unix_s(self) -> float:
        """When, in seconds since 1970."""

    @property
    def source(self) -> str:
        """Whence: a conversation, a file."""

@final
class Snapshot:
    """The memories of a store at one moment, oldest first. Never changes."""

    def vectors(self) -> NDArray[np.float32]:
        """Their vectors [n, width], row by row: a view to read, copied together once if they lie in several places."""

    def blocks(self) -> list[NDArray[np.float32]]:
        """Their vectors where they lie: read-only views [rows, width], whose rows count on from each other's."""

    def ids(self) -> list[bytes]:
        """Their ids, in the order of the rows."""

    def get(self, memory_id: bytes) -> Memory:
        """The memory of an id of 16 bytes. Raises NotFound."""

    def row(self, row: int) -> Memory:
        """The memory in a row of ``vectors``. Raises NotFound past the last."""

    def __len__(self) -> int:
        """How many there are."""

@final
class Recovery:
    """What opening a store found."""

    @property
    def segments(self) -> int:
        """Segments that were read, each whole and as its checksum says."""

    @property
    def frames(self) -> int:
        """Whole frames of the log, the header not counted."""

    @property
    def memories(self) -> int:
        """Memories that were there."""

    @property
    def forgotten(self) -> int:
        """Memories that were forgotten and whose bytes still lay in the files."""

    @property
    def sound_bytes(self) -> int:
        """Bytes of the log that hold whole frames."""

    @property
    def dropped_bytes(self) -> int:
        """Bytes of a torn tail after them, never acknowledged; a writer has cut them off."""

    @property
    def marked(self) -> bool:
        """Whether the mark of acknowledged bytes was there to compare with."""

@final
class Store:
    """Memories on disk: an append log that survives a kill. One writer process, many readers; threads may share it."""

    @staticmethod
    def open(path: _Path, embedder: str, width: int, writer: bool = True) -> Store:
        """Open the folder ``path``, made when it is not there and ``writer`` is set.

        Embedder and vector width are fixed by whoever made it; others raise Conflict, and so does a second writer
        (naming the holder's process). What a crash left half written is dropped: see ``dropped_bytes``. Raises
        CorruptData, StorageFailed, NotFound for a reader when nothing is there.
        """

    def append(self, memories: Sequence[Memory]) -> int:
        """Keep memories, together or not at all; gives their sequence number once they are on disk.

        Threads that wait at the same time share one sync. Raises InvalidInput for a vector of another width, Conflict
        for an id that is there already, Unsupported for a reader, ResourceExhausted (disk, 128 MiB), StorageFailed.
        """

    def append_columns(
        self,
        ids: NDArray[np.uint8],
        texts: list[str],
        vectors: NDArray[np.float32],
        created_unix_s: NDArray[np.float64],
        sources: list[str],
    ) -> int:
        """As ``append`` for memories as columns, many times quicker: ids [n, 16], vectors [n, width], created [n].

        The arrays are read during the call and copied into memory once; do not change them meanwhile.
        """

    def forget(self, ids: list[bytes], now: bool = False) -> int:
        """Forget memories, all or none, and give how many, once that is on disk; with ``now`` their bytes are gone too.

        Otherwise the bytes go with the next ``compact``. Raises NotFound for an id that is not there, StorageFailed.
        """

    def compact(self) -> int:
        """Write anew the files that hold anything forgotten; gives by how many bytes they shrank. Others go on."""

    def seal(self) -> int:
        """As ``compact``, and put what is in the log into segments, however little it is."""

    def export(self, path: _Path, form: str = "arrow") -> int:
        """Write all memories to a new file, "arrow" (an IPC stream) or "parquet", for its owner alone; gives how many.

        Raises Conflict when the file is there, StorageFailed.
        """

    def import_(self, path: _Path) -> int:
        """Keep all memories of an Arrow stream or Parquet file of the columns that ``export`` writes; gives how many.

        All or none. Raises CorruptData for any other file, Conflict for an id that is there or another embedder.
        """

    def snapshot(self) -> Snapshot:
        """The memories as they are now: rows and vectors that belong together, whatever is forgotten later."""

    def all(self) -> list[Memory]:
        """Every memory, oldest first; copied."""

    def get(self, memory_id: bytes) -> Memory:
        """The memory of an id of 16 bytes. Raises NotFound."""

    def ids(self) -> list[bytes]:
        """The ids of all memories, in the order of ``vectors``."""

    def row(self, row: int) -> Memory:
        """The memory in a row of ``vectors``. Raises NotFound past the last."""

    def refresh(self) -> int:
        """Read what a writer has appended since; gives the number of new memories. A writer knows its own: 0."""

    def vectors(self) -> NDArray[np.float32]:
        """The vectors of all memories [n, width], oldest first: a read-only view of a snapshot that never changes."""

    def blocks(self) -> list[NDArray[np.float32]]:
        """The same vectors where they lie, as ``Snapshot.blocks``: nothing is copied."""

    def close(self) -> None:
        """Give the lock back. Everything after it raises Conflict, but a second ``close``."""

    @property
    def embedder(self) -> str:
        """The name that it was made with."""

    @property
    def width(self) -> int:
        """The numbers in a vector."""

    @property
    def recovery(self) -> Recovery:
        """What opening it found."""

    @property
    def dropped_bytes(self) -> int:
        """How many bytes behind the last whole frame were dropped when it was opened."""

    def __len__(self) -> int:
        """How many memories it holds."""

def flat_top_k(
    query: NDArray[np.float32],
    vectors: NDArray[np.float32] | list[NDArray[np.float32]],
    k: int,
    metric: _Metric = "cosine",
    allow: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` rows of ``vectors`` [n, width] nearest to ``query`` [width], best first; exact.

    Borrows all. A list of blocks [rows, width] counts as one, its rows counted on from block to block. Gives rows and
    scores, at most ``k``; ties go to the lower row. ``allow`` [n] leaves rows out. Scores: cosine, inner product, or
    minus the squared distance: larger is nearer. Raises InvalidInput for numbers that are not finite.
    """

@final
class Quantised:
    """Codes of vectors that stand before the exact search: 1 bit and then 8 bits a number say which rows may be near.

    Holds no vectors: each search is given those that were appended, in that order, removed ones too, and scores by
    them, so no hit is wrong. Any number of threads may search; one that appends or removes waits for them.
    """

    @staticmethod
    def build(vectors: NDArray[np.float32], metric: _Metric = "cosine", threads: int | None = None) -> Quantised:
        """Codes of ``vectors`` [n, width], n >= 0, width 1 to 65,536; ``threads`` (1) for all later calls.

        Borrows. Cost: one pass; with padded = width rounded up to 64, padded * 9 / 8 + 8 bytes a row (L2: 4 more).
        Raises InvalidInput for a row whose squared length is not finite.
        """

    @staticmethod
    def from_bytes(data: bytes, threads: int | None = None) -> Quantised:
        """The codes that ``to_bytes`` gave; ``threads`` as for ``build``. Raises CorruptData for anything else."""

    def to_bytes(self) -> bytes:
        """The codes as bytes with a checksum; equal on every machine for equal appends."""

    def append(self, vectors: NDArray[np.float32]) -> None:
        """Add rows [n, width] behind the others, whose codes stay as they are. Borrows; errors as for ``build``."""

    def remove(self, rows: Sequence[int]) -> None:
        """Let no search give ``rows`` any more; the others keep their numbers. Raises InvalidInput for strangers."""

    def group(self, vectors: NDArray[np.float32]) -> bool:
        """Put the codes in groups of near rows, so that a search reads those near its query; whether that was done.

        Borrows ``vectors`` [n, width], those that were appended. Done only where it pays: from 16,384 rows on and where
        rows have clusters. Searches may then miss 5 more rows in 1,000 up to effort 2, 1 more up to 3, for queries like
        the rows; above 3, and with ``allow``, all is read. Later rows stand outside and are always read. Cost: n^1.5
        times width multiplications.
        """

    def top_k(
        self,
        query: NDArray[np.float32],
        vectors: NDArray[np.float32],
        k: int,
        allow: NDArray[np.bool_] | None = None,
        effort: float = 3.0,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ``k`` rows nearest to ``query`` [width], best first, or to each of [m, width]: rows and scores.

        Borrows; ``allow`` [n] leaves rows out exactly and is copied. Scores are those of ``flat_top_k``, to the bit.
        Gives [hits], or [m, hits]: k, or as many as are allowed. A near row may be missed, and a farther one stand in
        its place: about 7 in 1,000 at effort 2, fewer than 1 in 1,000 at 3, none at infinity, which is ``flat_top_k``.
        Raises InvalidInput for other shapes and for numbers that are not finite.
        """

    @property
    def width(self) -> int:
        """Numbers of a vector."""

    @property
    def metric(self) -> _Metric:
        """What near means."""

    @property
    def removed(self) -> int:
        """How many rows were removed."""

    @property
    def grouped(self) -> int:
        """How many rows stand in groups."""

    def __len__(self) -> int:
        """How many rows there are, removed or not."""

# ------------------------------------------------------------------------------------------------------- the network

@final
class Cache:
    """Keys and values of a prefix. Made by ``Network.cache``; never for two calls at once (Conflict)."""

    def truncate(self, length: int) -> None:
        """Forget all tokens from ``length`` on. Raises InvalidInput when it is shorter than that."""

    def fork(self) -> Cache:
        """A copy that grows apart from this one; shares memory until one of them grows."""

    def __len__(self) -> int:
        """How many tokens it holds."""

    @property
    def len_bytes(self) -> int:
        """The memory that its keys and values take, shared or not."""

@final
class Proposal:
    """What a pass says of the token after each of its places; nats, at temperature 1, without the forbidden tokens."""

    @property
    def token(self) -> NDArray[np.uint32]:
        """The choice, [L]."""

    @property
    def log_prob(self) -> NDArray[np.float32]:
        """Its log-probability, [L]."""

    @property
    def entropy(self) -> NDArray[np.float32]:
        """Of the whole distribution, [L]."""

    @property
    def margin(self) -> NDArray[np.float32]:
        """p(first) - p(second), [L]."""

    @property
    def target_log_prob(self) -> NDArray[np.float32]:
        """Of the targets, over the whole vocabulary, nan where none was asked; [L]."""

@final
class Network:
    """The native body: trunk, heads and proposal over mapped weights. Immutable; threads may share it.

    A place's result depends, to the bit, on that place's inputs alone: never on the other rows or passes of a call,
    nor on the number of threads.

    A text pass is (cache, tokens [L] uint32, rows [L] float32, columns [L] float32, "causal" | "canvas"); a causal one
    makes the cache L tokens longer. A vector pass is (cache, kind, x [N, C], time [N], rows [N], columns [N]), all
    float32. Arrays are copied. Every cache may stand in one pass of a call only (Conflict). ``precision`` "int8" is the
    trained rule (INT8 activations), "f32" leaves activations in float. ``cancel`` is read between layers.
    """

    @staticmethod
    def open(weights: Weights, score_json: str, threads: int) -> Network:
        """A network over ``weights`` as ``score_json`` (its text) describes it, on its own pool of ``threads``.

        Every tensor is checked for name, shape and scheme. Raises CorruptData, NotFound, InvalidInput, Unsupported.
        """

    def cache(self) -> Cache:
        """A new, empty prefix."""

    def propose(
        self,
        passes: Sequence[_TextPass],
        *,
        temperature: float = 0.0,
        min_p: float = 0.0,
        seed: int = 0,
        forbid: Sequence[int] = (),
        targets: Sequence[NDArray[np.int64] | None] | None = None,
        wanted: Sequence[tuple[int, int] | None] | None = None,
        precision: _Precision = "int8",
        cancel: CancelToken | None = None,
    ) -> list[Proposal]:
        """Score the passes and choose a token for each place; one Proposal a pass, in order.

        ``temperature`` 0 takes the arg-max, ties to the lower id; above 0 it is Gumbel-max with noise that depends on
        (``seed`` 0 .. 2**64 - 1, absolute place, token) alone; tokens below ``min_p`` of the likeliest and those in
        ``forbid`` are never chosen. ``targets``, one [L] a pass or None, ask for log-probabilities, -1 for none.
        ``wanted``, one (start, stop) a pass or None, scores only those places: fields are then [stop - start], and so
        are the targets read. Raises InvalidInput, Conflict, Cancelled, DeadlineExceeded; the caches then are as before.
        """

    def logits(
        self, passes: Sequence[_TextPass], *, precision: _Precision = "int8", cancel: CancelToken | None = None
    ) -> list[NDArray[np.float32]]:
        """All logits [L, vocabulary] of each pass, for parity; causal passes append. Raises as ``propose``."""

    def block(
        self,
        layer: int,
        x: NDArray[np.float32],
        positions: NDArray[np.float32],
        see: _See,
        *,
        precision: _Precision = "int8",
    ) -> NDArray[np.float32]:
        """Block ``layer`` alone on ``x`` [M, width] at text ``positions`` [M], without a prefix: a probe."""

    def velocity(
        self, passes: Sequence[_VectorPass], *, precision: _Precision = "int8", cancel: CancelToken | None = None
    ) -> list[NDArray[np.float32]]:
        """The velocity noise - data [N, C] of each pass; caches stay as they are. Raises as ``propose``."""

    def hidden(
        self, passes: Sequence[_TextPass], *, precision: _Precision = "int8", cancel: CancelToken | None = None
    ) -> list[NDArray[np.float32]]:
        """The trunk's output [L, width] after the last norm; causal passes append. Raises as ``propose``."""

    @property
    def width(self) -> int:
        """The width of the trunk."""

    @property
    def vocabulary(self) -> int:
        """The tokens that it scores."""

    @property
    def threads(self) -> int:
        """The threads of its pool."""

# ----------------------------------------------------------------------- the decoders of the continuous kinds (forward)

@final
class PictureDecoder:
    """The picture decoder over a mapped file: latents of the score network to pixels.

    Law: a picture's bytes depend on its own latents alone, not on the others of the call or the number of threads.
    ``precision``: weights are INT8 either way; "f32" keeps activations as they are, which the golden vectors hold for,
    "int8" rounds them too: a quarter less processor time, and 42 dB from the other.
    """

    @staticmethod
    def open(path: _Path, score_json: str, threads: int) -> PictureDecoder:
        """The decoder in a model's ``weights.arrow``, on ``threads`` threads (1 to 256) of its own.

        Unsupported for a model without one or of another construction; NotFound, InvalidInput, CorruptData.
        """

    def decode(
        self, latents: NDArray[np.float32], *, precision: _Precision = "f32", cancel: CancelToken | None = None
    ) -> NDArray[np.uint8]:
        """Pictures [n, side, side, 4] uint8, **premultiplied** RGBA, of latents [n, 256, 32] (mean 0, deviation 1).

        Pixel = clamp(o, 0, 1), colours at most alpha, 255 steps; ``brain.latent.picture.straight`` undoes that.
        Raises InvalidInput for what is not finite or above 10,000, Cancelled or DeadlineExceeded between blocks.
        """

    def decode_numbers(
        self, latents: NDArray[np.float32], *, precision: _Precision = "f32", cancel: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """The numbers o [n, side, side, 4] before the clamps: for parity, and to measure what bytes cost."""

    @property
    def side(self) -> int:
        """Pixels on a side of a picture."""

@final
class PictureEncoder:
    """The picture encoder over a mapped file of its own (``encoder.arrow``): pixels to latents."""

    @staticmethod
    def open(path: _Path, score_json: str, threads: int) -> PictureEncoder:
        """The encoder in ``path``. Raises as ``PictureDecoder.open``."""

    def encode(
        self, pictures: NDArray[np.uint8], *, precision: _Precision = "f32", cancel: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """Latents [n, 256, 32] as the score network knows them, of premultiplied RGBA [n, side, side, 4].

        Pixels are used as they are: that colours are at most alpha is the caller's affair.
        """

    @property
    def side(self) -> int:
        """Pixels on a side of a picture."""

@final
class Vocoder:
    """Log-mel to sound over a mapped file: one pass, no noise. Bits do not depend on the number of threads."""

    @staticmethod
    def open(path: _Path, threads: int) -> Vocoder:
        """The vocoder in a model's ``weights.arrow``. Unsupported for a model without one; else as other doors."""

    def wave(self, log_mel: NDArray[np.float32], *, cancel: CancelToken | None = None) -> NDArray[np.float32]:
        """The wave [(frames - 1) 256] at 16 kHz in -1 ..= 1 of natural log-mel [frames, 80], 2 to 2^14 frames.

        Raises InvalidInput for numbers outside of -100 ..= 100; Cancelled, DeadlineExceeded between blocks.
        """

def log_mel(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural log-mel [1 + samples // 256, 80] of a wave [samples] at 16 kHz, as the vocoder takes it.

    Magnitudes of 1,024 samples under a Hann window, 256 apart, mirrored at the ends, in 80 bands of Slaney's scale;
    ln(max(., 1e-5)). Raises InvalidInput for fewer than 513 or more than 2^22 samples, or samples above 32,768.
    """
