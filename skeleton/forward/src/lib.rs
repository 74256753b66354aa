//! The native body of the score network: quantised Transformer forward, exact prefix cache, streaming proposal head.
