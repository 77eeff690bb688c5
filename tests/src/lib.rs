//! henge-tests.
