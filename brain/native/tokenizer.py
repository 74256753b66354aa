"""FastTokenizer of the skeleton: text to ids and back. Prompts and templates are made elsewhere."""

from __future__ import annotations

from brain._skeleton import StreamDecoder, Tokenizer

__all__ = ["StreamDecoder", "Tokenizer"]
