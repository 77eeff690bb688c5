//! What no server would take: it is refused at once.

use super::call::{Action, Call};
use super::session::Client;
use crate::causality::Token;
use crate::id::PartitionId;
use crate::limits::{KEY_BYTES_MAX, PAIR_BYTES_MAX};
use crate::selector::Span;
use crate::wire::{ErrorCode, Failure, Welcome};
use alloc::format;

impl Client {
    /// Checks a call.
    pub(super) fn check(&self, call: &Call) -> Result<(), Failure> {
        if let Action::List {
            span,
            partition,
            after,
            ..
        } = &call.action
        {
            return self.check_list(span, *partition, after);
        }
        let key_bytes = call.key.len();
        if key_bytes == 0 || key_bytes > KEY_BYTES_MAX {
            return Err(Failure::new(
                ErrorCode::KeyTooLarge,
                format!("the key has {key_bytes} bytes; allowed are 1 to {KEY_BYTES_MAX}"),
            ));
        }
        let (value, context) = match &call.action {
            Action::List { .. } => return Ok(()),
            Action::Get { seen, .. } => (None, seen),
            Action::Put { value, context, .. } => (Some(value.bytes.len()), context),
            Action::Delete { context } => (Some(0), context),
        };
        Token::decode(context).map_err(|error| {
            Failure::new(
                ErrorCode::Protocol,
                format!("the context is not one that a read has returned: {error}"),
            )
        })?;
        let Some(value) = value else {
            return Ok(());
        };
        let allowed = self.welcome.as_ref().map_or(PAIR_BYTES_MAX, |welcome| {
            usize::try_from(welcome.pair_bytes_max)
                .unwrap_or(PAIR_BYTES_MAX)
                .min(PAIR_BYTES_MAX)
        });
        let pair_bytes = key_bytes + value;
        if pair_bytes > allowed {
            return Err(Failure::new(
                ErrorCode::ValueTooLarge,
                format!(
                    "key and value have {pair_bytes} bytes; at most {allowed} are allowed; split \
                     the value over several keys"
                ),
            ));
        }
        Ok(())
    }

    /// Checks what is to be listed.
    pub(super) fn check_list(
        &self,
        span: &Span,
        partition: PartitionId,
        after: &[u8],
    ) -> Result<(), Failure> {
        span.check()?;
        if after.len() > KEY_BYTES_MAX {
            return Err(Failure::new(
                ErrorCode::KeyTooLarge,
                format!(
                    "the key to list behind has {} bytes; allowed are 0 to {KEY_BYTES_MAX}",
                    after.len()
                ),
            ));
        }
        let Some(Welcome { partitions, .. }) = self.welcome else {
            let message = "no server has said yet how many partitions the ring has; list when there is \
                           a connection";
            return Err(Failure::new(ErrorCode::Unavailable, message));
        };
        // A server would end the connection over it.
        if partition.0 >= partitions {
            return Err(Failure::new(
                ErrorCode::Misrouted,
                format!(
                    "there is no partition {}; the ring has {partitions}, from 0 on",
                    partition.0
                ),
            ));
        }
        Ok(())
    }
}
