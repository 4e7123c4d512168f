//! `[auth.certificates]`: what whoever shows a certificate may do.

use std::collections::BTreeMap;

use leasehold_core::PoolName;
use leasehold_wire::Role;
use toml::{Spanned, de::DeValue};

use super::{HubConfig, near, place::Heading};

/// The section that they stand in.
pub(super) const UNDER: &str = "auth";

/// What they are called there.
pub(super) const NAMED: &str = "certificates";

/// Certificates at the most.
const CERTIFICATES_MAX: usize = 1024;

/// Bytes of a certificate's name.
const NAME_BYTES_MAX: usize = 256;

const EXAMPLE: &str = "\"worker-1.example\" = { roles = [\"node\"], pools = [\"mail\"] }";

const EXPLAINED: &str = "
# Whoever shows a certificate of one of these names (`[tls] nodes_ca`) may do this without a token. The
# roles are \"producer\", \"node\" and \"admin\"; without pools it is all of them.
#
# [auth.certificates]
# \"worker-1.example\" = { roles = [\"node\"], pools = [\"mail\"] }
";

/// What whoever shows a certificate of some name may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRule {
    /// At least one.
    pub roles: Vec<Role>,
    /// None: in all of them.
    pub pools: Vec<PoolName>,
}

/// Whether certificates stand under this key.
pub(super) fn is_heading(heading: &Heading, key: &str) -> bool {
    key == NAMED && heading.name() == UNDER
}

type Read = (usize, Result<(String, CertificateRule), String>);

/// Each of them with where it is in the file, or what is wrong there.
pub(super) fn read(value: &Spanned<DeValue<'_>>) -> Vec<Read> {
    let Some(table) = value.get_ref().as_table() else {
        let why = format!("[{UNDER}.{NAMED}]: a section is wanted, with lines such as {EXAMPLE}");
        return vec![(value.span().start, Err(why))];
    };
    if table.len() > CERTIFICATES_MAX {
        let why = format!("[{UNDER}.{NAMED}]: there are more than {CERTIFICATES_MAX}");
        return vec![(value.span().start, Err(why))];
    }
    let mut all = Vec::new();
    for (name, rule) in table {
        let text: &str = name.get_ref();
        let located = |why| {
            let shown = near::key(text);
            format!("{UNDER}.{NAMED}.{shown}: {why}; one is {EXAMPLE}")
        };
        let read = rule_of(text, rule.get_ref()).map_err(located);
        let read = read.map(|rule| (text.to_owned(), rule));
        all.push((name.span().start, read));
    }
    all
}

fn rule_of(name: &str, value: &DeValue<'_>) -> Result<CertificateRule, String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!("a name has 1 to {NAME_BYTES_MAX} bytes"));
    }
    let table = value.as_table().ok_or("roles are wanted, and pools")?;
    let (mut roles, mut pools) = (Vec::new(), Vec::new());
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "roles" => {
                for text in texts(value.get_ref())? {
                    roles.push(role(text)?);
                }
            }
            "pools" => {
                for text in texts(value.get_ref())? {
                    pools.push(PoolName::new(text).map_err(|error| error.to_string())?);
                }
            }
            other => return Err(format!("{}: no such key", near::key(other))),
        }
    }
    if roles.is_empty() {
        return Err("there is no role".to_owned());
    }
    Ok(CertificateRule { roles, pools })
}

fn texts<'a>(value: &'a DeValue<'_>) -> Result<Vec<&'a str>, String> {
    let wanted = || "a list of texts is wanted".to_owned();
    let list = value.as_array().ok_or_else(wanted)?.iter();
    list.map(|value| value.get_ref().as_str().ok_or_else(wanted))
        .collect()
}

fn role(text: &str) -> Result<Role, String> {
    match text {
        "producer" => Ok(Role::Producer),
        "node" => Ok(Role::Node),
        "admin" => Ok(Role::Admin),
        other => Err(format!(
            "{}: no such role; there are producer, node, admin",
            near::cut(other)
        )),
    }
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Producer => "producer",
        Role::Node => "node",
        Role::Admin => "admin",
    }
}

/// As a file explains them, and has them.
pub(super) fn text(certificates: &BTreeMap<String, CertificateRule>) -> String {
    if certificates.is_empty() {
        return EXPLAINED.to_owned();
    }
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let line = |(name, rule): (&String, &CertificateRule)| {
        let roles: Vec<String> = rule.roles.iter().map(|role| quoted(word(*role))).collect();
        let pools: Vec<String> = rule
            .pools
            .iter()
            .map(|pool| quoted(pool.as_str()))
            .collect();
        let (name, roles, pools) = (quoted(name), roles.join(", "), pools.join(", "));
        format!("{name} = {{ roles = [{roles}], pools = [{pools}] }}\n")
    };
    let lines: String = certificates.iter().map(line).collect();
    format!("{EXPLAINED}\n[{UNDER}.{NAMED}]\n{lines}")
}

/// For people.
pub(super) fn names(config: &HubConfig) -> String {
    let names: Vec<&str> = config.certificates.keys().map(String::as_str).collect();
    format!("[{}]", near::cut(&names.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::ConfigLayers;

    fn config(text: &str) -> Result<HubConfig, String> {
        let mut layers = ConfigLayers::default();
        layers.file_text(Path::new("hub.toml"), text);
        layers.build().map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_certificate_may_do_is_read_and_written() {
        let text = "[auth]\nrequired = true\n[auth.certificates]\n\
                    \"w1.example\" = { roles = [\"node\", \"producer\"], pools = [\"mail\"] }\n\
                    owner = { roles = [\"admin\"] }\n";
        let config = config(text).unwrap();
        assert!(config.auth.required);
        let rule = &config.certificates["w1.example"];
        assert_eq!(rule.roles, [Role::Node, Role::Producer]);
        assert_eq!(rule.pools, ["mail".parse().unwrap()]);
        assert_eq!(config.certificates["owner"].pools, []);
        assert_eq!(self::config(&config.annotated()), Ok(config));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (line, why) in [
            ("\"a\" = { roles = [\"king\"] }", "no such role"),
            ("\"a\" = { roles = [] }", "there is no role"),
            ("\"a\" = { pools = [\"mail\"] }", "there is no role"),
            ("\"a\" = { roles = \"node\" }", "a list of texts"),
            ("\"a\" = { roles = [1] }", "a list of texts"),
            ("\"a\" = { roles = [\"node\"], pools = [\"a b\"] }", "name"),
            ("\"a\" = { role = [\"node\"] }", "no such key"),
            ("\"\" = { roles = [\"node\"] }", "1 to 256 bytes"),
            ("\"a\" = 1", "roles are wanted"),
        ] {
            let told = config(&format!("[auth.certificates]\n{line}\n")).unwrap_err();
            assert!(
                told.contains("hub.toml:2") && told.contains(why),
                "{line}: {told}"
            );
        }
        let told = config("[auth]\ncertificates = 1\n").unwrap_err();
        assert!(
            told.contains("hub.toml:2") && told.contains("a section is wanted"),
            "{told}"
        );
    }

    #[test]
    fn they_hold_until_the_hub_is_restarted() {
        let one = config("[auth.certificates]\na = { roles = [\"node\"] }\n").unwrap();
        let other = config("").unwrap();
        let why = one.changes_to(&other).unwrap_err().to_string();
        assert!(
            why.contains("auth.certificates") && why.contains("restarted"),
            "{why}"
        );
        assert_eq!(one.changes_to(&one), Ok(vec![]));
    }
}
