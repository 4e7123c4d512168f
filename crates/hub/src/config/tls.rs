//! TLS, and to whom a hub may be open.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    HubConfig,
    kinds::{Choice, Optional},
    knob::{Kind, Raw, section},
    relations::{Conflict, Held},
    sections,
};

section! {
    /// TLS (version 1.3) between nodes and the hub, on the address of `hub.listen`. The files are
    /// read again on SIGHUP: sessions that begin from then on get the new ones, others go on.
    pub struct TlsSection, TLS for tls {
        /// The hub's certificate in PEM, followed by those between it and its CA. With one the hub
        /// speaks TLS, and nothing else, to whoever connects.
        certificate: Option<PathBuf> = None, Optional(File);
        /// The key of `certificate` in PEM, not encrypted. Only the hub's user should be able to
        /// read it.
        key: Option<PathBuf> = None, Optional(File);
        /// Certificates in PEM of the CAs that nodes have their certificates of. Goes together with
        /// `nodes`.
        nodes_ca: Option<PathBuf> = None, Optional(File);
        /// Whether nodes show a certificate of `nodes_ca`: "required" keeps out who has none,
        /// "optional" only who shows a bad one, "none" asks for none.
        nodes: NodeCertificates = NodeCertificates::Unasked,
            Choice(&[
                ("none", NodeCertificates::Unasked),
                ("optional", NodeCertificates::Optional),
                ("required", NodeCertificates::Required),
            ]);
    }
}

/// Whether nodes show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeCertificates {
    /// They are not asked for one.
    Unasked,
    /// Who shows one shows a good one.
    Optional,
    /// Who shows none has no session.
    Required,
}

/// The path of a file.
pub(super) struct File;

impl Kind<PathBuf> for File {
    fn read(&self, raw: &Raw) -> Result<PathBuf, String> {
        let path = raw
            .text()
            .filter(|text| !text.is_empty() && !text.contains('\0'));
        path.map(PathBuf::from)
            .ok_or_else(|| "allowed the path of a file".into())
    }

    fn show(&self, value: &PathBuf) -> String {
        value.to_string_lossy().into_owned()
    }

    fn allowed(&self) -> String {
        "allowed the path of a file".into()
    }

    fn is_quoted(&self, _: &PathBuf) -> bool {
        true
    }
}

/// What contradicts among the knobs of TLS, and whether the hub would be open without being told
/// so.
pub(super) fn conflicts(config: &HubConfig) -> Vec<Conflict> {
    let tls = &config.tls;
    let held = |key| Held::of(&TLS, TLS.name, key, config);
    let asks = tls.nodes != NodeCertificates::Unasked;
    let rules = [
        (
            tls.certificate.is_some() == tls.key.is_some(),
            ["certificate", "key"],
            "certificate and key go together",
        ),
        (
            tls.nodes_ca.is_some() == asks,
            ["nodes_ca", "nodes"],
            "nodes_ca goes together with nodes = \"optional\" or \"required\"",
        ),
        (
            !asks || tls.certificate.is_some(),
            ["nodes", "certificate"],
            "nodes show certificates in TLS only: set certificate and key",
        ),
    ];
    let broken = rules.into_iter().filter(|(holds, ..)| !holds);
    broken
        .map(|(_, keys, rule)| Conflict::new(keys.map(held), rule))
        .chain(left_open(config))
        .collect()
}

/// Whether a session is had only by who proves to be somebody that the owner let in.
const fn nodes_prove_who_they_are(config: &HubConfig) -> bool {
    config.auth.required || matches!(config.tls.nodes, NodeCertificates::Required)
}

/// Whether strangers may have a session, or hear what others say in theirs.
pub(super) fn lets_strangers_in(config: &HubConfig) -> bool {
    let is_far = |address: SocketAddr| !address.ip().to_canonical().is_loopback();
    let is_sealed = config.tls.certificate.is_some();
    config.hub.listen.is_some_and(is_far) && !(is_sealed && nodes_prove_who_they_are(config))
}

/// An address that other machines reach, with something missing that keeps strangers out, unless
/// that is as it should be.
fn left_open(config: &HubConfig) -> Option<Conflict> {
    if config.hub.open_to_all || !lets_strangers_in(config) {
        return None;
    }
    let is_sealed = config.tls.certificate.is_some();
    let rule = match (is_sealed, nodes_prove_who_they_are(config)) {
        (true, false) => {
            "other machines reach that address, and TLS alone keeps nobody out: set auth.required = \
             true, as docs/SECURITY.md says, or tls.nodes = \"required\" and tls.nodes_ca, as \
             docs/TLS.md says, or hub.open_to_all = true if whoever reaches it may enqueue, claim \
             and cancel"
        }
        (_, true) => {
            "other machines reach that address, and without TLS they read and change what is said: \
             set tls.certificate and tls.key, as docs/TLS.md says, or hub.open_to_all = true"
        }
        (false, false) => {
            "other machines reach that address: set tls.certificate and tls.key, as docs/TLS.md says, \
             and auth.required = true, as docs/SECURITY.md says (or tls.nodes = \"required\" and \
             tls.nodes_ca), or hub.open_to_all = true if whoever reaches it may enqueue, claim and \
             cancel"
        }
    };
    let held = |key| Held::of(&sections::HUB, sections::HUB.name, key, config);
    Some(Conflict::new(["listen", "open_to_all"].map(held), rule))
}
