//! Frames exchanged by official clients and servers read and write back unchanged.

use bytes::Bytes;
use levada_rpc::{
    messages::{Request, copy_reply},
    thrift::{Kind, Protocol, Reader, Writer, open},
};

fn bytes(hex: &str) -> Bytes {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// Every frame: whether it is a call, its method and its bytes.
pub(crate) fn recorded() -> Vec<(bool, String, Bytes)> {
    include_str!("../data/frames.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let parts: Vec<_> = line.split(' ').collect();
            (parts[0] == ">", parts[1].to_owned(), bytes(parts[2]))
        })
        .collect()
}

/// What a body becomes in a protocol, and what is left behind it.
fn copied(call: bool, method: &str, from: &mut Reader, to: Protocol) -> Writer {
    let mut writer = Writer::new(to);
    if call {
        let request = Request::read(method, from).expect("readable").expect("a known method");
        request.write(&mut writer);
    } else {
        assert!(copy_reply(method, from, &mut writer).expect("readable"), "{method} is known");
    }
    writer
}

#[test]
fn recorded_frames_are_written_again_as_they_were() {
    let recorded = recorded();
    assert!(recorded.len() > 80, "{}", recorded.len());
    for (call, method, frame) in recorded {
        let (head, mut from) = open(frame.clone()).expect("a message");
        assert_eq!((head.name.as_str(), head.kind == Kind::Call), (method.as_str(), call));
        if head.kind == Kind::Exception {
            continue;
        }
        let body = frame.slice(frame.len() - from.left()..);
        let again = copied(call, &method, &mut from, Protocol::Binary).into_frame().payload();
        assert_eq!(from.left(), 0, "{method}");
        assert!(again == body, "{method}:\n{body:02x?}\n{again:02x?}");
    }
}

#[test]
fn the_compact_protocol_says_the_same() {
    for (call, method, frame) in recorded() {
        let (head, mut from) = open(frame.clone()).expect("a message");
        if head.kind == Kind::Exception {
            continue;
        }
        let body = frame.slice(frame.len() - from.left()..);
        let compact = copied(call, &method, &mut from, Protocol::Compact).into_frame().payload();
        let mut from = Reader::new(compact, Protocol::Compact);
        let again = copied(call, &method, &mut from, Protocol::Binary).into_frame().payload();
        assert!(again == body, "{method}:\n{body:02x?}\n{again:02x?}");
    }
}

#[test]
fn frames_that_are_cut_are_errors_and_no_panics() {
    for (call, method, frame) in recorded() {
        for length in 0..frame.len() {
            let Ok((head, mut from)) = open(frame.slice(..length)) else { continue };
            if head.kind == Kind::Exception {
                continue;
            }
            let ends = if call {
                Request::read(&method, &mut from).is_err()
            } else {
                copy_reply(&method, &mut from, &mut Writer::new(Protocol::Binary)).is_err()
            };
            assert!(ends, "{method} cut at {length} of {}", frame.len());
        }
    }
}
