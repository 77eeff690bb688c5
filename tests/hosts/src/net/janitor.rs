//! Removes a network whose maker has ended, also if it was killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process that waits until the pipe to it is closed, which the end of this process does, too.
/// Then it kills what runs in our namespaces, and removes them and the folder.
#[derive(Debug)]
pub(super) struct Janitor(Child);

impl Janitor {
    /// Watches over the namespaces that begin with `prefix`.
    pub(super) fn watch(prefix: &str, folder: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, prefix]).arg(folder);
        command.arg(std::process::id().to_string());
        // In a process group of its own: Ctrl-C is not for it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = quiet.stdin(Stdio::piped()).spawn();
        Self(child.expect("a shell runs"))
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It has no other way to end.
        let _ = self.0.wait();
    }
}

/// `$0` is the prefix, `$1` the folder, `$2` the process that must not be killed: ours.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
cat > /dev/null
for name in $(ip netns list | cut -d ' ' -f 1); do
    case "$name" in "$0"*)
        for pid in $(ip netns pids "$name"); do
            [ "$pid" = "$2" ] || kill -9 "$pid"
        done
        ip netns delete "$name"
    esac
done
rm -rf "$1"
"#;
