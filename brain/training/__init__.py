"""Trains score networks on folders of text, with torch; started by ``python -m brain.training``. Serves nothing."""
