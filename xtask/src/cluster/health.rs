//! Whether a stone answers, asked over HTTP on the loopback.

use anyhow::{Context, Result, bail};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Fails if something listens on `port` already.
pub(crate) fn refuse_taken_port(port: u16) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "port {port} is taken by another program (`ss -ltnp sport = :{port}` names it); \
             stop that one, or use other ports: cargo xtask up --base-port 17300"
        ),
        other => other
            .map(drop)
            .with_context(|| format!("cannot listen on port {port}")),
    }
}

/// Waits until the stone on `port` says that it is ready, as long as `is_alive`.
pub(crate) fn wait_until_ready(port: u16, is_alive: impl Fn() -> bool) -> Result<()> {
    let began = Instant::now();
    loop {
        let alive = is_alive();
        let answer = ask(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        match answer {
            Ok(answer) if answer.is_ready() => return Ok(()),
            _ if !alive => bail!("it has ended"),
            Ok(answer) if began.elapsed() > READY_TIMEOUT => {
                bail!("it answers: {}", answer.summary())
            }
            Err(error) if began.elapsed() > READY_TIMEOUT => {
                return Err(error).context("it does not answer");
            }
            _ => thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// What the stone at `address` says about itself, in a few words.
pub(crate) fn describe(address: &str) -> String {
    let Ok(address) = address.parse() else {
        return "has no address".to_owned();
    };
    match ask(address) {
        Ok(answer) if answer.is_ready() => "ready".to_owned(),
        Ok(answer) => format!("not ready: {}", answer.summary()),
        Err(error) => format!("does not answer: {error:#}"),
    }
}

/// One HTTP answer.
struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn is_ready(&self) -> bool {
        self.status == 200 && self.body.trim() == "ready"
    }

    fn summary(&self) -> String {
        let first = self.body.lines().next().unwrap_or_default();
        format!(
            "{} {}",
            self.status,
            first.chars().take(200).collect::<String>()
        )
    }
}

/// `GET /health`.
fn ask(address: SocketAddr) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    parse(&String::from_utf8_lossy(&bytes))
        .context("the answer is not HTTP; does another program use this port?")
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}

/// How long a stone may take to open its store, join and say so.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

const ANSWER_BYTES_MAX: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::{describe, parse, refuse_taken_port, wait_until_ready};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn only_200_and_ready_is_ready() {
        let is_ready = |text: &str| parse(text).is_some_and(|answer| answer.is_ready());
        assert!(is_ready("HTTP/1.1 200 OK\r\nA: b\r\n\r\nready\n"));
        assert!(!is_ready("HTTP/1.1 200 OK\r\n\r\nnot ready\n"));
        assert!(!is_ready("HTTP/1.1 503 Unavailable\r\n\r\nready\n"));
        assert!(!is_ready("SSH-2.0 ready"));
    }

    #[test]
    fn a_taken_port_is_named_and_a_free_one_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = refuse_taken_port(port).unwrap_err().to_string();
        assert!(error.contains(&format!("port {port} is taken")), "{error}");
        drop(listener);
        refuse_taken_port(port).unwrap();
        assert!(describe(&format!("127.0.0.1:{port}")).starts_with("does not answer"));
    }

    #[test]
    fn waiting_ends_when_the_stone_is_ready_or_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            for body in ["starting", "ready"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let len = stream.read(&mut request).unwrap();
                assert!(request[..len].starts_with(b"GET /health "));
                write!(stream, "HTTP/1.1 200 OK\r\n\r\n{body}").unwrap();
            }
        });
        wait_until_ready(port, || true).unwrap();
        server.join().unwrap();
        let error = wait_until_ready(port, || false).unwrap_err();
        assert_eq!(error.to_string(), "it has ended");
    }
}
