"""The rooms of the Rust skeleton, each under its name; the only importer of ``brain._skeleton``. No logic."""
