//! A blocking client over WebSocket: the core's client state machine on a real socket.

use henge_core::causality::Value;
use henge_core::client::{
    Call, CallId, Client, ClientOutput, ConnectionState, WatchId, WatchOutput, WatchSpec,
};
use henge_core::id::BucketId;
use henge_core::selector::Span;
use henge_core::time::Instant;
use henge_core::wire::{Failure, Refusal, Reply, SUBPROTOCOL};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Error, Message, WebSocket};

/// A client of a cluster. It works only inside its methods: nothing is read in between.
pub struct Session {
    addresses: Vec<String>,
    /// How often it has dialled: each time the next address.
    dialled: usize,
    client: Client,
    socket: Option<WebSocket<TcpStream>>,
    redial_at: Option<Instant>,
    began: std::time::Instant,
    done: BTreeMap<CallId, Result<Reply, Failure>>,
    told: Vec<WatchOutput>,
    /// Every state that the connection had.
    pub states: Vec<ConnectionState>,
    /// Why the stone does not take this client, if so.
    pub refused: Option<Refusal>,
}

impl Session {
    /// A client that dials `address` at once.
    #[must_use]
    pub fn connect(address: &str) -> Self {
        Self::connect_any(&[address.to_owned()])
    }

    /// A client that dials the first of `addresses` at once, and the next whenever it has lost one.
    #[must_use]
    pub fn connect_any(addresses: &[String]) -> Self {
        let number = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(1, |since| since.as_nanos());
        let mut session = Self {
            addresses: addresses.to_vec(),
            dialled: 0,
            client: Client::new(u64::try_from(number).unwrap_or(1) | 1),
            socket: None,
            redial_at: None,
            began: std::time::Instant::now(),
            done: BTreeMap::new(),
            told: Vec::new(),
            states: Vec::new(),
            refused: None,
        };
        session.dial();
        session
    }

    /// Begins a call.
    ///
    /// # Errors
    /// If the client does not take it.
    pub fn submit(&mut self, call: Call) -> Result<CallId, Failure> {
        let id = self.client.submit(self.now(), call)?;
        self.drain();
        Ok(id)
    }

    /// Waits for the outcome of a call.
    ///
    /// # Errors
    /// What the stone, or the client, says.
    ///
    /// # Panics
    /// If the client itself forgets it.
    pub fn wait(&mut self, id: CallId) -> Result<Reply, Failure> {
        let limit = std::time::Instant::now() + CALL_TIME;
        loop {
            if let Some(result) = self.done.remove(&id) {
                return result;
            }
            assert!(std::time::Instant::now() < limit, "call {id:?} has no end");
            self.turn();
        }
    }

    /// The outcome of a call, if it is known already.
    pub fn take(&mut self, id: CallId) -> Option<Result<Reply, Failure>> {
        self.done.remove(&id)
    }

    /// Makes a call.
    ///
    /// # Errors
    /// What the stone, or the client, says.
    pub fn call(&mut self, call: Call) -> Result<Reply, Failure> {
        let id = self.submit(call)?;
        self.wait(id)
    }

    /// Makes all calls at once, in one message, and waits for the outcomes in their order.
    pub fn call_all(
        &mut self,
        calls: impl IntoIterator<Item = Call>,
    ) -> Vec<Result<Reply, Failure>> {
        let now = self.now();
        let begun: Vec<_> = calls
            .into_iter()
            .map(|call| self.client.submit(now, call))
            .collect();
        self.drain();
        begun
            .into_iter()
            .map(|begun| begun.and_then(|id| self.wait(id)))
            .collect()
    }

    /// Writes text.
    ///
    /// # Errors
    /// What the stone, or the client, says.
    pub fn put(&mut self, key: &str, text: &str) -> Result<Reply, Failure> {
        self.call(put(key, text))
    }

    /// Reads a value; `None` if there is none.
    ///
    /// # Errors
    /// What the stone, or the client, says.
    ///
    /// # Panics
    /// If the answer is not that to a read.
    pub fn get(&mut self, key: &str) -> Result<Option<Value>, Failure> {
        match self.call(get(key))? {
            Reply::Found(entry) => Ok(Some(entry.value)),
            Reply::Missing { .. } => Ok(None),
            other @ (Reply::Written { .. } | Reply::Listed { .. } | Reply::Edge(_)) => {
                panic!("{other:?}")
            }
        }
    }

    /// Watches keys of the default bucket from now on.
    ///
    /// # Errors
    /// If the client does not take it.
    pub fn watch(&mut self, span: Span) -> Result<WatchId, Failure> {
        let spec = WatchSpec {
            bucket: BucketId(0).into(),
            span,
            token: Vec::new(),
        };
        let watch = self.client.watch(self.now(), spec)?;
        self.drain();
        Ok(watch)
    }

    /// What has been told of all watches since this was asked last.
    pub fn take_told(&mut self) -> Vec<WatchOutput> {
        std::mem::take(&mut self.told)
    }

    /// Waits until something is told of a watch.
    ///
    /// # Panics
    /// After `limit`, naming `what` did not happen.
    pub fn wait_told(&mut self, what: &str, limit: Duration) -> Vec<WatchOutput> {
        let until = std::time::Instant::now() + limit;
        while self.told.is_empty() {
            assert!(
                std::time::Instant::now() < until,
                "{what}: not within {limit:?}"
            );
            self.turn();
        }
        self.take_told()
    }

    /// The name of the stone that serves this client, if one does.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        match self.states.last() {
            Some(ConnectionState::Online { member, .. }) => Some(member),
            _ => None,
        }
    }

    /// Does what is due, and waits a little for the stone.
    pub fn turn(&mut self) {
        if self.redial_at.is_some_and(|at| at <= self.now()) {
            self.dial();
        }
        match self.socket.as_mut().map(WebSocket::read) {
            None => std::thread::sleep(LOOK_EVERY),
            Some(Ok(Message::Binary(bytes))) => {
                if self.client.handle_message(self.now(), &bytes).is_err() {
                    self.lose();
                }
            }
            Some(Ok(_)) => {}
            Some(Err(Error::Io(error))) if is_timeout(&error) => {}
            Some(Err(_)) => self.lose(),
        }
        if self
            .client
            .poll_timeout()
            .is_some_and(|at| at <= self.now())
        {
            self.client.handle_timeout(self.now());
        }
        self.drain();
    }

    /// Breaks the connection as a network would.
    pub fn cut(&mut self) {
        self.lose();
        self.drain();
    }

    fn dial(&mut self) {
        self.redial_at = None;
        self.client.handle_dialing(self.now());
        let address = &self.addresses[self.dialled % self.addresses.len()];
        self.dialled += 1;
        match open(address, Some(SUBPROTOCOL)) {
            Ok(socket) => {
                self.socket = Some(socket);
                self.client.handle_connected(self.now());
            }
            Err(_) => self.client.handle_disconnected(self.now()),
        }
        self.drain();
    }

    fn lose(&mut self) {
        self.socket = None;
        self.client.handle_disconnected(self.now());
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                ClientOutput::Send(bytes) => {
                    let sent = self
                        .socket
                        .as_mut()
                        .map(|socket| socket.send(Message::binary(bytes)));
                    if !matches!(sent, Some(Ok(()))) {
                        self.lose();
                    }
                }
                ClientOutput::Redial { at } => {
                    self.socket = None;
                    self.redial_at = Some(at);
                }
                ClientOutput::Done { call, result } => {
                    self.done.insert(call, result);
                }
                ClientOutput::Ping(_) | ClientOutput::Settled { .. } => {}
                ClientOutput::State(state) => self.states.push(state),
                ClientOutput::Refused(refusal) => {
                    self.socket = None;
                    self.refused = Some(refusal);
                }
            }
        }
        self.told
            .extend(std::iter::from_fn(|| self.client.poll_watch()));
    }

    fn now(&self) -> Instant {
        let micros = self.began.elapsed().as_micros();
        Instant::from_micros(1 + u64::try_from(micros).unwrap_or(u64::MAX - 1))
    }
}

/// Reads `key` at the default level.
#[must_use]
pub fn get(key: &str) -> Call {
    Call::get(BucketId(0), key.as_bytes().to_vec())
}

/// Writes text under `key` at the default level.
#[must_use]
pub fn put(key: &str, text: &str) -> Call {
    let value = Value {
        encoding: 1,
        bytes: text.as_bytes().to_vec(),
    };
    Call::put(BucketId(0), key.as_bytes().to_vec(), value)
}

/// Opens a WebSocket to a stone whose reads return after a moment without anything.
///
/// # Errors
/// What the stone answered instead.
pub fn open(address: &str, subprotocol: Option<&str>) -> Result<WebSocket<TcpStream>, Box<Error>> {
    let mut request = format!("ws://{address}/v1/ws").into_client_request()?;
    if let Some(subprotocol) = subprotocol {
        let value = subprotocol.parse().expect("a header value");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", value);
    }
    let stream = TcpStream::connect(address).map_err(Error::Io)?;
    stream.set_nodelay(true).map_err(Error::Io)?;
    stream
        .set_read_timeout(Some(GREETING_TIME))
        .map_err(Error::Io)?;
    let (socket, _) = tungstenite::client(request, stream).map_err(|error| match error {
        tungstenite::HandshakeError::Failure(error) => error,
        tungstenite::HandshakeError::Interrupted(_) => Error::Io(ErrorKind::TimedOut.into()),
    })?;
    socket
        .get_ref()
        .set_read_timeout(Some(LOOK_EVERY))
        .map_err(Error::Io)?;
    Ok(socket)
}

/// Whether a read has only found nothing yet.
#[must_use]
pub fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// How long a read waits for the stone before other things are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How long the answer to an upgrade may take.
const GREETING_TIME: Duration = Duration::from_secs(5);
/// No call may be open for longer: the client's own limit is shorter.
const CALL_TIME: Duration = Duration::from_secs(70);
