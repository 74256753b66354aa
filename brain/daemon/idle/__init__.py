"""The idle gate: whether the machine is so little used that aios may learn, and if not, why. It never learns."""
