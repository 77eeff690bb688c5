//! henge-host.
