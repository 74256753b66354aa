"""The score network in torch: the plain truth that other bodies are held to, and what training trains."""
