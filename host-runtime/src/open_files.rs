//! How many files and sockets this process may have open.
//!
//! A socket too many must not take the place of a file: a log that cannot be opened stops the stone. So
//! connections get what the files leave.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that a shard may have open at a time, with room to spare: those that its lanes keep open.
const SHARD_FILES: u64 = 256;
/// Everything else that is open: connections to members, the runtime's own.
const OTHER_FILES: u64 = 64;

/// Asks for as many open files as the system allows this process, and returns how many it may have; `None`
/// if there is no limit.
#[must_use]
pub fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A system that does not allow what it says is taken as it is.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

/// How many connections there is room for beside the files of `shards` shards, of `wanted` ones, where
/// `files` may be open.
#[must_use]
pub fn room(files: Option<u64>, shards: u16, wanted: usize) -> usize {
    let Some(files) = files else {
        return wanted;
    };
    let own = OTHER_FILES + SHARD_FILES * u64::from(shards);
    // Where little is allowed, a stone with little data still does with half of it.
    let left = files - own.min(files / 2);
    usize::try_from(left).map_or(wanted, |left| wanted.min(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_what_files_leave_and_no_more_than_was_asked_for() {
        assert_eq!(room(None, 2, 16_384), 16_384);
        assert_eq!(room(Some(1_048_576), 2, 16_384), 16_384);
        assert_eq!(room(Some(4_096), 2, 16_384), 4_096 - 576);
        assert_eq!(room(Some(4_096), 2, 100), 100);
        assert_eq!(room(Some(256), 2, 16_384), 128);
    }

    #[test]
    fn as_many_are_asked_for_as_the_system_allows() {
        let allowed = getrlimit(Resource::Nofile).maximum;
        assert_eq!(raise(), allowed);
    }
}
