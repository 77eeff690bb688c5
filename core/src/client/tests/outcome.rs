//! Every call comes to the outcome that is true of it.

use super::*;

#[test]
fn an_answer_is_the_outcome_of_its_call() {
    let mut client = online();
    let read = client.submit(at(1), get("a")).unwrap();
    let write = client.submit(at(1), put("b")).unwrap();
    drain(&mut client);
    answer(&mut client, at(2), write.0, Ok(written()));
    answer(&mut client, at(2), read.0, Ok(missing()));
    let seen = drain(&mut client);
    assert_eq!(seen.done, [(write, Ok(written())), (read, Ok(missing()))]);
    assert_eq!((client.open_calls(), client.poll_timeout()), (0, None));
}

#[test]
fn after_three_lost_answers_a_read_is_unavailable_and_a_write_indeterminate() {
    let mut client = online();
    let read = client.submit(at(1), get("a")).unwrap();
    let write = client.submit(at(1), put("a")).unwrap();
    let mut sends = drain(&mut client).requests.len();
    let mut done = Vec::new();
    for round in 1..=3 {
        client.handle_disconnected(at(round * 100));
        done.extend(drain(&mut client).done);
        sends += connect(&mut client, at(round * 100 + 50)).requests.len();
    }
    assert_eq!(sends, 6, "three sends of each");
    let codes: Vec<_> = done
        .iter()
        .map(|(call, result)| (*call, code(result)))
        .collect();
    assert_eq!(
        codes,
        [
            (read, ErrorCode::Unavailable),
            (write, ErrorCode::Indeterminate)
        ]
    );
}

#[test]
fn time_runs_out_differently_for_what_was_sent_and_what_was_not() {
    let mut client = Client::new(42);
    let unsent = client.submit(at(0), put("a").with_timeout_ms(100)).unwrap();
    assert_eq!(client.poll_timeout(), Some(at(100)));
    client.handle_timeout(at(100));
    let done = drain(&mut client).done;
    assert_eq!((done[0].0, code(&done[0].1)), (unsent, ErrorCode::Timeout));
    assert!(done[0].1.as_ref().unwrap_err().message.contains("not sent"));

    connect(&mut client, at(200));
    client
        .submit(at(200), get("a").with_timeout_ms(100))
        .unwrap();
    client
        .submit(at(200), put("a").with_timeout_ms(100))
        .unwrap();
    drain(&mut client);
    client.handle_timeout(at(299));
    assert!(drain(&mut client).done.is_empty());
    client.handle_timeout(at(300));
    let seen = drain(&mut client);
    let codes: Vec<_> = seen.done.iter().map(|(_, result)| code(result)).collect();
    assert_eq!(codes, [ErrorCode::Timeout, ErrorCode::Indeterminate]);
    assert_eq!(
        seen.redial, None,
        "a short timeout is no evidence against the connection"
    );
}

#[test]
fn the_server_gets_less_time_than_the_caller_waits() {
    let mut client = Client::new(42);
    client
        .submit(at(0), get("a").with_timeout_ms(1_000))
        .unwrap();
    client
        .submit(at(0), get("b").with_timeout_ms(90_000))
        .unwrap();
    client.submit(at(0), get("c")).unwrap();
    let requests = connect(&mut client, at(200)).requests;
    let asked: Vec<_> = requests.iter().map(|request| request.timeout_ms).collect();
    assert_eq!(asked, [700, 59_550, 4_550]);
}

#[test]
fn a_refused_call_rests_and_is_sent_again_while_there_is_time() {
    let mut client = online();
    let call = client
        .submit(at(1), put("a").with_timeout_ms(1_000))
        .unwrap();
    let first = drain(&mut client).requests;
    let busy = Failure::new(ErrorCode::RateLimited, "busy");
    answer(&mut client, at(2), call.0, Err(busy.clone()));
    let seen = drain(&mut client);
    assert!(seen.requests.is_empty() && seen.done.is_empty());
    let again = client.poll_timeout().unwrap();
    assert!(again > at(2) && again <= at(22), "{again:?}");
    client.handle_timeout(again);
    assert_eq!(
        request_id(&drain(&mut client).requests[0]),
        request_id(&first[0])
    );

    answer(&mut client, at(1_000), call.0, Err(busy.clone()));
    assert_eq!(
        drain(&mut client).done,
        [(call, Err(busy))],
        "no time is left: its word is final"
    );
}

#[test]
fn a_write_that_was_only_ever_refused_is_not_called_indeterminate() {
    let mut client = online();
    let call = client.submit(at(1), put("a").with_timeout_ms(100)).unwrap();
    drain(&mut client);
    let short = Failure::new(ErrorCode::Unavailable, "1 of 2 replicas");
    answer(&mut client, at(2), call.0, Err(short.clone()));
    client.handle_disconnected(at(3));
    client.handle_timeout(at(102));
    assert_eq!(drain(&mut client).done, [(call, Err(short))]);
}

#[test]
fn a_refusal_after_a_lost_answer_leaves_a_write_indeterminate() {
    let mut client = online();
    let call = client
        .submit(at(1), put("a").with_timeout_ms(1_000))
        .unwrap();
    drain(&mut client);
    client.handle_disconnected(at(2));
    connect(&mut client, at(100));
    answer(
        &mut client,
        at(1_000),
        call.0,
        Err(Failure::new(ErrorCode::Unavailable, "alone")),
    );
    let done = drain(&mut client).done;
    assert_eq!(code(&done[0].1), ErrorCode::Indeterminate);
    assert!(done[0].1.as_ref().unwrap_err().message.contains("alone"));
}

#[test]
fn a_cancelled_call_has_no_outcome_and_its_late_answer_is_nobodys() {
    let mut client = online();
    let unsent = client.submit(at(1), put("a")).unwrap();
    assert!(!client.cancel(unsent), "it never left");
    let write = client.submit(at(1), put("a")).unwrap();
    let read = client.submit(at(1), get("a")).unwrap();
    assert_eq!(drain(&mut client).requests.len(), 2);
    assert!(client.cancel(write), "it may be applied");
    assert!(!client.cancel(read));
    answer(&mut client, at(2), write.0, Ok(written()));
    client.handle_timeout(at(10_000));
    assert!(drain(&mut client).done.is_empty());
}
