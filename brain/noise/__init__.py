"""Noise: how much of a text is hidden at each time, and how hiding is done; nothing here learns or samples a model."""
