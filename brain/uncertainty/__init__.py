"""UncertaintyEstimator: how likely a held-out writer would have gone on otherwise, token by token."""
