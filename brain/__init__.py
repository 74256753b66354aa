"""The plastic half of aios: what thinks, serves and learns on the Rust skeleton. Importing it does nothing."""
