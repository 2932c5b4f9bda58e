//! What tools want changed that is no method of AMQP, or that must find what it is about.

use super::Broker;
use crate::rabbit::command::AmqpError;
use crate::rabbit::error;
use crate::rabbit::exchange::{Binding, Destination};
use crate::rabbit::ids::ChannelId;
use crate::rabbit::message::{Bind, Change, Method};
use crate::rabbit::process::Out;

impl Broker {
    /// A tool wants something changed.
    pub(super) fn manage(
        &mut self,
        channel: ChannelId,
        change: &Change,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        match change {
            Change::DeleteQueue(queue, if_unused, if_empty) => {
                self.queue_ids.get(&**queue).ok_or_else(|| error::no_queue(queue))?;
                self.delete_queue(channel, queue, (*if_unused, *if_empty), out)
            }
            Change::DeleteExchange(exchange) => {
                self.exchanges.get(exchange)?;
                self.delete_exchange(channel, exchange, out)
            }
            Change::UnbindQueue(bind) => {
                let queue = self.queue_ids.get(&*bind.destination).copied();
                let queue = queue.ok_or_else(|| error::no_queue(&bind.destination))?;
                self.expect_binding(bind, Destination::Queue(queue))?;
                self.bind_queue(channel, bind, false, out)
            }
            Change::UnbindExchange(bind) => {
                let name = self.exchanges.get(&bind.destination)?.name.clone();
                self.expect_binding(bind, Destination::Exchange(name))?;
                self.bind_exchange(channel, bind, false, out)
            }
            Change::Members(members) => self.change_members(channel, members, out),
            Change::Lead(queue, node) => self.lead_from(channel, queue, *node, out),
            Change::Rebalance(pattern) => self.rebalance(channel, pattern, out),
            Change::RestartStream(stream, preferred) => {
                self.restart_stream(channel, stream, *preferred, out)
            }
            Change::Synchronise(queue, begins) => {
                self.synchronise_from(channel, (queue, *begins), out)
            }
            Change::SetPolicy(policy, operator) => {
                self.set_policy(channel, (policy, *operator), out)
            }
            Change::ClearPolicy(name, operator) => {
                self.clear_policy(channel, (name, *operator), out)
            }
            Change::MemoryWatermark(watermark) => {
                self.change_alarms(out, |alarms| alarms.watermark = *watermark);
                self.monitor(out);
                self.send(channel, Method::ManagementOk, out);
                Ok(())
            }
            Change::Maintenance(begins) => {
                if *begins {
                    self.drain(out)
                } else {
                    self.revive(out)
                }
                self.send(channel, Method::ManagementOk, out);
                Ok(())
            }
            Change::DiskFreeLimit(bytes) => {
                self.change_alarms(out, |alarms| alarms.disk_free_limit = *bytes);
                self.monitor(out);
                self.send(channel, Method::ManagementOk, out);
                Ok(())
            }
        }
    }

    fn expect_binding(&mut self, bind: &Bind, destination: Destination) -> Result<(), AmqpError> {
        let key = self.names.shared(&bind.key);
        let binding = Binding { key, destination, arguments: bind.arguments.clone() };
        match self.exchanges.get(&bind.source)?.bindings().contains(&binding) {
            true => Ok(()),
            false => Err(error::not_found(format_args!(
                "no binding {} between {} and '{}' in vhost '/'",
                bind.key,
                error::exchange_in_vhost(&bind.source),
                bind.destination
            ))),
        }
    }
}
