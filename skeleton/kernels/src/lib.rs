//! SIMD arithmetic on plain slices, each beside its scalar truth: no files, no models.
