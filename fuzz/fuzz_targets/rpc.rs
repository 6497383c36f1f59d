//! Messages of IoTDB's protocol: frames, calls and replies in both encodings, and the columns within them.
#![no_main]

use bytes::Bytes;
use levada_model::DataType;
use levada_rpc::{
    columns::{block, dataset, record, tablet},
    messages::{QueryDataSet, Request, copy_reply},
    thrift::{Protocol, Reader, Wire, Writer, open},
};
use libfuzzer_sys::fuzz_target;

/// What can be read can be written, and read again as the same.
fn again(request: &Request, method: &str) {
    for protocol in [Protocol::Binary, Protocol::Compact] {
        let mut to = Writer::new(protocol);
        request.write(&mut to);
        let bytes = to.into_frame().payload();
        let read = Request::read(method, &mut Reader::new(bytes, protocol)).expect("it was written so");
        assert_eq!(read.as_ref(), Some(request));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [how, which, rows, body @ ..] = bytes else { return };
    let body = Bytes::copy_from_slice(body);
    let protocol = if how % 2 == 0 { Protocol::Binary } else { Protocol::Compact };
    let method = Request::METHODS[usize::from(*which) % Request::METHODS.len()];
    let types: Vec<_> = body.iter().take(3).filter_map(|code| DataType::from_code(*code)).collect();
    let rows = usize::from(*rows);
    match how / 2 % 6 {
        0 => {
            if let Ok((head, mut from)) = open(body)
                && let Ok(Some(request)) = Request::read(&head.name, &mut from)
            {
                again(&request, &head.name);
            }
        }
        1 => {
            if let Ok(Some(request)) = Request::read(method, &mut Reader::new(body, protocol)) {
                again(&request, method);
            }
        }
        2 => {
            let mut to = Writer::new(protocol);
            drop(copy_reply(method, &mut Reader::new(body, protocol), &mut to));
        }
        3 => {
            let known: Vec<_> = types.iter().copied().map(Some).collect();
            drop(block::decode(body, &known));
        }
        4 => {
            drop(tablet::decode(rows, &types, Bytes::from(vec![0; rows * 8]), body.clone()));
            drop(record::decode(rows, body));
        }
        _ => {
            if let Ok(set) = QueryDataSet::read(&mut Reader::new(body, protocol)) {
                drop(dataset::decode(set, &types));
            }
        }
    }
});
