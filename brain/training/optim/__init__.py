"""The two optimisers: Muon for the trunk's matrices, AdamW for the rest."""
