//! Why and when a stone stops.

use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Why a stone stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Someone asked: finish what is under way, then exit with 0.
    Asked(&'static str),
    /// It cannot go on: exit with 1 and this sentence.
    Failed(String),
}

/// Stops the stone. Clones stop the same one.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<Option<Reason>>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Stop {
    /// Something that the stone cannot go on after. The first failure is the one that is told.
    pub fn fail(&self, why: String) {
        self.0.send_if_modified(|reason| match reason {
            Some(Reason::Failed(_)) => false,
            _ => {
                *reason = Some(Reason::Failed(why));
                true
            }
        });
    }

    /// Someone wants the stone to stop.
    pub fn ask(&self, how: &'static str) {
        self.0.send_if_modified(|reason| {
            let first = reason.is_none();
            if first {
                *reason = Some(Reason::Asked(how));
            }
            first
        });
    }

    /// Waits for the first reason.
    pub async fn reason(&self) -> Reason {
        let mut watched = self.0.subscribe();
        let reason = watched.wait_for(Option::is_some).await;
        // `self` holds the sender, so it is not gone.
        reason
            .ok()
            .and_then(|reason| reason.clone())
            .unwrap_or(Reason::Asked("nobody is left"))
    }

    /// The failure, if there was one.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        match &*self.0.borrow() {
            Some(Reason::Failed(why)) => Some(why.clone()),
            _ => None,
        }
    }

    /// Waits for a failure, also when someone has asked before.
    pub async fn failed(&self) -> String {
        let mut watched = self.0.subscribe();
        // Never an error, as above.
        let _ = watched
            .wait_for(|reason| matches!(reason, Some(Reason::Failed(_))))
            .await;
        self.failure().unwrap_or_default()
    }
}

/// Turns SIGTERM and SIGINT into a reason to stop; a second one ends the process at once.
///
/// # Errors
/// If the system gives no signals.
pub fn watch_signals(stop: &Stop) -> std::io::Result<()> {
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let stop = stop.clone();
    tokio::spawn(async move {
        let how = tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = int.recv() => "SIGINT",
        };
        stop.ask(how);
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        stop.fail("stopped at once by a second signal".into());
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_outranks_a_request_and_the_first_failure_is_told() {
        let stop = Stop::default();
        stop.ask("SIGTERM");
        stop.ask("SIGINT");
        assert_eq!(stop.reason().await, Reason::Asked("SIGTERM"));
        stop.fail("disk".into());
        stop.fail("other".into());
        stop.ask("SIGTERM");
        assert_eq!(stop.reason().await, Reason::Failed("disk".into()));
        assert_eq!(stop.failed().await, "disk");
    }
}
