//! `henge check`: everything in the data folder of a stopped stone is read and verified. Nothing
//! is changed.
//!
//! * `shard`: the files of one shard and how they belong together.
//! * `findings`: what was found, and how it is told.

mod findings;
mod shard;

use super::args::CheckArgs;
use super::error::CliError;
use crate::disk::{DataFolder, FolderError};
use findings::Findings;
use shard::Shard;

/// What to do with a damaged folder.
const ADVICE: &str = "nothing was changed; restore these files from a copy, or move the data folder \
     away and let the member be filled again from its replicas. `henge dump FILE` prints what can \
     still be read of a file";

pub(super) fn run(args: &CheckArgs) -> Result<(), CliError> {
    let folder = DataFolder::existing(&args.folder).map_err(explain)?;
    let count = folder.identity().map_or(0, |identity| identity.shards);
    let shards: Vec<_> = (0..count)
        .map(|number| Shard::list(&folder.shard(number)))
        .collect();
    let bytes = shards.iter().flatten().map(Shard::bytes).sum();
    let mut findings = Findings::new(bytes);
    for (number, shard) in (0..count).zip(&shards) {
        match shard {
            Ok(shard) => shard.check(&mut findings),
            Err(error) => {
                findings.damage(
                    &folder.shard(number),
                    0,
                    format_args!("cannot be listed: {error}"),
                );
            }
        }
    }
    let damages = findings.conclude(count);
    match damages {
        0 => Ok(()),
        1 => Err(CliError::new("1 damage was found").hint(ADVICE)),
        _ => Err(CliError::new(format!("{damages} damages were found")).hint(ADVICE)),
    }
}

fn explain(error: FolderError) -> CliError {
    match error {
        FolderError::InUse { path, pid } => CliError::new(format!(
            "data folder {} is in use by the stone with pid {pid}",
            path.display()
        ))
        .hint(format!(
            "only the folder of a stopped stone can be checked: `kill {pid}` stops it and loses \
             nothing; start it again afterwards"
        )),
        other => CliError::new(other.to_string()),
    }
}
