//! henge-guest.
