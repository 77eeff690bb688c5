//! What a call may be, and how many may wait.

use super::*;
use crate::causality::{Context, Token};

#[test]
fn keys_and_pairs_are_checked_before_anything_is_sent() {
    let mut client = online();
    let mut refused = |call: Call| client.submit(at(1), call).unwrap_err();
    assert_eq!(refused(get("")).code, ErrorCode::KeyTooLarge);
    let long = "k".repeat(KEY_BYTES_MAX + 1);
    let failure = refused(put(&long));
    assert_eq!(failure.code, ErrorCode::KeyTooLarge);
    assert!(
        failure.message.contains("1025") && failure.message.contains("1024"),
        "{failure}"
    );
    let value = |bytes| Value {
        encoding: 0,
        bytes: vec![0; bytes],
    };
    assert_eq!(
        refused(Call::put(DEFAULT, b"k".to_vec(), value(10_240))).code,
        ErrorCode::ValueTooLarge
    );
    assert!(
        client
            .submit(at(1), Call::put(DEFAULT, b"k".to_vec(), value(10_239)))
            .is_ok()
    );

    let mut unconnected = Client::new(1);
    assert!(
        unconnected
            .submit(at(1), Call::put(DEFAULT, b"k".to_vec(), value(10_240)))
            .is_ok()
    );
    let largest = Call::put(DEFAULT, b"k".to_vec(), value(PAIR_BYTES_MAX));
    assert_eq!(
        unconnected.submit(at(1), largest).unwrap_err().code,
        ErrorCode::ValueTooLarge
    );
}

#[test]
fn a_context_is_what_a_read_has_returned_or_is_refused() {
    let mut client = online();
    let token = Token {
        newest: Hlc::from_u64(7),
        seen: Context::new(),
    };
    for seen in [Vec::new(), token.encode()] {
        assert!(client.submit(at(1), put("a").with_context(seen)).is_ok());
    }
    let failure = client
        .submit(at(1), put("a").with_context(vec![255; 5]))
        .unwrap_err();
    assert_eq!(failure.code, ErrorCode::Protocol);
    assert!(failure.message.contains("context"), "{failure}");
}

#[test]
fn waiting_calls_are_bounded_in_number_and_in_bytes() {
    let mut client = Client::new(42);
    for _ in 0..CALLS_MAX {
        client.submit(at(0), get("a")).unwrap();
    }
    assert_eq!(
        client.submit(at(0), get("a")).unwrap_err().code,
        ErrorCode::RateLimited
    );
    client.handle_timeout(at(60_000));
    assert_eq!(drain(&mut client).done.len(), CALLS_MAX);
    assert!(client.submit(at(60_000), get("a")).is_ok());

    let mut client = Client::new(42);
    let large = || Value {
        encoding: 0,
        bytes: vec![0; PAIR_BYTES_MAX - 1],
    };
    let taken = (0..100)
        .take_while(|_| {
            client
                .submit(at(0), Call::put(DEFAULT, b"k".to_vec(), large()))
                .is_ok()
        })
        .count();
    assert_eq!(taken, 63, "64 MiB with what surrounds the values");
}
