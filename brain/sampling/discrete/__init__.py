"""Samplers of tokens: the DiscreteSampler family, one way a file."""
