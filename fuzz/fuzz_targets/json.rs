//! The JSON decoder: a record is rows or an error, and those of a bad one can be taken back.
#![no_main]

use std::cell::RefCell;

use levada_connector_api::{BatchBuilder, BuildContext, ComponentKind, Decoder, Registry};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static DECODER: RefCell<Box<dyn Decoder>> = RefCell::new({
        let registry = levada_source::register(Registry::new());
        let component = registry.get(ComponentKind::Decoder, "json").expect("registered");
        let context = BuildContext::new("fuzz", "in");
        component.decoder(serde_json::json!({}), &context).expect("options that work").make()
    });
}

fuzz_target!(|record: &[u8]| {
    DECODER.with_borrow_mut(|decoder| {
        let mut rows = BatchBuilder::new();
        rows.split(&"in/0".into());
        rows.record(record, 0);
        let failed = decoder.decode(record, &mut rows).is_err();
        if failed {
            rows.take_back();
        }
        let batch = rows.finish(Vec::new());
        assert!(!failed || batch.is_empty(), "rows of a bad record");
    });
});
