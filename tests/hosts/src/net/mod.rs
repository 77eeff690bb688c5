//! A network of our own: hosts are namespaces, each with one cable to a router, a namespace too.
//!
//! The router drops without a word what one host says to another when it is told to, so a cut has
//! a direction and nobody is told of it, as in a real network.

mod allowed;
mod janitor;

pub use allowed::{allowed, remove_leftovers};

use janitor::Janitor;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// The name of its namespace.
    pub namespace: String,
    /// Its address.
    pub address: String,
}

/// Hosts behind one router. All is removed when it is dropped, or when this process ends.
#[derive(Debug)]
pub struct Network {
    prefix: String,
    hosts: u8,
    // At the end: it removes what the others have made.
    _janitor: Janitor,
}

impl Network {
    /// A router without hosts. `folder` is removed together with the network if this process is
    /// killed.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("{PREFIX}{}-{number}-", std::process::id());
        let janitor = Janitor::watch(&prefix, folder);
        let network = Self {
            prefix,
            hosts: 0,
            _janitor: janitor,
        };
        let router = network.router();
        ip(&["netns", "add", &router]);
        ip(&["netns", "exec", &router, "sh", "-c", FORWARD]);
        network
    }

    /// A further host, at `10.77.N.2`.
    pub fn add_host(&mut self, name: &str) -> Host {
        self.hosts += 1;
        let (number, router) = (self.hosts, self.router());
        let host = Host {
            namespace: format!("{}{name}", self.prefix),
            address: format!("10.77.{number}.2"),
        };
        let (inside, port) = (&host.namespace, format!("port-{number}"));
        let gateway = format!("10.77.{number}.1");
        ip(&["netns", "add", inside]);
        ip(&[
            "link", "add", "eth0", "netns", inside, "type", "veth", "peer", "name", &port, "netns",
            &router,
        ]);
        ip(&[
            "-n",
            &router,
            "address",
            "add",
            &format!("{gateway}/24"),
            "dev",
            &port,
        ]);
        ip(&["-n", &router, "link", "set", &port, "up"]);
        ip(&[
            "-n",
            inside,
            "address",
            "add",
            &format!("{}/24", host.address),
            "dev",
            "eth0",
        ]);
        ip(&["-n", inside, "link", "set", "lo", "up"]);
        ip(&["-n", inside, "link", "set", "eth0", "up"]);
        ip(&["-n", inside, "route", "add", "default", "via", &gateway]);
        host
    }

    /// Drops all that `from` says to `to`; the other direction goes on.
    pub fn cut(&self, from: &Host, to: &Host) {
        self.rule("add", from, to);
    }

    /// Ends a cut of this direction.
    pub fn heal(&self, from: &Host, to: &Host) {
        self.rule("delete", from, to);
    }

    fn rule(&self, what: &str, from: &Host, to: &Host) {
        let (from, to) = (&from.address, &to.address);
        let router = self.router();
        ip(&[
            "-n",
            &router,
            "rule",
            what,
            "from",
            from,
            "to",
            to,
            "blackhole",
        ]);
    }

    fn router(&self) -> String {
        format!("{}router", self.prefix)
    }
}

impl Host {
    /// Takes this thread, and those that it will start, to this host.
    ///
    /// # Panics
    /// If the host is gone.
    #[cfg(target_os = "linux")]
    pub fn enter(&self) {
        use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
        use std::os::fd::AsFd;
        let path = Path::new("/run/netns").join(&self.namespace);
        let file = std::fs::File::open(&path).expect("a namespace is a file");
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("a namespace of our own can be entered");
    }

    /// There are no such hosts here; [`allowed`] says so.
    ///
    /// # Panics
    /// Always.
    #[cfg(not(target_os = "linux"))]
    pub fn enter(&self) {
        panic!("{self:?}: network namespaces are of Linux only");
    }
}

/// Runs `ip`, which must succeed.
///
/// # Panics
/// If it does not.
fn ip(arguments: &[&str]) {
    if let Err(why) = try_ip(arguments) {
        panic!("{why}");
    }
}

/// Runs `ip` and returns what it wrote.
fn try_ip(arguments: &[&str]) -> Result<String, String> {
    let told = format!("ip {}", arguments.join(" "));
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .map_err(|error| format!("`{told}` cannot run: {error}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{told}`: {}", why.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// How the names of all our namespaces begin; the id of the process that made them follows.
const PREFIX: &str = "henge-";
/// Makes a router of a host.
const FORWARD: &str = "echo 1 > /proc/sys/net/ipv4/ip_forward";
