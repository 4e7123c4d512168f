//! A configuration as a file that explains itself.

use leasehold_core::{PoolName, PoolSettings};

use super::{
    HubConfig, certificates,
    knob::{Knob, Section},
    place::Heading,
    pool, sections,
};

/// Columns of a line of text.
const WIDTH: usize = 96;

const PREFACE: &str = "\
# The configuration of a Leasehold hub. Every knob is here with its default, so that an empty file
# means the same as this one; keep of it what you change.
#
# A variable of the environment wins over this file, a flag of the command over both. Each knob
# names its variable. What is unknown, or out of bounds, keeps the hub from starting; all of it is
# reported at once.
#
# A duration is a number with a unit (ms, s, m, h, d), a size one with B, KiB, MiB, GiB or TiB.
";

const NAMED_POOLS: &str = "\
# A pool of its own policy: any key of [pool_defaults], for this pool alone. The rest it has from
# [pool_defaults]. A name is of letters, digits and \"._-\"; one with a dot stands in quotes, as in
# [pool.\"mail.urgent\"].
#
# [pool.mail]
# lease = \"5m\"
# attempts_max = 20
";

/// The whole file.
pub(super) fn text(config: &HubConfig) -> String {
    let fixed = sections::ALL.iter().map(|section| {
        let heading = Heading::Hub(section);
        let text = described(section, &heading, config, &HubConfig::default());
        if section.name == certificates::UNDER {
            return text + &certificates::text(&config.certificates);
        }
        text
    });
    let pools = &config.pool_defaults;
    let defaults = described(
        &pool::SECTION,
        &Heading::PoolDefaults,
        pools,
        &PoolSettings::default(),
    );
    let named = config
        .pool
        .iter()
        .map(|(name, settings)| overridden(name, settings, pools));
    let parts = [PREFACE.to_owned()].into_iter().chain(fixed);
    let parts: Vec<_> = parts
        .chain([defaults, NAMED_POOLS.to_owned()])
        .chain(named)
        .collect();
    parts.join("\n")
}

fn described<T>(section: &Section<T>, heading: &Heading, held: &T, defaults: &T) -> String {
    let entry = |knob: &Knob<T>| {
        let facts = format!(
            "Default {}; {}. {}",
            knob.slot.literal(defaults),
            knob.slot.allowed(),
            heading.variable(knob.key)
        );
        let assignment = format!("{} = {}", knob.key, knob.slot.literal(held));
        format!("\n{}{}{assignment}\n", comment(knob.doc), comment(&facts))
    };
    let entries: String = section.knobs.iter().map(entry).collect();
    format!("{}[{}]\n{entries}", comment(section.doc), section.name)
}

/// What a named pool has otherwise than the defaults.
fn overridden(name: &PoolName, settings: &PoolSettings, defaults: &PoolSettings) -> String {
    let differs =
        |knob: &&Knob<PoolSettings>| knob.slot.literal(settings) != knob.slot.literal(defaults);
    let assignment =
        |knob: &Knob<PoolSettings>| format!("{} = {}\n", knob.key, knob.slot.literal(settings));
    let assignments: String = pool::SECTION
        .knobs
        .iter()
        .filter(differs)
        .map(assignment)
        .collect();
    format!("[{}]\n{assignments}", pool::section_of(name))
}

/// `text` as lines of comment.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        if width == 0 || width + 1 + word.len() > WIDTH {
            lines.push_str(if width == 0 { "#" } else { "\n#" });
            width = 1;
        }
        lines.push(' ');
        lines.push_str(word);
        width += 1 + word.len();
    }
    lines + "\n"
}
