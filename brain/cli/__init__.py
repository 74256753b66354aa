"""The command line ``aios``: a client of the daemon like any other; it computes nothing itself."""
