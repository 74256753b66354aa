"""Latents of the continuous kinds and what they stand for: pictures and sound. It knows no network and no noise."""
