//! Frames as people read them.

use henge_core::causality::VersionSet;
use henge_core::cluster::RegisterMessage;
use henge_core::wire::{self, Frame, KeyState, Operation, PageAnswer, PeerMessage, ReadAnswer};

/// What a frame between members says.
pub(crate) fn peer_message(frame: &[u8]) -> String {
    let Ok((frame, _)) = Frame::take(frame) else {
        return "no frame".to_owned();
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(12)]).into_owned();
    match wire::decode_body(frame.body) {
        Ok(PeerMessage::Merge(KeyState { op, key, set, .. })) => {
            format!("merge #{op} {} {}", text(&key), state(&set))
        }
        Ok(PeerMessage::Merged { op, result }) => match result {
            Ok(()) => format!("merged #{op}"),
            Err(failure) => format!("not merged #{op}: {failure}"),
        },
        Ok(PeerMessage::Read { op, key, .. }) => format!("read #{op} {}", text(&key)),
        Ok(PeerMessage::State { op, answer }) => match answer {
            ReadAnswer::Same => format!("state #{op} the same"),
            ReadAnswer::Set(set) => format!("state #{op} {}", state(&set)),
            ReadAnswer::Failed(failure) => format!("state #{op} {failure}"),
        },
        Ok(PeerMessage::Forward { op, request }) => {
            let kind = match request.operation {
                Operation::Get { .. } => "get",
                Operation::Write { .. } => "write",
                Operation::List { .. } => "list",
                Operation::Edge(_) => "what only edge nodes do",
            };
            format!("forward #{op} {kind} {}", text(&request.key))
        }
        Ok(PeerMessage::Forwarded { op, result }) => match result {
            Ok(_) => format!("forwarded #{op}: done"),
            Err(failure) => format!("forwarded #{op}: {failure}"),
        },
        Ok(PeerMessage::Hint(KeyState { op, key, set, .. })) => {
            format!("hint #{op} {} {}", text(&key), state(&set))
        }
        Ok(PeerMessage::Collect { op, message, .. }) => format!("collect #{op} {message:?}"),
        Ok(PeerMessage::Sync {
            exchange, message, ..
        }) => format!("sync #{exchange} {message:?}"),
        Ok(PeerMessage::Gossip(packet)) => format!("gossip of {} bytes", packet.len()),
        Ok(PeerMessage::Cluster(RegisterMessage::Decided(state))) => {
            format!("cluster: epoch {}", state.epoch)
        }
        Ok(PeerMessage::List { op, question, .. }) => format!("list #{op} {question:?}"),
        Ok(PeerMessage::Page { op, answer }) => match answer {
            PageAnswer::Same => format!("page #{op} the same"),
            PageAnswer::Page(page) => format!("page #{op} of {} keys", page.states.len()),
            PageAnswer::Failed(failure) => format!("page #{op} {failure}"),
        },
        Ok(PeerMessage::Feed(message)) => format!("feed: {message:?}"),
        Ok(PeerMessage::Cluster(message)) => format!("cluster: {message:?}"),
        Err(error) => format!("{error}"),
    }
}

fn state(set: &[u8]) -> String {
    if set.is_empty() {
        return "nothing".to_owned();
    }
    let Ok(set) = VersionSet::decode(set) else {
        return "no state".to_owned();
    };
    let versions = set.versions().iter().map(|version| {
        let value = version.value.as_ref();
        let name = value.map_or("deleted".to_owned(), |value| {
            let name = value
                .bytes
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric());
            String::from_utf8_lossy(&name.copied().take(8).collect::<Vec<u8>>()).into_owned()
        });
        let actor = version.dot.actor.0 >> 48;
        format!(
            "{name}@{} ({actor:04x},{})",
            version.hlc, version.dot.counter
        )
    });
    let versions: Vec<String> = versions.collect();
    let context: Vec<String> = set
        .context()
        .iter()
        .map(|(actor, counter)| format!("{:04x}:{counter}", actor.0 >> 48))
        .collect();
    format!("[{}] seen {{{}}}", versions.join(" "), context.join(" "))
}
