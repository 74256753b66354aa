"""The objectives: what is masked, who sees whom, and the loss of it."""
