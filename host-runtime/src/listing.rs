//! A whole list as a stream of keys, for the command line and for HTTP, and keys as lines of JSON.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use henge_core::causality::Value;
use henge_core::client::{Listing, PageWanted};
use henge_core::id::PartitionId;
use henge_core::wire::{ErrorCode, Failure, Listed, Reply};
use serde_json::{Map, Value as Json, json};

/// What became of a page.
pub type Outcome = Result<Reply, Failure>;

/// The keys of a list, one after the other.
pub struct Keys<A> {
    listing: Listing,
    ask: A,
    under_way: FuturesUnordered<BoxFuture<'static, (PartitionId, Outcome)>>,
}

impl<A: Fn(PageWanted) -> BoxFuture<'static, Outcome>> Keys<A> {
    /// The keys of `listing`, whose pages come from `ask`.
    pub fn new(listing: Listing, ask: A) -> Self {
        Self {
            listing,
            ask,
            under_way: FuturesUnordered::new(),
        }
    }

    /// The last key that was given.
    pub fn cursor(&self) -> &[u8] {
        self.listing.cursor()
    }

    /// The next key; `None` at the end.
    ///
    /// # Errors
    /// If a page cannot be had. The list can be made anew behind [`Self::cursor`].
    pub async fn next(&mut self) -> Result<Option<Listed>, Failure> {
        loop {
            while let Some(wanted) = self.listing.poll_page() {
                let partition = wanted.partition;
                let page = (self.ask)(wanted);
                self.under_way
                    .push(Box::pin(async move { (partition, page.await) }));
            }
            if let Some(entry) = self.listing.poll_entry() {
                return Ok(Some(entry));
            }
            if self.listing.is_done() {
                return Ok(None);
            }
            let Some((partition, outcome)) = self.under_way.next().await else {
                return Ok(None);
            };
            let Reply::Listed { entries, next } = outcome? else {
                let message = "the node answered another question; report this";
                return Err(Failure::new(ErrorCode::Internal, message));
            };
            self.listing.handle_page(partition, entries, next)?;
        }
    }
}

/// A key as a line of JSON, with its line break; with all that is known of it unless only keys are wanted.
/// What is no text is base64, under a name that says so.
#[must_use]
pub fn json_line(entry: &Listed, keys_only: bool) -> String {
    let mut line = Map::new();
    put_bytes(&mut line, "key", "key_base64", &entry.key);
    if !keys_only {
        put_value(&mut line, &entry.value);
        line.insert("version".into(), entry.version.to_string().into());
        if let Some(at) = entry.expires_at_ms {
            line.insert("expires_at_ms".into(), at.into());
        }
        if !entry.siblings.is_empty() {
            let siblings = entry.siblings.iter().map(|value| {
                let mut sibling = Map::new();
                put_value(&mut sibling, value);
                Json::Object(sibling)
            });
            line.insert("siblings".into(), siblings.collect());
        }
        let context = URL_SAFE_NO_PAD.encode(&entry.context);
        line.insert("context".into(), context.into());
    }
    format!("{}\n", Json::Object(line))
}

/// A value: JSON as what it is, text as text.
fn put_value(line: &mut Map<String, Json>, value: &Value) {
    if value.encoding == 2
        && let Ok(json) = serde_json::from_slice::<Json>(&value.bytes)
    {
        line.insert("json".into(), json);
        return;
    }
    put_bytes(line, "value", "value_base64", &value.bytes);
}

fn put_bytes(line: &mut Map<String, Json>, name: &str, coded: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => line.insert(name.into(), json!(text)),
        Err(_) => line.insert(coded.into(), STANDARD.encode(bytes).into()),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use henge_core::causality::Hlc;

    fn listed(key: &[u8], encoding: u8, bytes: &[u8]) -> Listed {
        let bytes = bytes.to_vec();
        Listed {
            key: key.to_vec(),
            value: Value { encoding, bytes },
            version: Hlc::from_u64(1 << 16),
            siblings: vec![],
            expires_at_ms: None,
            context: vec![0],
        }
    }

    #[test]
    fn a_line_says_what_a_value_is() {
        let line = |key: &[u8], encoding, bytes: &[u8]| -> Json {
            let line = json_line(&listed(key, encoding, bytes), false);
            serde_json::from_str(&line).unwrap()
        };
        assert_eq!(line(b"k", 1, b"a\"\n")["value"], "a\"\n");
        assert_eq!(line(b"k", 2, br#"{"a": [1]}"#)["json"]["a"][0], 1);
        let bytes = line(b"\xff", 0, &[0xfe]);
        assert_eq!(
            (&bytes["key_base64"], &bytes["value_base64"]),
            (&json!("/w=="), &json!("/g=="))
        );
        assert_eq!(bytes["context"], "AA");
        let mut entry = listed(b"k", 1, b"a");
        entry.siblings = vec![entry.value.clone()];
        entry.expires_at_ms = Some(7);
        let line: Json = serde_json::from_str(&json_line(&entry, false)).unwrap();
        assert_eq!(
            (&line["siblings"][0]["value"], &line["expires_at_ms"]),
            (&json!("a"), &json!(7))
        );
        assert_eq!(json_line(&entry, true), "{\"key\":\"k\"}\n");
    }
}
