//! The `stdout` sink, into a stream of the test's.

use std::{
    io::{self, Write},
    sync::Arc,
};

use async_trait::async_trait;
use levada_connector_api::{
    BatchBuilder, BuildContext, ComponentKind, ErrorKind, FieldValue, Registry, Result, Sink,
};
use levada_sink::stdout::{self, CsvForm, LineOptions, StdoutFormat, StdoutOptions};
use levada_testkit::{NUMBER, Row, SinkHarness, Trouble, numbered, sink_contract};
use parking_lot::{Condvar, Mutex};

/// What is on the other side of standard output.
#[derive(Clone, Default)]
struct Reader(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    stalls: bool,
    fails_after: Option<(usize, io::ErrorKind)>,
}

impl Reader {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().bytes).into_owned()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock());
        self.0.1.notify_all();
    }
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let mut state = state.lock();
        changed.wait_while(&mut state, |state| state.stalls);
        let most = match &mut state.fails_after {
            Some((0, kind)) => return Err((*kind).into()),
            Some((left, _)) => {
                let most = bytes.len().min(*left);
                *left -= most;
                most
            }
            // Pipes take what fits.
            None => bytes.len().min(100),
        };
        state.bytes.extend_from_slice(&bytes[..most]);
        Ok(most)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Harness {
    reader: Reader,
}

#[async_trait]
impl SinkHarness for Harness {
    async fn fresh(&mut self) {
        self.reader = Reader::default();
    }

    fn sink(&mut self) -> Arc<dyn Sink> {
        let options = StdoutOptions { format: StdoutFormat::Jsonl };
        Arc::new(stdout::printing(&options, &LineOptions::default(), Box::new(self.reader.clone())))
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        let text = self.reader.text();
        Some(text.lines().map(|line| row(&serde_json::from_str(line).expect("JSON"))).collect())
    }

    fn trouble(&mut self, trouble: Trouble) -> bool {
        // Standard output is always connected, so it cannot fail to be.
        match trouble {
            Trouble::Fails => false,
            Trouble::Stalls => {
                self.reader.change(|state| state.stalls = true);
                true
            }
        }
    }

    fn heal(&mut self) {
        self.reader.change(|state| state.stalls = false);
    }
}

pub(crate) fn row(line: &serde_json::Value) -> Row {
    Row {
        device: line["device"].as_str().expect("a device").to_owned(),
        time: line["time"].as_i64().expect("a time"),
        number: line[NUMBER].as_i64(),
    }
}

#[tokio::test]
async fn standard_output_passes_the_contract() {
    sink_contract(&mut Harness { reader: Reader::default() }).await;
}

#[tokio::test]
async fn a_line_that_was_cut_off_is_ended_before_the_batch_comes_again() -> Result<()> {
    let reader = Reader::default();
    let options = StdoutOptions { format: StdoutFormat::Jsonl };
    let sink = stdout::printing(&options, &LineOptions::default(), Box::new(reader.clone()));
    reader.change(|state| state.fails_after = Some((60, io::ErrorKind::TimedOut)));
    let batch = numbered("s", 0..3, 1);
    assert!(sink.write(&batch).await.expect_err("cut off").is_transient());
    reader.change(|state| state.fails_after = None);
    sink.write(&batch).await?;
    let text = reader.text();
    let whole: Vec<_> =
        text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).collect();
    assert_eq!((text.lines().count(), whole.len()), (4, 3), "{text}");
    Ok(())
}

#[tokio::test]
async fn the_pipeline_ends_when_nobody_reads() {
    let reader = Reader::default();
    reader.change(|state| state.fails_after = Some((0, io::ErrorKind::BrokenPipe)));
    let sink = stdout::printing(&StdoutOptions::default(), &LineOptions::default(), Box::new(reader));
    let error = sink.write(&numbered("s", 0..3, 1)).await.expect_err("a broken pipe");
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Io, false));
    assert_eq!(error.to_string(), "nobody reads standard output any more");
}

#[tokio::test]
async fn the_header_comes_once_and_again_when_it_grows() -> Result<()> {
    let reader = Reader::default();
    let lines = LineOptions { form: CsvForm::Wide, ..LineOptions::default() };
    let sink =
        stdout::printing(&StdoutOptions { format: StdoutFormat::Csv }, &lines, Box::new(reader.clone()));
    let mut narrow = numbered("s", 0..1, 1);
    let tablet = narrow.readings[0].tablet.clone();
    let columns = tablet.columns()[..1].to_vec();
    narrow.readings[0].tablet = tablet.with_columns(columns).expect("fits");
    sink.write(&narrow).await?;
    sink.write(&narrow).await?;
    sink.write(&numbered("s", 1..2, 1)).await?;
    let expected = "time,device,n\n0,root.contract.d0,0\n0,root.contract.d0,0\n\
                    time,device,n,temperature\n1,root.contract.d0,1,0.5\n";
    assert_eq!(reader.text(), expected);
    Ok(())
}

#[tokio::test]
async fn an_encoder_says_how_lines_look_and_what_it_cannot_say_is_rejected() {
    let registry = levada_sink::register(Registry::new());
    let encoder = registry.get(ComponentKind::Encoder, "line").expect("there is one");
    let factory = encoder.encoder(serde_json::json!({}), &BuildContext::new("p", "n")).expect("it works");
    let reader = Reader::default();
    let sink = stdout::encoding(&factory, Box::new(reader.clone()));
    let mut rows = BatchBuilder::new();
    rows.row("root.d", 1, &[("n", FieldValue::Int64(5))]).expect("legal");
    rows.row("root.d", 2, &[("t", FieldValue::Text("a:b"))]).expect("legal");
    let delivery = sink.write(&rows.finish(Vec::new())).await.expect("taken");
    assert_eq!(reader.text(), "root.d,1,n,INT64,5\n");
    assert_eq!(delivery.rejected.iter().map(|each| each.rows.clone()).collect::<Vec<_>>(), [Some(vec![1])]);
}
