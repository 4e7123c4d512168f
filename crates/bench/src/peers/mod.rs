//! Drivers of other systems, in those systems' own words.
//!
//! Each is used as whoever knows it well would use it, so that what is measured is the system and
//! not its driver; where a choice was to be made it is written at the driver, with its reason. The
//! raw ones speak their system's protocol by hand: a library between would be timed with it.

mod amqp;
mod beanstalkd;
mod jetstream;
mod nats;
mod peer;
mod postgresql;
mod pull;
mod rabbitmq;
mod redis_list;
mod redis_streams;
mod resp;
#[cfg(test)]
mod smoke;

use crate::{BenchError, Spec, Target};

use peer::{Keeps, Peer};

/// What all of them are told to call the pool.
const POOL: &str = "leasehold-bench";

/// All kinds, for whoever asks for another.
const KINDS: &str = "beanstalkd, redis-list, redis-streams, jetstream, rabbitmq, postgresql";

/// The driver that a spec asks for. Its key `keeps` says how the system was started: `synced`
/// before it acknowledges, synced `later`, or `nothing`; `name` is what to call it.
///
/// # Errors
/// When there is no driver of that kind, or the system cannot be started so.
pub(crate) fn target(spec: &Spec) -> Result<Box<dyn Target>, BenchError> {
    let keeps: Keeps = spec.other("keeps").unwrap_or("synced").parse()?;
    Ok(match spec.kind.as_str() {
        "beanstalkd" => Box::new(Peer::new(spec, keeps, beanstalkd::Beanstalkd)?),
        "redis-list" => Box::new(Peer::new(spec, keeps, redis_list::List::new(keeps))?),
        "redis-streams" => Box::new(Peer::new(spec, keeps, redis_streams::Streams::new(keeps))?),
        "jetstream" => Box::new(Peer::new(spec, keeps, jetstream::JetStream)?),
        "rabbitmq" => Box::new(Peer::new(spec, keeps, rabbitmq::RabbitMq)?),
        "postgresql" => Box::new(Peer::new(spec, keeps, postgresql::Postgresql)?),
        other => {
            let said = format!("no driver for \"{other}\"; there are: {KINDS}");
            return Err(BenchError::Usage(said));
        }
    })
}
