"""The native body of the score network and the decoders of its continuous kinds, as the skeleton gives them.

``backends/native.py`` makes a Body of the one, ``latent/`` pictures and sound of the others.
"""

from __future__ import annotations

from brain._skeleton import Cache, Network, PictureDecoder, PictureEncoder, Proposal, Vocoder, log_mel

__all__ = ["Cache", "Network", "PictureDecoder", "PictureEncoder", "Proposal", "Vocoder", "log_mel"]
