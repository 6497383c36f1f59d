//! The codec's bounds.

use bytes::{BufMut, Bytes, BytesMut};
use levada_rpc::{
    messages::{EndPoint, Handshake, PipeTransfer, PipeTransferReq, Request, Status, SyncIdentityInfo},
    thrift::{
        FrameError, FrameReader, Head, Kind, Protocol, Reader, Wire, WireError, Writer, message, open,
        write_frame,
    },
};
use proptest::prelude::*;

fn written(value: &impl Wire, protocol: Protocol) -> Bytes {
    let mut to = Writer::new(protocol);
    value.write(&mut to);
    to.into_frame().payload()
}

fn both() -> [Protocol; 2] {
    [Protocol::Binary, Protocol::Compact]
}

#[test]
fn arguments_without_a_number_stand_at_minus_one() {
    let info = SyncIdentityInfo { pipe_name: "p".to_owned(), create_time: 7, ..Default::default() };
    let bytes = written(&Handshake { info: info.clone() }, Protocol::Binary);
    assert_eq!(bytes[..3], [12, 0xff, 0xff]);
    let bytes = written(&Handshake { info: info.clone() }, Protocol::Compact);
    // No difference from 1 to 15: the type alone, then -1 in zigzag.
    assert_eq!(bytes[..2], [12, 1]);
    for protocol in both() {
        let mut from = Reader::new(written(&Handshake { info: info.clone() }, protocol), protocol);
        let read = Request::read("handshake", &mut from).expect("readable");
        assert_eq!(read, Some(Request::Handshake(Handshake { info: info.clone() })));
    }
}

#[test]
fn numbers_and_booleans_survive_both_protocols() {
    for protocol in both() {
        for code in [0, 1, -1, 63, 64, -65, i32::MAX, i32::MIN] {
            for need_retry in [None, Some(false), Some(true)] {
                let status = Status { code, need_retry, ..Status::default() };
                let nested = Status { sub_status: Some(vec![status.clone(); 20]), ..status };
                let mut from = Reader::new(written(&nested, protocol), protocol);
                assert_eq!(Status::read(&mut from), Ok(nested));
                assert_eq!(from.left(), 0);
            }
        }
    }
}

#[test]
fn large_blobs_are_neither_copied_into_nor_out_of_a_frame() {
    let body = Bytes::from(vec![7; 1 << 20]);
    let call = PipeTransfer { req: PipeTransferReq { version: 1, kind: 2, body: body.clone() } };
    let head = Head { name: "pipeTransfer".to_owned(), kind: Kind::Call, sequence: 1 };
    let frame = message(Protocol::Binary, &head, &call).payload();
    let within = frame.as_ptr_range();
    let (_, mut from) = open(frame.clone()).expect("a message");
    let Ok(Some(Request::PipeTransfer(read))) = Request::read("pipeTransfer", &mut from) else {
        panic!("it was written so");
    };
    assert_eq!(read.req.body, body);
    assert!(within.contains(&read.req.body.as_ptr()), "it is a slice of its frame");
}

#[test]
fn lengths_beyond_the_bytes_are_errors_before_anything_is_allocated() {
    // A list of 2^31 - 1 strings in a status.
    let mut bytes = BytesMut::new();
    bytes.put_slice(&[15, 0, 3, 12]);
    bytes.put_i32(i32::MAX);
    let error = Status::read(&mut Reader::new(bytes.freeze(), Protocol::Binary)).expect_err("too long");
    assert_eq!(error, WireError::Length { what: "a list", length: i64::from(i32::MAX), left: 0 });
    let mut bytes = BytesMut::new();
    bytes.put_slice(&[11, 0, 1]);
    bytes.put_i32(-1);
    let error = EndPoint::read(&mut Reader::new(bytes.freeze(), Protocol::Binary)).expect_err("negative");
    assert_eq!(error, WireError::Length { what: "a text", length: -1, left: 0 });
}

#[test]
fn structures_without_end_are_an_error() {
    let mut status = Status::default();
    for _ in 0..40 {
        status = Status { sub_status: Some(vec![status]), ..Status::default() };
    }
    for protocol in both() {
        let bytes = written(&status, protocol);
        assert_eq!(Status::read(&mut Reader::new(bytes.clone(), protocol)), Err(WireError::Depth(32)));
        // Also in an unknown field.
        assert_eq!(EndPoint::read(&mut Reader::new(bytes, protocol)), Err(WireError::Depth(32)));
    }
}

#[test]
fn what_is_missing_is_said_by_name() {
    let error = EndPoint::read(&mut Reader::new(Bytes::from_static(&[0]), Protocol::Binary));
    assert_eq!(error.expect_err("empty").to_string(), "field `ip` of EndPoint is missing");
}

#[tokio::test]
async fn a_frame_that_is_too_long_is_not_read() {
    let mut reader = FrameReader::new(1_000);
    let mut web = &b"GET / HTTP/1.1\r\n\r\n"[..];
    let error = reader.next(&mut web).await.expect_err("no frame");
    assert!(matches!(error, FrameError::Length { length: 1_195_725_856, most: 1_000 }), "{error}");
    let mut cut = &[0, 0, 0, 9, 1, 2][..];
    assert!(matches!(FrameReader::new(1_000).next(&mut cut).await, Err(FrameError::Ended)));
    assert!(matches!(FrameReader::new(1_000).next(&mut &[][..]).await, Ok(None)));
}

#[tokio::test]
async fn frames_arrive_however_they_are_cut_up() {
    let (mut ours, mut theirs) = tokio::io::duplex(7);
    let head = Head { name: "x".to_owned(), kind: Kind::Reply, sequence: 3 };
    let blob = Bytes::from(vec![1; 100_000]);
    let frame = message(Protocol::Compact, &head, &vec![blob.clone(), Bytes::new(), blob]);
    let expected = frame.payload();
    let sent = async {
        for _ in 0..3 {
            write_frame(&mut theirs, frame.clone()).await.expect("sent");
        }
        drop(theirs);
    };
    let read = async {
        let mut reader = FrameReader::new(1 << 20);
        let mut frames = Vec::new();
        while let Some(frame) = reader.next(&mut ours).await.expect("a frame") {
            frames.push(frame);
        }
        frames
    };
    let ((), frames) = tokio::join!(sent, read);
    assert_eq!(frames, vec![expected; 3]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_end_in_a_message_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        method in 0..Request::METHODS.len(),
        compact: bool,
    ) {
        let bytes = Bytes::from(bytes);
        if let Ok((head, mut from)) = open(bytes.clone()) {
            drop(Request::read(&head.name, &mut from));
        }
        let protocol = if compact { Protocol::Compact } else { Protocol::Binary };
        drop(Request::read(Request::METHODS[method], &mut Reader::new(bytes, protocol)));
    }
}
