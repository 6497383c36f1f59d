//! Which partitions a client holds: taking them on, and letting them go.

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol},
    error::KafkaResult,
};

/// Takes partitions on, to be read from the offsets in the list.
pub(super) fn take_on<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    list: &TopicPartitionList,
) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_assign(list),
        _ => client.assign(list),
    }
}

/// Lets partitions go, those of them that were taken on: one that was given up before is not, and librdkafka would take the whole
/// list for wrong and wait for another.
pub(super) fn let_go<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    list: &TopicPartitionList,
) -> KafkaResult<()> {
    if !matches!(client.rebalance_protocol(), RebalanceProtocol::Cooperative) {
        return client.unassign();
    }
    let assigned = client.assignment()?;
    let mut held = TopicPartitionList::with_capacity(list.count());
    for each in list.elements() {
        if assigned.find_partition(each.topic(), each.partition()).is_some() {
            held.add_partition(each.topic(), each.partition());
        }
    }
    client.incremental_unassign(&held)
}
