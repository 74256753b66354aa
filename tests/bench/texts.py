"""Texts for the tokenizer's benchmark: English, Python code and many scripts. It encodes nothing and times nothing."""

import io
import random
import sys
import sysconfig
from pathlib import Path

MIB = 1 << 20

_SCRIPTS = {
    # Letters, whether words stand apart, and the sign that ends a sentence.
    "Greek": ("αβγδεζηθικλμνξοπρςστυφχψωάέήίόύώ", True, ". "),
    "Cyrillic": ("абвгдежзийклмнопрстуфхцчшщъыьэюя", True, ". "),
    "Hebrew": ("אבגדהוזחטיכלמנסעפצקרשתםןץףך", True, ". "),
    "Arabic": ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", True, "، "),
    "Devanagari": ("कखगघचछजझटठडढतथदधनपफबभमयरलवशषसहािीुूेैोौं", True, "। "),
    "Thai": ("กขคงจชซญดตถทธนบปผพฟภมยรลวศสหอะาิีึืุูเแโไ", False, " "),
    "Han": ("".join(map(chr, range(0x4E00, 0x4E00 + 2500))), False, "。"),
    "Kana": ("".join(map(chr, range(0x3041, 0x3094))) + "".join(map(chr, range(0x30A1, 0x30F4))), False, "、"),
    "Hangul": ("".join(map(chr, range(0xAC00, 0xAC00 + 1200))), True, ". "),
    "accents": ("aàáâãäåbcçdeèéêëfghiìíîïlmnñoòóôõöprsßtuùúûüvwyzžščřł", True, ". "),
}
_LEXICON_WORDS = 12_000
_LONGEST = {"Han": 3, "Kana": 5, "Hangul": 4}


def zstd(path, most, skip=0):
    """``most`` bytes of a .zst file behind the first ``skip``, as text."""
    import zstandard

    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(file)
        while skip > 0:
            skip -= len(reader.read(min(skip, 4 * MIB)))
        parts = []
        while most > 0 and (part := reader.read(min(most, 4 * MIB))):
            parts.append(part)
            most -= len(part)
    return b"".join(parts).decode("utf-8", "ignore")


def many_scripts(size, seed):
    """About ``size`` bytes in ten scripts and emoji: invented words, drawn as Zipf's law has it, in sentences.

    Generated, since no shared folder has such text: lexicons are the same for every seed, sentences differ.
    """
    chance, lexicons = random.Random(0), {}
    for name, (letters, _, _) in _SCRIPTS.items():
        longest = _LONGEST.get(name, 11)
        lexicons[name] = [
            "".join(chance.choices(letters, k=chance.randint(1 + (longest > 5), longest)))
            for _ in range(_LEXICON_WORDS)
        ]
    weights = [1 / (rank + 2.7) for rank in range(_LEXICON_WORDS)]
    chance, text, written = random.Random(seed), io.StringIO(), 0
    while written < size:
        name, (_, apart, stop) = chance.choice(list(_SCRIPTS.items()))
        words = chance.choices(lexicons[name], weights, k=600)
        for start in range(0, len(words), 12):
            sentence = (" " if apart else "").join(words[start : start + 12]) + stop
            if chance.random() < 0.05:
                sentence += chance.choice("🙂🎉🚀👍🏽❤️")
            if chance.random() < 0.2:
                sentence += f"{chance.randint(0, 99_999)}\n"
            written += text.write(sentence) and len(sentence.encode())
        text.write("\n")
    return text.getvalue()


def own_english(root):
    """English of this repository: its pages."""
    pages = [*sorted(root.glob("docs/**/*.md")), root / "README.md"]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def python_library(most):
    """Python code of the running Python's own library."""
    found = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        found.append(path.read_text(encoding="utf-8", errors="ignore"))
        most -= len(found[-1])
        if most < 0:
            break
    return "\n".join(found)


def measured(root, data, size):
    """What is measured: the three texts by name, about ``size`` bytes each, less where a source has less."""
    texts = {"many scripts": many_scripts(size, 2)}
    if data is not None and (data / "books" / "books.train.txt.zst").is_file():
        texts["English"] = zstd(data / "books" / "books.train.txt.zst", size, 60 * MIB)
        texts["Python"] = zstd(data / "code" / "python.txt.zst", size, 60 * MIB)
    else:
        print("no --data with books and code: pages of this repository and Python's library instead", file=sys.stderr)
        texts["English"] = own_english(root)
        texts["Python"] = python_library(size)
    return {name: texts[name] for name in ("English", "Python", "many scripts")}


def learned(root, data, size):
    """What tokenizers are trained on: other parts of the same sources."""
    if data is None or not (data / "books" / "books.train.txt.zst").is_file():
        return [own_english(root), python_library(size), many_scripts(size // 2, 1)]
    english = [zstd(data / "books" / "books.train.txt.zst", size), zstd(data / "chat" / "dolly.txt.zst", size // 4)]
    code = [zstd(data / "code" / "python.txt.zst", size), zstd(data / "code" / "other.txt.zst", size // 4)]
    return [*english, *code, zstd(data / "tech" / "rust.txt.zst", size // 4), many_scripts(size // 2, 1)]
