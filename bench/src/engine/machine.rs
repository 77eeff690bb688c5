//! Where a run has taken place.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Syncs whose median is shown.
const SYNCS: usize = 101;

/// The machine, and how long its disk takes for a sync: what durable writes depend on most.
pub(crate) fn describe(folder: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{}, {cores} cores, {:.1} GiB, {} {}, fdatasync of 200 B in {:.2} ms",
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into()),
        memory_gib(),
        std::env::consts::OS,
        kernel.trim(),
        sync_ms(folder)
    )
}

fn memory_gib() -> f64 {
    let total = field("/proc/meminfo", "MemTotal");
    let kib = total.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / f64::from(1 << 20)
}

/// What follows `name` and a colon in a file of such lines.
fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn sync_ms(folder: &Path) -> f64 {
    let path = folder.join("sync");
    let mut file = File::create(&path).expect("the folder takes files");
    let mut times: Vec<_> = (0..SYNCS)
        .map(|_| {
            file.write_all(&[1; 200]).expect("there is room");
            let began = Instant::now();
            file.sync_data().expect("the disk syncs");
            began.elapsed()
        })
        .collect();
    std::fs::remove_file(&path).expect("it was made above");
    times.sort_unstable();
    times[SYNCS / 2].as_secs_f64() * 1e3
}
