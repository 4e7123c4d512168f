//! Network namespaces: a machine of its own for each process, as far as the kernel's network goes,
//! with a cable to this one. What is lost there is lost by the kernel, so TCP has its own time-outs
//! and repetitions, which no proxy has.
//!
//! What is lost is sent to an address that nobody has on that cable (`ip neigh`), which needs no
//! module of the kernel; loss of a part, delay and reordering need `netem`, which not all have.

use std::{
    fs, io,
    net::Ipv4Addr,
    process::{Command, Stdio},
};

use crate::proxy::Way;

/// Of all names that are made here: this, the process, a letter, a number.
const PREFIX: &str = "lhc";

/// Addresses are of 198.18.0.0/15, which is for benchmarks and is nobody's (RFC 2544); each run has a
/// 256th of one of its halves.
const NET: [u8; 2] = [198, 18];

/// The hardware address of nobody.
const NOBODY: &str = "02:00:00:00:00:01";

/// Some machines beside this one. Dropped, they are gone.
#[derive(Debug)]
pub(crate) struct Spaces {
    process: u32,
    third: u8,
    has_address: bool,
    count: usize,
    has_netem: bool,
}

/// What falls on a cable, in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rain {
    pub(crate) loss_percent: u64,
    pub(crate) delay_ms: u64,
    pub(crate) duplicate_percent: u64,
    pub(crate) reorder_percent: u64,
}

impl Spaces {
    /// So many, numbered from 1, or why this machine does not allow it.
    pub(crate) fn make(count: usize) -> Result<Self, String> {
        sweep();
        let process = std::process::id();
        let mut spaces = Self {
            process,
            third: u8::try_from(process % 256).unwrap_or(0),
            has_address: false,
            count: 0,
            has_netem: false,
        };
        let hub = spaces.hub().to_string();
        ip(&["addr", "add", &format!("{hub}/32"), "dev", "lo"])?;
        spaces.has_address = true;
        for number in 1..=count {
            spaces.count = number;
            spaces.add(number)?;
        }
        spaces.has_netem = spaces.rain(1, Some(Rain::LIGHT)).is_ok();
        if spaces.has_netem {
            spaces.rain(1, None)?;
        }
        Ok(spaces)
    }

    /// Where a hub on this machine is reached from all of them.
    pub(crate) const fn hub(&self) -> Ipv4Addr {
        Ipv4Addr::new(NET[0], NET[1], self.third, 1)
    }

    /// Whether packets can be lost in part, late, double or out of order.
    pub(crate) const fn has_netem(&self) -> bool {
        self.has_netem
    }

    /// What to put before a command that is to run there.
    pub(crate) fn before(&self, number: usize) -> Vec<String> {
        let space = self.space(number);
        ["ip", "netns", "exec", &space].map(str::to_owned).into()
    }

    /// Nothing passes this way any more, and nobody is told.
    pub(crate) fn lose(&self, number: usize, way: Way) -> Result<(), String> {
        self.aim(number, way, NOBODY, NOBODY)
    }

    /// All passes again.
    pub(crate) fn mend(&self, number: usize) -> Result<(), String> {
        let (here, there) = (mac(number, 1), mac(number, 2));
        self.aim(number, Way::Both, &here, &there)
    }

    /// Pulls the cable, which both ends can see, or puts it back.
    pub(crate) fn plug(&self, number: usize, is_in: bool) -> Result<(), String> {
        let state = if is_in { "up" } else { "down" };
        ip(&["link", "set", &self.end(number, 'h'), state])?;
        if is_in { self.mend(number) } else { Ok(()) }
    }

    /// Lets it rain on both ends of a cable, or stop.
    pub(crate) fn rain(&self, number: usize, rain: Option<Rain>) -> Result<(), String> {
        let (here, there) = (self.end(number, 'h'), self.end(number, 'n'));
        let space = self.space(number);
        let words: Vec<String> = match rain {
            None => vec!["del".into()],
            Some(rain) => rain.words(),
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (verb, rest) = words.split_first().unwrap_or((&"del", &[]));
        let of = |end| [&["qdisc", *verb, "dev", end, "root"][..], rest].concat();
        run("tc", &of(&here))?;
        let there = [&["netns", "exec", &space, "tc"][..], &of(&there)].concat();
        ip(&there)
    }

    fn aim(&self, number: usize, way: Way, up: &str, down: &str) -> Result<(), String> {
        let (here, there) = self.addresses(number);
        let (here, there) = (here.to_string(), there.to_string());
        if way != Way::Down {
            let space = self.space(number);
            let end = self.end(number, 'n');
            ip(&[&["-n", &space][..], &neighbour(&here, up, &end)].concat())?;
        }
        if way != Way::Up {
            let end = self.end(number, 'h');
            ip(&neighbour(&there, down, &end))?;
        }
        Ok(())
    }

    fn add(&self, number: usize) -> Result<(), String> {
        let (space, here, there) = (
            self.space(number),
            self.end(number, 'h'),
            self.end(number, 'n'),
        );
        let (at, from) = self.addresses(number);
        let (at, hub) = (at.to_string(), self.hub().to_string());
        ip(&["netns", "add", &space])?;
        let (mac_here, mac_there) = (mac(number, 1), mac(number, 2));
        let cable = ["link", "add", &here, "address", &mac_here, "type", "veth"];
        let other = [
            "peer", "name", &there, "address", &mac_there, "netns", &space,
        ];
        ip(&[&cable[..], &other].concat())?;
        ip(&["addr", "add", &format!("{at}/30"), "dev", &here])?;
        ip(&["link", "set", &here, "up"])?;
        let inside = |words: &[&str]| ip(&[&["-n", &space], words].concat());
        inside(&["link", "set", "lo", "up"])?;
        inside(&["addr", "add", &format!("{from}/30"), "dev", &there])?;
        inside(&["link", "set", &there, "up"])?;
        inside(&["route", "add", &hub, "via", &at])?;
        self.mend(number)
    }

    /// Of a cable: this machine's end, and the other.
    fn addresses(&self, number: usize) -> (Ipv4Addr, Ipv4Addr) {
        let base = u8::try_from(4 * number).unwrap_or(u8::MAX - 3);
        let of = |last| Ipv4Addr::new(NET[0], NET[1], self.third, last);
        (of(base + 1), of(base + 2))
    }

    fn space(&self, number: usize) -> String {
        self.end(number, 's')
    }

    fn end(&self, number: usize, letter: char) -> String {
        format!("{PREFIX}{}{letter}{number}", self.process)
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for number in 1..=self.count {
            // Its end of the cable goes with it, and so does the other.
            _ = ip(&["netns", "del", &self.space(number)]);
        }
        if self.has_address {
            _ = ip(&["addr", "del", &format!("{}/32", self.hub()), "dev", "lo"]);
        }
    }
}

impl Rain {
    const LIGHT: Self = Self {
        loss_percent: 1,
        delay_ms: 1,
        duplicate_percent: 1,
        reorder_percent: 1,
    };

    fn words(self) -> Vec<String> {
        let Self {
            loss_percent,
            delay_ms,
            duplicate_percent,
            reorder_percent,
        } = self;
        let text = format!(
            "replace netem delay {delay_ms}ms {}ms loss {loss_percent}% duplicate \
             {duplicate_percent}% reorder {reorder_percent}%",
            delay_ms / 2
        );
        text.split(' ').map(str::to_owned).collect()
    }
}

/// Who has this address on that cable.
const fn neighbour<'a>(address: &'a str, mac: &'a str, end: &'a str) -> [&'a str; 9] {
    [
        "neigh",
        "replace",
        address,
        "lladdr",
        mac,
        "dev",
        end,
        "nud",
        "permanent",
    ]
}

/// Of an end of a cable.
fn mac(number: usize, end: u8) -> String {
    format!("02:6c:68:00:{:02x}:{end:02x}", number % 256)
}

/// Takes away what runs left that were killed.
fn sweep() {
    let Ok(spaces) = fs::read_dir("/run/netns") else {
        return;
    };
    for space in spaces.flatten() {
        let name = space.file_name();
        let Some(process) = name.to_str().and_then(process_of) else {
            continue;
        };
        if !fs::exists(format!("/proc/{process}")).unwrap_or(true) {
            _ = ip(&["netns", "del", &name.to_string_lossy()]);
            let third = process % 256;
            let hub = format!("{}.{}.{third}.1/32", NET[0], NET[1]);
            _ = ip(&["addr", "del", &hub, "dev", "lo"]);
        }
    }
}

fn process_of(space: &str) -> Option<u32> {
    let (process, number) = space.strip_prefix(PREFIX)?.split_once('s')?;
    number.parse::<usize>().ok()?;
    process.parse().ok()
}

fn ip(words: &[&str]) -> Result<(), String> {
    run("ip", words)
}

/// What it says if it does not work.
fn run(program: &str, words: &[&str]) -> Result<(), String> {
    let command = || format!("{program} {}", words.join(" "));
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return format!("there is no `{program}` (iproute2)");
        }
        format!("{}: {error}", command())
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().next().unwrap_or("it failed");
    let hint = if line.contains("not permitted") || line.contains("ermission denied") {
        " (it takes root: CAP_NET_ADMIN and CAP_SYS_ADMIN)"
    } else {
        ""
    };
    Err(format!("{}: {line}{hint}", command()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_they_are_and_fit_the_kernel() {
        let spaces = Spaces {
            process: 4_194_304,
            third: 7,
            has_address: false,
            count: 0,
            has_netem: false,
        };
        assert!(spaces.end(99, 'h').len() <= 15);
        assert_eq!(process_of(&spaces.space(9)), Some(4_194_304));
        for other in ["lhc12h3", "lhcs1", "x12s3", "lhc12sx"] {
            assert_eq!(process_of(other), None, "{other}");
        }
        assert_eq!(spaces.hub().to_string(), "198.18.7.1");
        let (at, from) = spaces.addresses(2);
        assert_eq!(
            (at.to_string(), from.to_string()),
            ("198.18.7.9".into(), "198.18.7.10".into())
        );
    }
}
