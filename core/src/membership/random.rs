//! The core's random stream in the form that foca takes.

use crate::rng::Rng;
use core::convert::Infallible;
use rand_core::TryRng;

/// The stream of a seed. Foca draws 32 or 64 bits at a time, the same on every runtime.
#[derive(Clone, Debug)]
pub(super) struct SeededRandom(pub(super) Rng);

impl TryRng for SeededRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [.., a, b, c, d] = self.0.next_u64().to_be_bytes();
        Ok(u32::from_be_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.0.next_u64().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}
