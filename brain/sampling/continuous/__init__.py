"""Samplers of vectors (pictures, sound, plans): the ContinuousSampler family, one rule a file."""
