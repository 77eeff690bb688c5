//! What foca wants done, kept until the machine does it.

use super::identity::Identity;
use alloc::vec::Vec;
use foca::{Notification, OwnedNotification, Runtime, Timer};

/// What foca asked for in one call.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Packets, before our header.
    pub(super) sends: Vec<(Identity, Vec<u8>)>,
    /// Timers, from now on.
    pub(super) timers: Vec<(Timer<Identity>, core::time::Duration)>,
    /// What has changed.
    pub(super) notifications: Vec<OwnedNotification<Identity>>,
}

impl Runtime<Identity> for Effects {
    fn notify(&mut self, notification: Notification<'_, Identity>) {
        self.notifications.push(notification.to_owned());
    }

    fn send_to(&mut self, to: Identity, data: &[u8]) {
        self.sends.push((to, data.into()));
    }

    fn submit_after(&mut self, timer: Timer<Identity>, after: core::time::Duration) {
        self.timers.push((timer, after));
    }
}
