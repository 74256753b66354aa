"""The score network: what it is (``spec.py``), where its places stand (``positions.py``), and its body in torch."""
