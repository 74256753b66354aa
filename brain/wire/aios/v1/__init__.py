"""The public interface, version 1."""
