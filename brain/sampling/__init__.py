"""Samplers: how a body's scores become tokens (discrete) or vectors (continuous)."""
