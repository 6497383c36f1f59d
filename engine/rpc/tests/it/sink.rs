//! The `iotdb` sink keeps its contract over the pool.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use levada_connector_api::{BuildContext, Error, Result, Sink, StoreTarget, Stores, model::Session};
use levada_model::Value;
use levada_rpc::Pool;
use levada_sink::iotdb::{IotdbOptions, IotdbSink};
use levada_testkit::{BadRows, NUMBER, Row, SinkHarness, Trouble, numbered, sink_contract};
use serde_json::json;

use crate::{
    pool::options,
    server::{self, Server},
};

struct Nodes(Vec<String>);

#[async_trait]
impl Stores for Nodes {
    async fn open(&self, target: &StoreTarget) -> Result<Arc<dyn Session>> {
        let StoreTarget::Nodes { .. } = target else { return Err(Error::bug("nodes are asked for")) };
        let mut options = options(&[]);
        options.nodes = self.0.clone();
        Ok(Arc::new(Pool::new(options)))
    }
}

struct Harness(Server);

#[async_trait]
impl SinkHarness for Harness {
    async fn fresh(&mut self) {
        self.0 = Server::start().await;
    }

    fn sink(&mut self) -> Arc<dyn Sink> {
        let options = json!({"nodes": [self.0.address], "sessions": 3, "database": "root.contract"});
        let options: IotdbOptions = serde_json::from_value(options).expect("well formed");
        let stores = Arc::new(Nodes(vec![self.0.address.clone()]));
        let context = BuildContext { stores, ..BuildContext::new("pipeline", "sink") };
        Arc::new(IotdbSink::new(options, &context).expect("built"))
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        let state = self.0.state.lock();
        let mut rows: BTreeMap<(String, i64), Option<i64>> = BTreeMap::new();
        for ((device, measurement), (_, values)) in &state.series {
            for (time, value) in values {
                let number = rows.entry((device.clone(), *time)).or_default();
                if let (NUMBER, Value::Int64(value)) = (measurement.as_str(), value) {
                    *number = Some(*value);
                }
            }
        }
        Some(rows.into_iter().map(|((device, time), number)| Row { device, time, number }).collect())
    }

    fn trouble(&mut self, trouble: Trouble) -> bool {
        self.0.trouble.send_replace(match trouble {
            Trouble::Fails => server::Trouble::Rejects(606),
            Trouble::Stalls => server::Trouble::Stalls,
        });
        true
    }

    fn heal(&mut self) {
        self.0.trouble.send_replace(server::Trouble::None);
    }

    fn bad_rows(&mut self) -> Option<BadRows> {
        self.0.state.lock().reject =
            Some(Arc::new(|_, _, time| (time >= 100 && time % 5 == 3).then(|| (607, "too old".to_owned()))));
        let batch = numbered("bad", 100..120, 3);
        let rejected = batch.readings.iter().enumerate().flat_map(|(index, readings)| {
            let times: Vec<_> = readings.tablet.times().values().to_vec();
            (0u32..).zip(times).filter(|(_, time)| time % 5 == 3).map(move |(row, _)| (index, row))
        });
        Some(BadRows { rejected: rejected.collect(), batch: batch.clone() })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sink_keeps_its_contract_over_a_connection() {
    sink_contract(&mut Harness(Server::start().await)).await;
}
