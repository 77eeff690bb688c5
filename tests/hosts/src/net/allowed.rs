//! Whether there can be hosts here, and what killed runs have left.

use super::{Janitor, PREFIX, try_ip};
use std::path::Path;

/// Whether this process may make hosts.
///
/// # Errors
/// Why not, and what to do.
pub fn allowed() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("network namespaces are of Linux only".into());
    }
    let name = format!("{PREFIX}{}-probe", std::process::id());
    let made = try_ip(&["netns", "add", &name]);
    let used = made.and_then(|_| {
        try_ip(&["netns", "exec", &name, "true"])?;
        try_ip(&["-n", &name, "rule", "add", "from", "10.77.0.1", "blackhole"])
    });
    // It is not there if it could not be made.
    let _ = try_ip(&["netns", "delete", &name]);
    used.map(drop)
        .map_err(|why| format!("{why}; it takes root with CAP_SYS_ADMIN, and iproute2"))
}

/// Removes hosts, and ends what runs on them, whose makers are no more.
pub fn remove_leftovers() {
    let listed = try_ip(&["netns", "list"]).unwrap_or_default();
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    for name in names {
        let maker = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        let maker = maker.and_then(|id| id.parse::<u32>().ok());
        if maker.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            eprintln!("removing {name}, which an earlier run has left");
            drop(Janitor::watch(name, Path::new("")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{allowed, remove_leftovers};
    use crate::net::{ip, try_ip};

    #[test]
    fn what_a_killed_run_has_left_is_removed() {
        if let Err(why) = allowed() {
            println!("not checked: {why}");
            return;
        }
        // No process has this id: it is above what Linux gives.
        let name = "henge-4999999-0-left";
        ip(&["netns", "add", name]);
        remove_leftovers();
        let listed = try_ip(&["netns", "list"]).unwrap();
        assert!(!listed.contains(name), "{listed}");
    }
}
