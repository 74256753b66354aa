"""What a program uses to talk to the daemon: synchronous, and quick to import. It computes nothing."""
