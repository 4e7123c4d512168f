use std::net::{IpAddr, Ipv4Addr};

use futures_util::FutureExt as _;

use super::*;

const NOW: Duration = Duration::ZERO;

fn from(last: u8) -> Origin {
    Origin::of(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)))
}

fn bounds(sessions: usize, of_address: Option<usize>, handshakes: usize) -> HubSection {
    HubSection {
        sessions_max: sessions,
        sessions_per_address_max: of_address,
        handshakes_max: handshakes,
        ..HubSection::default()
    }
}

impl Arrivals {
    fn enters(&self, origin: Origin, bounds: &HubSection) -> Arrival {
        let arrival = self.come(origin, bounds, NOW).arrival;
        arrival.unwrap_or_else(|refusal| panic!("{origin}: {}", refusal.reason))
    }

    fn refuses(&self, origin: Origin, bounds: &HubSection) -> String {
        let arrival = self.come(origin, bounds, NOW).arrival;
        arrival.map(drop).expect_err("there is no room").reason
    }

    fn is_empty(&self) -> bool {
        self.with(|table| table.is_empty())
    }
}

/// What it was told if it had to make way.
fn told(arrival: &mut Arrival) -> Option<String> {
    let told = arrival.evicted().now_or_never();
    told.map(|refusal| refusal.reason)
}

#[test]
fn an_address_has_its_bound_which_frees_itself() {
    let (arrivals, bounds) = (Arrivals::default(), bounds(100, Some(2), 100));
    let (one, _two) = (
        arrivals.enters(from(1), &bounds),
        arrivals.enters(from(1), &bounds),
    );
    let reason = arrivals.refuses(from(1), &bounds);
    for part in ["at most 2", "hub.sessions_per_address_max", "10.0.0.1"] {
        assert!(reason.contains(part), "{reason}");
    }
    let _other = arrivals.enters(from(2), &bounds);
    drop(one);
    let _again = arrivals.enters(from(1), &bounds);
    arrivals.refuses(from(1), &bounds);
    let _inside: Vec<_> = (0..5)
        .map(|_| arrivals.enters(Origin::Inside, &bounds))
        .collect();
}

#[test]
fn the_oldest_silent_one_of_the_busiest_address_makes_way() {
    let (arrivals, bounds) = (Arrivals::default(), bounds(100, None, 4));
    let mut few: Vec<_> = (0..1).map(|_| arrivals.enters(from(1), &bounds)).collect();
    let mut many: Vec<_> = (0..3).map(|_| arrivals.enters(from(2), &bounds)).collect();
    let mut new = arrivals.enters(from(3), &bounds);
    let reason = told(&mut many[0]).expect("it makes way");
    for part in ["at most 4", "hub.handshakes_max", "10.0.0.2"] {
        assert!(reason.contains(part), "{reason}");
    }
    assert!(!many[0].greet(), "it is too late");
    assert!(many[1].greet(), "the next one says hello in time");
    assert!(new.greet());
    let mut rest = few.iter_mut().chain(&mut many[1..]).chain([&mut new]);
    assert!(rest.all(|arrival| told(arrival).is_none()));
}

#[test]
fn among_as_busy_ones_the_oldest_makes_way() {
    let (arrivals, bounds) = (Arrivals::default(), bounds(100, None, 3));
    let mut all: Vec<_> = (1..=3)
        .map(|last| arrivals.enters(from(last), &bounds))
        .collect();
    for at in 0..5 {
        let next = arrivals.enters(from(u8::try_from(10 + at).unwrap()), &bounds);
        all.push(next);
        assert!(told(&mut all[at]).is_some(), "{at}");
        assert!(told(&mut all[at + 1]).is_none(), "{at}");
    }
}

#[test]
fn a_silent_one_makes_way_where_the_hub_is_full_and_no_session_does() {
    let (arrivals, bounds) = (Arrivals::default(), bounds(2, None, 100));
    let mut session = arrivals.enters(from(1), &bounds);
    assert!(session.greet());
    let mut silent = arrivals.enters(from(2), &bounds);
    let mut next = arrivals.enters(from(3), &bounds);
    let reason = told(&mut silent).expect("it makes way");
    assert!(reason.contains("hub.sessions_max"), "{reason}");
    assert!(next.greet() && told(&mut session).is_none());
    let reason = arrivals.refuses(from(4), &bounds);
    for part in ["at most 2", "hub.sessions_max", "10.0.0.4"] {
        assert!(reason.contains(part), "{reason}");
    }
    drop(silent);
    arrivals.refuses(from(4), &bounds);
    drop(session);
    let _last = arrivals.enters(Origin::Inside, &bounds);
    arrivals.refuses(Origin::Inside, &bounds);
}

#[test]
fn who_came_first_is_not_driven_out_by_its_neighbours_at_once() {
    let (arrivals, bounds) = (Arrivals::default(), bounds(100, None, 2));
    let come = |ms| {
        let admission = arrivals.come(from(1), &bounds, Duration::from_millis(ms));
        admission.arrival.map_err(|refusal| refusal.reason)
    };
    let mut first = come(0).expect("there is room");
    let mut second = come(500).expect("there is room");
    let reason = come(999).map(drop).expect_err("the first has time yet");
    for part in ["at most 2", "hub.handshakes_max", "10.0.0.1"] {
        assert!(reason.contains(part), "{reason}");
    }
    let _third = come(1000).expect("the first had its time");
    assert!(told(&mut first).is_some());
    let _other = arrivals.enters(from(2), &bounds);
    assert!(told(&mut second).is_some(), "others need not wait");
}

#[test]
fn nothing_is_remembered_of_those_who_went() {
    let (arrivals, bounds) = (Arrivals::default(), bounds(50, Some(3), 10));
    let mut open = Vec::new();
    for last in 0..=255 {
        for _ in 0..4 {
            open.extend(arrivals.come(from(last), &bounds, NOW).arrival);
            if last % 3 == 0 {
                open.last_mut().map(Arrival::greet);
            }
        }
        open.extend(arrivals.come(Origin::Inside, &bounds, NOW).arrival);
        let left = usize::from(last % 7);
        open.drain(..open.len().min(left));
    }
    assert!(!arrivals.is_empty());
    drop(open);
    assert!(arrivals.is_empty());
}

#[test]
fn each_bound_is_said_once_in_a_burst() {
    let (arrivals, full) = (Arrivals::default(), bounds(100, Some(1), 1));
    let _one = arrivals.enters(from(1), &full);
    let notice = |bounds, seconds| {
        let admission = arrivals.come(from(1), bounds, Duration::from_secs(seconds));
        admission.notice.map(|notice| notice.unsaid)
    };
    assert_eq!(notice(&full, 0), Some(0));
    assert_eq!(notice(&full, 9), None);
    assert_eq!(notice(&full, 10), Some(1));
    let crowded = bounds(100, None, 1);
    assert_eq!(notice(&crowded, 10), Some(0), "of another bound");
}

#[test]
fn few_of_those_turned_away_are_heard_out_at_a_time() {
    let arrivals = Arrivals::default();
    let heard: Vec<_> = (0..LINGERING_MAX).map(|_| arrivals.linger()).collect();
    assert!(heard.iter().all(Option::is_some));
    assert!(arrivals.linger().is_none());
    drop(heard);
    assert!(arrivals.linger().is_some());
}
