"""The one contract between a network's body and a sampler, and the bodies that keep it."""
