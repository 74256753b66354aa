//! The only crate that names PyO3: translates between Python and the skeleton, never decides.
