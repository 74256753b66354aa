//! VectorSearch: exact nearest neighbours with filters; the truth that faster indexes are tested against.
