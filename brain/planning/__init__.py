"""Mazes, the shortest way through one, and a point of mass that follows a way: what plans are judged by."""
