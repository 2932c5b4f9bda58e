//! The kinds of messages on the wire and between nodes, as `net drop --kind` takes them.

/// Their names, in the order of the alphabet. `tests/architecture.rs` holds this
/// to what `kind()` says.
pub const KINDS: &str = "\
     basic.ack basic.cancel basic.cancel-ok basic.consume basic.consume-ok basic.deliver \
     basic.get basic.get-empty basic.get-ok basic.nack basic.publish basic.qos basic.qos-ok \
     basic.recover basic.recover-ok basic.reject basic.return channel.close channel.close-ok \
     channel.flow channel.limit channel.open channel.open-ok confirm.select confirm.select-ok \
     connection.blocked connection.close connection.close-ok connection.open connection.open-ok \
     connection.unblocked exchange.bind exchange.bind-ok exchange.declare exchange.declare-ok \
     exchange.delete exchange.delete-ok exchange.unbind exchange.unbind-ok heartbeat \
     management.do management.get management.list management.ok metadata.raft node.alive \
     node.heal node.join node.leave node.list queue.answer queue.bind queue.bind-ok \
     queue.command queue.confirm queue.credit queue.declare queue.declare-ok queue.delete \
     queue.delete-ok queue.deliver queue.do queue.lead queue.mirror queue.publish queue.purge \
     queue.purge-ok queue.raft queue.unbind queue.unbind-ok stream.replica stream.resize \
     tx.commit tx.commit-ok tx.rollback tx.rollback-ok tx.select tx.select-ok";

/// True if there are messages of this kind.
pub fn is_kind(word: &str) -> bool {
    KINDS.split(' ').any(|kind| kind == word)
}
