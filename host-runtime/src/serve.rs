//! `henge serve`: puts a stone together, runs it and takes it apart.

use crate::clock::Clock;
use crate::cluster::{News, Snapshot, join, keeper};
use crate::config::{Settings, SettingsError};
use crate::disk::{DataFolder, Files, FolderError, Identity};
use crate::engine::module::GUEST;
use crate::engine::{Engine, EngineError};
use crate::http::health::why_not;
use crate::http::router::router;
use crate::http::status::inspect_all;
use crate::net::{PeerTable, edge, listener};
use crate::open_files;
use crate::shard::{self, ShardSettings, Shards, Siblings};
use crate::shutdown::{Reason, Stop, watch_signals};
use crate::stone::{Phase, Stone, StoneParts};
use henge_core::id::MemberId;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{sleep, timeout};

/// How long requests under way may take when the stone stops.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// How often readiness and drain are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Why a stone did not start, or stopped.
#[derive(Debug, Error)]
pub enum ServeError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The guest cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// The cluster has a member of that name elsewhere.
    #[error(
        "{name} is a member of the cluster already, at {address}; choose another --name, or start it \
         with --advertise {address} if it is that member with a new data folder"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Where that member is.
        address: String,
    },
    /// A guest given with `--guest-module` cannot be read.
    #[error("cannot read the guest module {path}: {error}")]
    GuestFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The system lacks something.
    #[error("the system says: {0}")]
    Io(#[from] io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The stone could not go on.
    #[error("{0}")]
    Stopped(String),
}

/// Runs a stone until someone asks it to stop.
///
/// # Errors
/// If it does not start, or cannot go on.
pub async fn run(settings: Settings) -> Result<(), ServeError> {
    let stop = Stop::default();
    watch_signals(&stop)?;
    let Some((stone, threads, listener, news)) = build(settings, stop.clone()).await? else {
        return Ok(());
    };
    let address = listener.local_addr()?;
    let server = tokio::spawn(listener::serve(
        Arc::clone(&stone),
        listener,
        router(Arc::clone(&stone)),
    ));
    tokio::spawn(keeper::keep(Arc::clone(&stone), news));
    tokio::spawn(keeper::spread(Arc::clone(&stone)));
    for address in &stone.settings.edges {
        tokio::spawn(edge::keep(Arc::clone(&stone), address.clone()));
    }
    tokio::spawn(announce(Arc::clone(&stone), address));
    match stop.reason().await {
        Reason::Failed(why) => Err(ServeError::Stopped(why)),
        Reason::Asked(how) => {
            tracing::info!("{how}: finishing what is under way");
            tokio::select! {
                () = take_apart(&stone, server, threads) => Ok(()),
                why = stop.failed() => Err(ServeError::Stopped(why)),
            }
        }
    }
}

type Built = (
    Arc<Stone>,
    Vec<JoinHandle<()>>,
    TcpListener,
    UnboundedReceiver<News>,
);

/// A stone that runs; none if it was asked to stop before.
async fn build(mut settings: Settings, stop: Stop) -> Result<Option<Built>, ServeError> {
    let clock = Clock::start();
    let mut folder = DataFolder::open(&settings.data)?;
    if !settings.seeds.is_empty() {
        let heard = tokio::select! {
            heard = hear(&settings, &folder) => heard?,
            _ = stop.reason() => return Ok(None),
        };
        settings.join(heard)?;
    }
    let shards = claim(&settings, &mut folder)?;
    fit_connections(&mut settings, shards);
    let listener =
        TcpListener::bind(&settings.listen)
            .await
            .map_err(|error| ServeError::Listen {
                address: settings.listen.clone(),
                error,
            })?;
    let engine = match &settings.guest_module {
        None => Engine::new(GUEST)?,
        Some(path) => {
            Engine::new(&std::fs::read(path).map_err(|error| ServeError::GuestFile {
                path: path.clone(),
                error,
            })?)?
        }
    };
    let peers = Arc::new(PeerTable::default());
    let (tell, news) = mpsc::unbounded_channel();
    let memory_bytes_max = usize::try_from(settings.shard_memory_max.0).unwrap_or(usize::MAX);
    let siblings = Siblings::default();
    let mut handles = Vec::new();
    let mut threads = Vec::new();
    for number in 0..shards {
        let (handle, thread) = shard::start(ShardSettings {
            config: settings.node(number, shards),
            engine: engine.clone(),
            files: Files::open(&folder.shard(number))?,
            peers: Arc::clone(&peers),
            siblings: Arc::clone(&siblings),
            news: tell.clone(),
            clock,
            stop: stop.clone(),
            memory_bytes_max,
        })?;
        handles.push(handle);
        threads.push(thread);
    }
    let handles = Shards::new(handles);
    siblings.get_or_init(|| handles.clone());
    let stone = Stone::new(StoneParts {
        config: settings.node(0, shards),
        shards: handles,
        settings,
        peers,
        clock,
        stop,
        folder,
    })?;
    Ok(Some((Arc::new(stone), threads, listener, news)))
}

/// The cluster that a stone joins: as its own folder has it, or as a seed tells.
async fn hear(settings: &Settings, folder: &DataFolder) -> Result<Snapshot, ServeError> {
    let noted = folder.cluster().and_then(|bytes| Snapshot::decode(&bytes));
    if let Some(noted) = noted {
        return Ok(noted);
    }
    let heard = join::hear(&settings.seeds).await;
    let (id, me) = (MemberId::from_name(&settings.name), settings.me());
    let address = me.map_or("", |me| me.address.as_str());
    match heard.state.life(id) {
        Some(life) if life.address != address => Err(ServeError::NameTaken {
            name: settings.name.clone(),
            address: life.address.clone(),
        }),
        _ => Ok(heard),
    }
}

/// Opens the data folder and settles the number of shards: what was asked for, else what the
/// folder has, else one a core.
fn claim(settings: &Settings, folder: &mut DataFolder) -> Result<u16, ServeError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = u16::try_from(cores)
        .unwrap_or(u16::MAX)
        .min(settings.partitions);
    let stored = folder.identity().map(|identity| identity.shards);
    let shards = settings.shards.or(stored).unwrap_or(cores);
    let (cluster, name) = (settings.cluster.clone(), settings.name.clone());
    folder.claim(&Identity::new(cluster, name, settings.partitions, shards))?;
    Ok(shards)
}

/// Takes no more connections than there is room for among the open files that the system allows.
fn fit_connections(settings: &mut Settings, shards: u16) {
    let (files, wanted) = (open_files::raise(), settings.connections_max);
    settings.connections_max = open_files::room(files, shards, wanted);
    if let (Some(files), true) = (files, settings.connections_max < wanted) {
        tracing::warn!(
            "the system allows this process {files} open files, so it takes {} connections and not {wanted}; \
             raise the limit of open files (`ulimit -n`, LimitNOFILE= of systemd), or lower --connections-max",
            settings.connections_max
        );
    }
}

/// Says once that the stone serves.
async fn announce(stone: Arc<Stone>, address: SocketAddr) {
    while why_not(&stone).is_some() {
        if stone.phase() != Phase::Serving {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
    println!(
        "{} ready at http://{address}/ ({} shards, {} members, data {})",
        stone.settings.name,
        stone.shards.count(),
        stone.board.known().await.members().len(),
        stone.settings.data.display(),
    );
}

async fn take_apart(
    stone: &Arc<Stone>,
    server: tokio::task::JoinHandle<()>,
    threads: Vec<JoinHandle<()>>,
) {
    stone.enter(Phase::Draining);
    let drained = async {
        // What the sockets have brought waits in the inboxes ahead of this question.
        inspect_all(stone).await;
        let open = || {
            stone
                .shards
                .iter()
                .any(|shard| shard.status().requests() > 0)
        };
        while open() || stone.calls.count() > 0 {
            sleep(LOOK_EVERY).await;
        }
    };
    if timeout(DRAIN_TIME, drained).await.is_err() {
        tracing::warn!(
            "some requests were not finished in {} s",
            DRAIN_TIME.as_secs()
        );
    }
    stone.enter(Phase::Closing);
    if timeout(DRAIN_TIME, server).await.is_err() {
        tracing::warn!("some HTTP connections were cut");
    }
    for shard in stone.shards.iter() {
        // One that has ended is what is wanted.
        let _ = shard.close().await;
    }
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a shard thread has panicked");
            }
        }
    });
    if joined.await.is_ok() {
        tracing::info!("{} has stopped; everything is on disk", stone.settings.name);
    }
}
