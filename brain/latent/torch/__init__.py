"""The decoders in torch, for parity and measurement. Nothing that serves comes here."""
