//! A connection to the cluster that survives its stones: the core's client with a socket.

use super::error::CliError;
use crate::clock::Clock;
use crate::net::socket;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use henge_core::client::{
    Call, CallId, Client, ClientOutput, ConnectionState, WatchOutput, WatchSpec,
};
use henge_core::limits::TIMEOUT_DEFAULT_MS;
use henge_core::time::Instant;
use henge_core::wire::{ErrorCode, Failure, Reply, SUBPROTOCOL};
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use hyper::http::Uri;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

/// Calls that may wait to be taken over.
const QUEUE_MAX: usize = 1_024;
/// How long one stone may take to answer a connection.
const DIAL_TIME: Duration = Duration::from_secs(3);

/// A client's side of a WebSocket.
pub type Socket = WebSocketStream<TcpStream>;
type Outcome = Result<Reply, Failure>;

/// A connection that is kept up in the background until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Link {
    calls: mpsc::Sender<(Call, oneshot::Sender<Outcome>)>,
    greeted: watch::Receiver<Greeting>,
}

/// The partitions of the ring, or why no server tells; `None` as long as none has said anything.
type Greeting = Option<Result<u16, Failure>>;

impl Link {
    /// Connects to the first of `servers` that answers; should it fail later, to the next.
    ///
    /// # Errors
    /// If none answers now, with what each said.
    pub async fn open(servers: &[String]) -> Result<Self, CliError> {
        let (calls, queue) = mpsc::channel(QUEUE_MAX);
        let mut driver = Driver::new(servers, queue)?;
        driver.dial_any().await?;
        let greeted = driver.greeting.subscribe();
        tokio::spawn(driver.run());
        Ok(Self { calls, greeted })
    }

    /// Connects likewise and watches: what happens comes from the receiver, until it is dropped. Whoever
    /// does not take it has the connection wait.
    ///
    /// # Errors
    /// If no server answers now, or this cannot be watched.
    pub async fn watch(
        servers: &[String],
        spec: WatchSpec,
    ) -> Result<mpsc::Receiver<WatchOutput>, CliError> {
        let (tell, told) = mpsc::channel(QUEUE_MAX);
        let mut driver = Driver::new(servers, mpsc::channel(1).1)?;
        driver.watched = Some(tell);
        let watched = driver.client.watch(driver.clock.now(), spec);
        watched.map_err(|failure| failed(&failure))?;
        driver.dial_any().await?;
        tokio::spawn(driver.run());
        Ok(told)
    }

    /// How many partitions the ring has, as soon as a server says it, within `timeout_ms` milliseconds; 0
    /// takes the default.
    ///
    /// # Errors
    /// If none says it in time, or it refuses this client.
    pub async fn partitions(&self, timeout_ms: u32) -> Result<u16, Failure> {
        let mut greeted = self.greeted.clone();
        let wait_ms = match timeout_ms {
            0 => TIMEOUT_DEFAULT_MS,
            asked => asked,
        };
        let said = greeted.wait_for(Option::is_some);
        let said = timeout(Duration::from_millis(wait_ms.into()), said).await;
        let said = said.ok().and_then(Result::ok);
        said.and_then(|greeting| greeting.clone())
            .unwrap_or_else(|| {
                let message = format!("no stone has greeted within {wait_ms} ms");
                Err(Failure::new(ErrorCode::Timeout, message))
            })
    }

    /// Carries `call` out, with retries until its time is over.
    ///
    /// # Errors
    /// What the cluster says, or that it did not answer in time.
    pub async fn call(&self, call: Call) -> Outcome {
        let gone = || Failure::new(ErrorCode::Internal, "the connection's task has ended");
        let (answer, answered) = oneshot::channel();
        self.calls.send((call, answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

struct Driver {
    client: Client,
    clock: Clock,
    servers: Vec<String>,
    /// The server to dial next.
    next: usize,
    queue: mpsc::Receiver<(Call, oneshot::Sender<Outcome>)>,
    waiting: BTreeMap<CallId, oneshot::Sender<Outcome>>,
    socket: Option<Socket>,
    redial_at: Option<Instant>,
    /// Who hears what is watched.
    watched: Option<mpsc::Sender<WatchOutput>>,
    greeting: watch::Sender<Greeting>,
    done: bool,
}

/// What a driver was woken by.
enum Event {
    Call(Option<(Call, oneshot::Sender<Outcome>)>),
    Message(Option<Result<Message, tokio_websockets::Error>>),
    Time,
}

impl Driver {
    fn new(
        servers: &[String],
        queue: mpsc::Receiver<(Call, oneshot::Sender<Outcome>)>,
    ) -> Result<Self, CliError> {
        let session = getrandom::u64().map_err(|error| {
            CliError::new(format!("the system gives no random numbers: {error}"))
        })?;
        Ok(Self {
            client: Client::new(session),
            clock: Clock::start(),
            servers: servers.to_vec(),
            next: 0,
            queue,
            waiting: BTreeMap::new(),
            socket: None,
            redial_at: None,
            watched: None,
            greeting: watch::channel(None).0,
            done: false,
        })
    }

    async fn run(mut self) {
        loop {
            self.carry_out().await;
            let is_watched = self.watched.as_ref().is_some_and(|it| !it.is_closed());
            if self.done && self.waiting.is_empty() && !is_watched {
                break;
            }
            match self.next_event().await {
                Event::Call(Some((call, answer))) => {
                    self.submit(call, answer);
                    while let Ok((call, answer)) = self.queue.try_recv() {
                        self.submit(call, answer);
                    }
                }
                Event::Call(None) => self.done = true,
                Event::Message(message) => self.receive(message),
                Event::Time => self.on_time().await,
            }
        }
        if let Some(mut socket) = self.socket {
            // The process is about to end; the stone notices either way.
            let _ = timeout(socket::LINGER, socket.close()).await;
        }
    }

    async fn next_event(&mut self) -> Event {
        let deadline = [self.client.poll_timeout(), self.redial_at]
            .into_iter()
            .flatten()
            .min();
        let deadline = deadline.map(|at| self.clock.deadline(at));
        let expired = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let received = async {
            match &mut self.socket {
                Some(socket) => socket.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            call = self.queue.recv(), if !self.done => Event::Call(call),
            message = received => Event::Message(message),
            () = expired => Event::Time,
        }
    }

    /// Does everything that the client wants done.
    async fn carry_out(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                ClientOutput::Send(bytes) => self.send(bytes).await,
                ClientOutput::Done { call, result } => {
                    if let Some(answer) = self.waiting.remove(&call) {
                        // Whoever asked may not wait any more.
                        let _ = answer.send(result);
                    }
                }
                ClientOutput::Redial { at } => {
                    self.socket = None;
                    self.redial_at = Some(at);
                }
                ClientOutput::Refused(refusal) => {
                    self.socket = None;
                    let failure = Failure::new(refusal.code, refusal.message);
                    self.greeting.send_replace(Some(Err(failure)));
                }
                ClientOutput::State(ConnectionState::Online { .. }) => {
                    let partitions = self.client.welcome().map(|it| Ok(it.partitions));
                    self.greeting.send_replace(partitions);
                }
                ClientOutput::Ping(text) => self.send_text(text).await,
                // Nothing is lodged from here.
                ClientOutput::State(_) | ClientOutput::Settled { .. } => {}
            }
        }
        while let Some(output) = self.client.poll_watch() {
            if let Some(watched) = &self.watched {
                // Nobody may listen any more.
                let _ = watched.send(output).await;
            }
        }
    }

    async fn send(&mut self, bytes: Vec<u8>) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        if socket
            .send(Message::binary(Bytes::from(bytes)))
            .await
            .is_err()
        {
            self.lost();
        }
    }

    async fn send_text(&mut self, text: &'static str) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        if socket.send(Message::text(text)).await.is_err() {
            self.lost();
        }
    }

    fn submit(&mut self, call: Call, answer: oneshot::Sender<Outcome>) {
        match self.client.submit(self.clock.now(), call) {
            Ok(id) => {
                self.waiting.insert(id, answer);
            }
            Err(failure) => {
                let _ = answer.send(Err(failure));
            }
        }
    }

    fn receive(&mut self, message: Option<Result<Message, tokio_websockets::Error>>) {
        let now = self.clock.now();
        match message {
            Some(Ok(message)) if message.is_binary() => {
                if self
                    .client
                    .handle_message(now, message.as_payload())
                    .is_err()
                {
                    self.lost();
                }
            }
            Some(Ok(message)) if message.is_text() => {
                let text = message.as_text().unwrap_or_default();
                if self.client.handle_text(now, text).is_err() {
                    self.lost();
                }
            }
            Some(Ok(message)) if !message.is_close() => {}
            _ => self.lost(),
        }
    }

    fn lost(&mut self) {
        self.socket = None;
        self.client.handle_disconnected(self.clock.now());
    }

    async fn on_time(&mut self) {
        let now = self.clock.now();
        self.client.handle_timeout(now);
        if self.redial_at.is_some_and(|at| at <= now) {
            self.redial_at = None;
            self.client.handle_dialing(now);
            let server = self.servers[self.next % self.servers.len()].clone();
            self.next += 1;
            match dial(&server).await {
                Ok(socket) => self.connected(socket),
                Err(_) => self.client.handle_disconnected(self.clock.now()),
            }
        }
    }

    fn connected(&mut self, socket: Socket) {
        self.socket = Some(socket);
        self.client.handle_connected(self.clock.now());
    }

    /// Tries every server once.
    async fn dial_any(&mut self) -> Result<(), CliError> {
        let mut said = Vec::new();
        for server in self.servers.clone() {
            self.next += 1;
            match dial(&server).await {
                Ok(socket) => {
                    self.connected(socket);
                    return Ok(());
                }
                Err(why) => said.push(format!("{server}: {why}")),
            }
        }
        Err(
            CliError::new(format!("no stone answers: {}", said.join("; ")))
                .hint("start stones with `cargo xtask up`, or name one with --server HOST:PORT"),
        )
    }
}

/// Opens a WebSocket to the stone at `server`, `HOST:PORT`.
///
/// # Errors
/// Why not.
pub async fn dial(server: &str) -> Result<Socket, String> {
    let dialled = timeout(DIAL_TIME, async {
        let tcp = TcpStream::connect(server)
            .await
            .map_err(|error| error.to_string())?;
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        let uri: Uri = format!("ws://{server}/v1/ws")
            .parse()
            .map_err(|error| format!("{server} is no address: {error}"))?;
        let builder = ClientBuilder::from_uri(uri)
            .limits(socket::limits())
            .config(socket::config())
            .add_header(
                SEC_WEBSOCKET_PROTOCOL,
                HeaderValue::from_static(SUBPROTOCOL),
            )
            .map_err(|error| error.to_string())?;
        let opened = builder.connect_on(tcp).await;
        let (socket, _) = opened.map_err(|error| format!("it is no stone: {error}"))?;
        Ok(socket)
    });
    dialled
        .await
        .unwrap_or_else(|_| Err("no answer in time".into()))
}

/// A failure of a call as this command's end.
#[must_use]
pub fn failed(failure: &Failure) -> CliError {
    let error = CliError::new(failure.to_string());
    match failure.code {
        ErrorCode::Unavailable | ErrorCode::Timeout | ErrorCode::Indeterminate => {
            error.hint("`henge status` shows which stones are up; --timeout-ms waits longer")
        }
        ErrorCode::NoSuchBucket => {
            error.hint("`henge bucket create NAME` makes one; `henge bucket list` shows them")
        }
        ErrorCode::Level => error.hint("see `henge put --help` for the levels"),
        ErrorCode::ValueTooLarge => {
            error.hint("the limit is set by `henge serve --pair-bytes-max`, up to 1MiB")
        }
        _ => error,
    }
}

/// The answer does not fit the question.
#[must_use]
pub fn confused() -> CliError {
    CliError::new("the stone answered another question; report this")
}
