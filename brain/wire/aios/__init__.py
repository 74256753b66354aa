"""The public interface, all versions."""
