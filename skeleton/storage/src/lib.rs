//! ArrowStorage: memories in an append log of checksummed Arrow frames that survives kill -9.
