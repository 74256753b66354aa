"""Noise for tokens: laws of masking and the absorbing corruption, one a file."""
