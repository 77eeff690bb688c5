//! henge-bench.
