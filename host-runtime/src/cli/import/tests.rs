use super::checkpoint::{Checkpoint, Done, Job};
use super::record::KeyRule;
use super::split::{Piece, Shape, Splitter, Start};
use crate::cli::args::{Cli, Command, ImportArgs};
use clap::Parser;
use std::io::Read;

/// Gives a few bytes at a time, as a slow disk may.
struct Drops<'a>(&'a [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(into.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn pieces_from(text: &str, drop: usize, start: Start) -> Vec<Piece> {
    let offset = usize::try_from(start.place.offset).unwrap();
    let mut splitter = Splitter::new(Drops(&text.as_bytes()[offset..], drop), start);
    std::iter::from_fn(|| splitter.next_piece().unwrap()).collect()
}

/// The records of `text`, and the lines of broken ones, whatever the size of a read.
fn split(text: &str) -> (Vec<String>, Vec<u64>) {
    let whole = pieces_from(text, usize::MAX, Start::new());
    for drop in [1, 7] {
        assert_eq!(
            pieces_from(text, drop, Start::new()),
            whole,
            "reads of {drop} bytes"
        );
    }
    let mut records = Vec::new();
    let mut broken = Vec::new();
    for piece in whole {
        match piece.content {
            Ok(bytes) => records.push(String::from_utf8(bytes).unwrap()),
            Err((place, _)) => broken.push(place.line),
        }
    }
    (records, broken)
}

fn args(file: &str, key: &str) -> ImportArgs {
    let cli = Cli::try_parse_from(["henge", "import", file, "--prefix", "p/", "--key", key]);
    let Command::Import(args) = cli.unwrap().command else {
        panic!("import")
    };
    args
}

fn rule(key: &str) -> KeyRule {
    KeyRule::new(&args("f", key))
}

fn keys(text: &str, key: &str) -> Vec<Result<String, (u64, u64, String)>> {
    let rule = rule(key);
    let applied = pieces_from(text, 64, Start::new())
        .into_iter()
        .map(|piece| rule.apply(piece));
    applied
        .map(|made| match made {
            Ok(record) => Ok(String::from_utf8(record.key).unwrap()),
            Err(faulty) => Err((faulty.place.line, faulty.place.column, faulty.why)),
        })
        .collect()
}

#[test]
fn arrays_and_lines_are_told_apart_by_content() {
    let records = vec![r#"{"a":1}"#.to_owned(), r#"{"a":[{"b":"],["}]}"#.to_owned()];
    let array = format!("\u{feff} [\n  {},\n  {}\n]\n", records[0], records[1]);
    assert_eq!(split(&array), (records.clone(), vec![]));
    let minified = format!("[{},{}]", records[0], records[1]);
    assert_eq!(split(&minified), (records.clone(), vec![]));
    let lines = format!("{}\r\n\n{}", records[0], records[1]);
    assert_eq!(split(&lines), (records, vec![]));
    assert_eq!(split("[]"), (vec![], vec![]));
}

#[test]
fn what_is_no_such_file_is_one_broken_record() {
    for text in ["", "  \n", "hello", "\"a\""] {
        assert_eq!(split(text).1.len(), 1, "{text:?}");
    }
    assert_eq!(split("[{\"a\":1}] x"), (vec!["{\"a\":1}".into()], vec![1]));
}

#[test]
fn a_broken_record_is_named_and_the_rest_is_found() {
    let good = |n: u32| format!("{{\"id\":{n}}}");
    for broken in [
        "{\"id\":\"2}",
        "{\"id\":2",
        "{\"id\":2]}",
        "{\"id\":X}",
        "{id:\"2\"",
        "}",
        "{\"id\":{\"a\":2}",
    ] {
        let text = format!("[\n{},\n{broken},\n{},\n{}\n]\n", good(1), good(3), good(4));
        let (records, lines) = split(&text);
        assert_eq!(records, [good(1), good(3), good(4)], "{broken}");
        assert!(
            lines.iter().all(|line| (3..=4).contains(line)) && !lines.is_empty(),
            "{broken}: {lines:?}"
        );
    }
    let minified = format!("[{},{{\"id\":\"2}},{},{}]", good(1), good(3), good(4));
    let (records, lines) = split(&minified);
    assert_eq!(
        (records.first(), records.last()),
        (Some(&good(1)), Some(&good(4)))
    );
    assert_eq!(lines, [1]);
}

#[test]
fn a_file_that_is_cut_short_says_so() {
    let (records, broken) = split("[\n{\"a\":1},\n{\"a\":2},\n");
    assert_eq!((records.len(), broken), (2, vec![4]));
    let (records, broken) = split("[\n{\"a\":1},\n{\"a\":");
    assert_eq!(records.len(), 1);
    assert_eq!(broken[0], 3);
}

#[test]
fn reading_goes_on_where_it_stopped() {
    for text in [
        "[\n {\"a\":1},\n {\"a\":2} , {\"a\":3}\n]",
        "{\"a\":1}\n{\"a\":2}\n{\"a\":3}",
    ] {
        let whole = pieces_from(text, 5, Start::new());
        for done in 1..whole.len() {
            let last = &whole[done - 1];
            let start = Start {
                records: done as u64,
                broken: 0,
                place: last.end,
                shape: Some(last.shape),
            };
            assert_eq!(pieces_from(text, 5, start), whole[done..]);
        }
    }
    assert_eq!(pieces_from("{}", 9, Start::new())[0].shape, Shape::Lines);
}

#[test]
fn keys_are_joined_fields() {
    let text = "[{\"c\":\"DE\",\"n\":\"K\\u00f6ln\",\"i\":7},{\"i\":1.50,\"n\":true,\"c\":\"\"}]";
    assert_eq!(
        keys(text, "c,n,i"),
        [
            Ok("p/DE:K\u{f6}ln:7".into()),
            Ok("p/::".replace("::", ":true:1.50"))
        ]
    );
}

#[test]
fn a_record_without_a_key_is_named_by_line_and_column() {
    let text = "{\"a\":1}\n  {\"b\":1}\n{\"a\":null}\n{\"a\":tru}\n[1]\n";
    let keys = keys(text, "a");
    assert_eq!(keys[0], Ok("p/1".into()));
    let faults: Vec<(u64, u64)> = keys[1..]
        .iter()
        .map(|key| key.as_ref().unwrap_err())
        .map(|(l, c, _)| (*l, *c))
        .collect();
    assert_eq!(faults[..2], [(2, 3), (3, 1)]);
    assert_eq!((faults[2].0, faults[3].0), (4, 5));
    assert!(keys[1].as_ref().unwrap_err().2.contains("\"a\""));
    assert!(
        !keys[3].as_ref().unwrap_err().2.contains("line"),
        "the place is ours to tell"
    );
}

#[test]
fn white_space_around_parts_is_left_out_and_in_texts_it_stays() {
    let text = "{\n  \"a\": \"x \\\" y\",\n  \"b\": [ 1, 2 ]\n}";
    let piece = Piece {
        content: Ok(text.as_bytes().to_vec()),
        ..pieces_from("{}", 9, Start::new()).remove(0)
    };
    let value = rule("a").apply(piece).unwrap().value;
    assert_eq!(
        String::from_utf8(value).unwrap(),
        "{\"a\":\"x \\\" y\",\"b\":[1,2]}"
    );
}

#[test]
fn a_checkpoint_counts_only_what_is_done_without_a_gap_and_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.json");
    let text = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
    std::fs::write(&file, text).unwrap();
    let job = |key: &str| Job::new(&args(file.to_str().unwrap(), key)).unwrap();
    let pieces = pieces_from(text, 99, Start::new());
    let done = |number: usize, broken| {
        let Piece { end, shape, .. } = pieces[number];
        Done { end, shape, broken }
    };
    let mut first = Checkpoint::open(&file, job("a"), false).unwrap();
    first.done(2, done(2, false));
    assert_eq!(first.start(), Start::new());
    first.done(0, done(0, true));
    assert_eq!((first.start().records, first.start().broken), (1, 1));
    first.save().unwrap();
    let mut second = Checkpoint::open(&file, job("a"), true).unwrap();
    assert_eq!(second.start(), first.start());
    assert_eq!(pieces_from(text, 99, second.start()), pieces[1..]);
    second.done(1, done(1, false));
    second.done(2, done(2, false));
    assert_eq!(second.start().records, 3);
    let other = Checkpoint::open(&file, job("b"), true)
        .unwrap_err()
        .to_string();
    assert!(
        other.contains("--key") && other.contains("--resume"),
        "{other}"
    );
    second.remove();
    assert_eq!(
        Checkpoint::open(&file, job("a"), true).unwrap().start(),
        Start::new()
    );
}
