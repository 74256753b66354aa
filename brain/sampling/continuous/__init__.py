"""Samplers of vectors (pictures, sound, plans): the ContinuousSampler family; none is served yet."""
