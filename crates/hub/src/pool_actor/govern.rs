//! A pool's policy: validated and merged with the hub's own settings, then the pool's.

use std::sync::Arc;

use leasehold_core::{
    Command, Govern, NodeName, Policy, PolicyChange, PoolSettings, Rejection, RequestId, SessionId,
    limits::POLICY_HISTORY_MAX,
};
use leasehold_wire::{PolicyChangeView, PoolVerb, PoolView, Response, Setting, SettingView};

use super::{
    outlet::{Part, Said},
    shell::Shell,
};
use crate::{
    config::{ConfigError, HubConfig},
    hub_actor::HubMessage,
    parts::share_of,
};

/// The longest word on a change that is kept, in bytes.
const WHAT_BYTES_MAX: usize = 256;

impl Shell {
    /// Does what is asked, and answers with how the pool is then.
    pub(super) fn ask_pool(&mut self, session: SessionId, request: RequestId, verb: PoolVerb) {
        let by = self.pool.node_of(session).cloned();
        let done = match self.decide(verb) {
            Ok(None) => Ok(()),
            Ok(Some((policy, what))) => match by {
                Some(by) => self.adopt(policy, by, what),
                None => Err(Rejection::SessionEnded),
            },
            Err(refusal) => Err(refusal),
        };
        let response = match done {
            Ok(()) => Response::Pool(Box::new(self.view_of_pool())),
            Err(refusal) => Response::Refused(refusal),
        };
        let said = Said::Part(request, Part::Whole(response));
        self.outbox.say((session, said));
    }

    /// The policy as it is to be, and what was changed about it.
    fn decide(&self, verb: PoolVerb) -> Result<Option<(Policy, String)>, Rejection> {
        let mut policy = self.pool.policy().clone();
        let what = match verb {
            PoolVerb::Show => return Ok(None),
            _ if self.place.is_some() => {
                let what = "changes of a pool in partitions";
                return Err(Rejection::Unsupported(what.to_owned()));
            }
            PoolVerb::Create(settings) => {
                set(&mut policy, settings);
                policy.made_at = self.clock.now();
                "created".to_owned()
            }
            PoolVerb::Set(settings) => set(&mut policy, settings),
            PoolVerb::Pause(note) => {
                let note = cut(note);
                let what = format!("paused: {note}");
                policy.paused = Some(note);
                what
            }
            PoolVerb::Resume => {
                policy.paused = None;
                "resumed".to_owned()
            }
            PoolVerb::Delete { force } => {
                let tasks = self.pool.live();
                if tasks > 0 && !force {
                    return Err(Rejection::NotEmpty { tasks });
                }
                policy.deleted = true;
                "deleted".to_owned()
            }
        };
        Ok(Some((policy, what)))
    }

    fn adopt(&mut self, mut policy: Policy, by: NodeName, what: String) -> Result<(), Rejection> {
        if policy == *self.pool.policy() {
            return Ok(());
        }
        let governed = self.config.now().governed(&self.name, &policy.set);
        let settings = governed.map_err(|error| Rejection::Invalid(one_line(&error)))?;
        let (at, what) = (self.clock.now(), cut(what));
        tracing::info!(pool = %self.name, %by, what, "the pool's policy is another");
        policy.history.push(PolicyChange { at, by, what });
        let excess = policy.history.len().saturating_sub(POLICY_HISTORY_MAX);
        policy.history.drain(..excess);
        self.govern(settings, policy);
        Ok(())
    }

    fn govern(&mut self, settings: PoolSettings, policy: Policy) {
        let settings = match self.place {
            Some(_) => share_of(settings),
            None => settings,
        };
        let govern = Box::new(Govern { settings, policy });
        self.apply_own(Command::Govern(govern));
    }

    /// Whether the pool's policy fits another configuration.
    pub(super) fn fits(&self, config: &HubConfig) -> Result<(), ConfigError> {
        let set = &self.pool.policy().set;
        config.governed(&self.name, set).map(drop)
    }

    /// The hub's configuration is another, of which it was found that the policy fits it.
    pub(super) fn rebase(&mut self) {
        let policy = self.pool.policy().clone();
        match self.config.now().governed(&self.name, &policy.set) {
            Ok(settings) => self.govern(settings, policy),
            Err(error) => tracing::error!(
                pool = %self.name, error = one_line(&error),
                "what was set does not fit the configuration; the pool goes on as it was",
            ),
        }
    }

    /// At the beginning: what was set before, on the configuration as it is now. A pool that was
    /// deleted begins anew when it is used again.
    pub(super) fn take_up_policy(&mut self, anew: bool) {
        let policy = self.pool.policy();
        if self.pool.is_over() && anew {
            let policy = Policy {
                made_at: self.clock.now(),
                ..Policy::default()
            };
            let settings = self.config.now().settings_of(&self.name).clone();
            return self.govern(settings, policy);
        }
        if !policy.set.is_empty() {
            self.rebase();
        }
    }

    /// Tells the hub that nothing is left of a pool that was deleted.
    pub(super) fn tell_if_over(&mut self) {
        if self.pool.is_over() && !self.is_told_over {
            self.is_told_over = true;
            let name = self.name.clone();
            // A hub that is ending needs not know.
            _ = self.opener.hub.cast(HubMessage::PoolOver(name));
        }
    }

    fn view_of_pool(&self) -> PoolView {
        let policy = self.pool.policy();
        let config: Arc<HubConfig> = self.config.now();
        let settings = config.shown(&self.name, self.pool.settings(), &policy.set);
        let setting = |of: crate::config::Shown| SettingView {
            key: of.key.to_owned(),
            value: of.value,
            source: of.source.to_owned(),
        };
        let change = |of: &PolicyChange| PolicyChangeView {
            at_ms: of.at.as_millis(),
            by: of.by.clone(),
            what: of.what.clone(),
        };
        PoolView {
            name: self.name.clone(),
            settings: settings.into_iter().map(setting).collect(),
            paused: policy.paused.clone(),
            history: policy.history.iter().map(change).collect(),
            blocked_by: self.pool.blocked_by(),
        }
    }
}

/// Sets these knobs, or sets them no longer; in words.
fn set(policy: &mut Policy, settings: Vec<Setting>) -> String {
    let mut said = Vec::with_capacity(settings.len());
    for Setting { key, value } in settings {
        policy.set.retain(|(known, _)| *known != key);
        match value {
            Some(value) => {
                said.push(format!("{key} = {value}"));
                policy.set.push((key, value));
            }
            None => said.push(format!("{key} as configured")),
        }
    }
    said.join(", ")
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(WHAT_BYTES_MAX));
    text
}

fn one_line(error: &ConfigError) -> String {
    let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    problems.join("; ")
}
