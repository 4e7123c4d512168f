//! Where a connection comes from, as far as connections are counted by it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What counts as one address. Of IPv6 that is a /64, for that is what one customer of a network is given: who
/// has one address of it has 2^64. Loopback is an address like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// This process: never counted by address, and never told to make way.
    Inside,
    V4(Ipv4Addr),
    /// The first four groups.
    V6([u16; 4]),
}

impl Origin {
    /// An IPv4 address that is written as an IPv6 one is itself.
    pub(crate) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => Self::V4(address),
                None => {
                    let [a, b, c, d, ..] = address.segments();
                    Self::V6([a, b, c, d])
                }
            },
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside => f.write_str("in-process"),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6([a, b, c, d]) => {
                write!(f, "{}/64", Ipv6Addr::new(*a, *b, *c, *d, 0, 0, 0, 0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(address: &str) -> String {
        let address = address.parse().unwrap_or_else(|_| panic!("{address}"));
        Origin::of(address).to_string()
    }

    #[test]
    fn an_address_of_version_six_counts_with_its_neighbours() {
        assert_eq!(shown("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(shown("2001:db8:1:2::"), "2001:db8:1:2::/64");
        assert_eq!(shown("2001:db8:1:3::"), "2001:db8:1:3::/64");
        assert_eq!(shown("::1"), "::/64");
    }

    #[test]
    fn an_address_of_version_four_is_one_however_it_is_written() {
        assert_eq!(shown("10.0.0.7"), "10.0.0.7");
        assert_eq!(shown("::ffff:10.0.0.7"), "10.0.0.7");
        assert_ne!(shown("10.0.0.7"), shown("10.0.0.8"));
    }
}
