//! What goes wrong, and when it is well again.

use std::{collections::BTreeMap, time::Duration};

use rand::{Rng, rngs::StdRng};
use turmoil::Sim;

use super::world::{HUB, Tell};

/// When the last thing goes wrong.
const WAR: Duration = Duration::from_secs(9);

/// What ends a fault.
#[derive(Debug, Clone)]
enum Cure {
    Bounce(String),
    Repair(String),
    Release(String),
}

/// Faults that are still to come, and those to be cured.
pub(crate) struct Faults {
    rng: StdRng,
    hosts: Vec<String>,
    next_at: Duration,
    /// By when they are due; at most one for each host at a time.
    cures: BTreeMap<(Duration, String), Cure>,
}

impl Faults {
    pub(crate) const fn new(rng: StdRng, hosts: Vec<String>) -> Self {
        Self {
            rng,
            hosts,
            next_at: Duration::from_millis(300),
            cures: BTreeMap::new(),
        }
    }

    /// Does what is due.
    pub(crate) fn pass_time(&mut self, sim: &mut Sim<'_>, tell: &Tell) {
        let now = sim.elapsed();
        while let Some(first) = self.cures.first_entry().filter(|of| of.key().0 <= now) {
            cure(&first.remove(), sim, tell);
        }
        if now >= self.next_at && now < WAR {
            let next = self.rng.random_range(100..1_200);
            self.next_at = now + Duration::from_millis(next);
            self.go_wrong(sim, tell);
        }
    }

    fn go_wrong(&mut self, sim: &mut Sim<'_>, tell: &Tell) {
        let now = sim.elapsed();
        let host = self.rng.random_range(0..self.hosts.len());
        let host = self.hosts[host].clone();
        let kind = self.rng.random_range(0..10);
        let lasts = Duration::from_millis(self.rng.random_range(20..3_500));
        let is_busy = |of: &String| self.cures.keys().any(|(_, busy)| busy == of);
        let hits_hub = kind < 3;
        let hit = if hits_hub { HUB.to_owned() } else { host };
        let is_a_node = hit.starts_with("worker") || hits_hub;
        if is_busy(&hit) {
            return;
        }
        let cure = match kind {
            0..5 if is_a_node => {
                tell(now, &format!("*** {hit} dies for {lasts:?}"));
                sim.crash(hit.as_str());
                Cure::Bounce(hit.clone())
            }
            5 | 6 => {
                tell(now, &format!("*** {hit} is cut off for {lasts:?}"));
                sim.partition(hit.as_str(), HUB);
                Cure::Repair(hit.clone())
            }
            7 => {
                tell(now, &format!("*** {hit} is not heard for {lasts:?}"));
                sim.partition_oneway(hit.as_str(), HUB);
                Cure::Repair(hit.clone())
            }
            8 => {
                tell(now, &format!("*** {hit} does not hear for {lasts:?}"));
                sim.partition_oneway(HUB, hit.as_str());
                Cure::Repair(hit.clone())
            }
            _ => {
                tell(now, &format!("*** what {hit} says takes {lasts:?} longer"));
                sim.hold(hit.as_str(), HUB);
                Cure::Release(hit.clone())
            }
        };
        self.cures.insert((now + lasts, hit), cure);
    }
}

fn cure(cure: &Cure, sim: &mut Sim<'_>, tell: &Tell) {
    let now = sim.elapsed();
    match cure {
        Cure::Bounce(host) => {
            tell(now, &format!("*** {host} starts again"));
            sim.bounce(host.as_str());
        }
        Cure::Repair(host) => {
            tell(now, &format!("*** {host} is back"));
            sim.repair(host.as_str(), HUB);
        }
        Cure::Release(host) => {
            tell(now, &format!("*** what {host} says passes again"));
            sim.release(host.as_str(), HUB);
        }
    }
}
