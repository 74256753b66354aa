"""Time grids of the flow: which times between noise (1) and data (0) a sampler stops at, one grid a file."""
