"""DiffusionCore: from a request to its text, states and uncertainty; it knows no queue, no socket and no file."""
