use super::*;

fn bounds(requests: Option<u64>, bytes: Option<u64>) -> HubConfig {
    let mut config = HubConfig::default();
    config.session.requests_per_second = requests;
    config.session.bytes_per_second = bytes;
    config
}

/// A throttle, and a clock that is moved by hand.
struct Stage {
    throttle: Throttle,
    now: Instant,
}

impl Stage {
    fn new(requests: Option<u64>, bytes: Option<u64>) -> Self {
        let now = Instant::now();
        let mut throttle = Throttle::new(&HubConfig::default(), None);
        throttle.follow(&bounds(requests, bytes), || now);
        Self { throttle, now }
    }

    /// Requests, one after the other, until that was all for now.
    fn requests(&mut self) -> usize {
        let now = self.now;
        let taken = (1..).take_while(|_| {
            let is_shut = self.throttle.shut_until(|| now).is_some();
            !is_shut && {
                self.throttle.took(true, 0, || now);
                true
            }
        });
        taken.count()
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn shut_for(&self) -> Duration {
        let until = self.throttle.shut_until(|| self.now);
        until.map_or(Duration::ZERO, |until| until - self.now)
    }
}

#[test]
fn without_a_rate_nothing_is_held_back_and_nobody_asks_for_the_time() {
    let mut stage = Stage::new(None, None);
    let asked = || -> Instant { panic!("the time was asked for") };
    assert!(!stage.throttle.took(true, u64::MAX, asked));
    assert_eq!(stage.throttle.shut_until(asked), None);
    stage.throttle.follow(&bounds(None, None), asked);
}

#[test]
fn a_new_session_has_saved_nothing_and_then_what_comes_in_a_second() {
    let mut stage = Stage::new(Some(10), None);
    assert_eq!(stage.requests(), 1);
    assert_eq!(stage.shut_for(), Duration::from_millis(100));
    stage.pass(99);
    assert_eq!(stage.requests(), 0);
    stage.pass(1);
    assert_eq!(stage.requests(), 1);
    stage.pass(500);
    assert_eq!(stage.requests(), 5);
    stage.pass(3_600_000);
    assert_eq!(stage.requests(), 10, "a second's worth is saved, no more");
}

#[test]
fn nothing_is_lost_by_rounding() {
    let mut stage = Stage::new(Some(7), None);
    let mut taken = 0;
    for _ in 0..100_000 {
        stage.pass(1);
        taken += stage.requests();
    }
    assert_eq!(taken, 700 + 1);
}

#[test]
fn what_was_read_is_paid_for_before_more_is_read() {
    let mut stage = Stage::new(None, Some(1000));
    let now = stage.now;
    assert!(stage.throttle.took(true, 5001, || now));
    assert_eq!(stage.shut_for(), Duration::from_millis(5001));
    stage.pass(5000);
    assert_eq!(stage.shut_for(), Duration::from_millis(1));
    stage.pass(1);
    assert_eq!(stage.shut_for(), Duration::ZERO);
}

#[test]
fn the_slower_of_the_two_counts_and_pings_are_no_requests() {
    let mut stage = Stage::new(Some(1), Some(1000));
    let now = stage.now;
    assert!(!stage.throttle.took(false, 0, || now));
    assert!(stage.throttle.took(true, 500, || now));
    assert_eq!(stage.shut_for(), Duration::from_secs(1));
    assert!(stage.throttle.took(false, 5000, || now));
    assert_eq!(stage.shut_for(), Duration::from_millis(5500));
}

#[test]
fn a_rate_that_its_owner_changes_holds_at_once() {
    let mut stage = Stage::new(Some(1), None);
    let now = stage.now;
    assert_eq!(stage.requests(), 1);
    stage.throttle.follow(&bounds(Some(1), None), || now);
    assert_eq!(stage.requests(), 0, "nothing has changed");
    stage.throttle.follow(&bounds(None, None), || now);
    assert_eq!(stage.shut_for(), Duration::ZERO);
    stage.throttle.follow(&bounds(Some(2), None), || now);
    assert_eq!(stage.requests(), 1);
    assert_eq!(stage.shut_for(), Duration::from_millis(500));
}

/// Sessions of one address, whose bounds these are.
fn neighbours(change: impl FnOnce(&mut HubSection), now: Instant) -> (Stage, Stage) {
    let mut config = HubConfig::default();
    change(&mut config.hub);
    let household = Arc::<Household>::default();
    let stage = || {
        let mut throttle = Throttle::new(&HubConfig::default(), Some(Arc::clone(&household)));
        throttle.follow(&config, || now);
        Stage { throttle, now }
    };
    (stage(), stage())
}

#[test]
fn what_one_session_of_an_address_says_the_others_cannot() {
    let now = Instant::now();
    let (mut one, mut two) = neighbours(|hub| hub.address_requests_per_second = Some(10), now);
    assert_eq!((one.requests(), two.requests()), (1, 0));
    assert_eq!(two.shut_for(), Duration::from_millis(100));
    one.pass(500);
    two.pass(500);
    assert_eq!((two.requests(), one.requests()), (5, 0));
    let (mut one, two) = neighbours(|hub| hub.address_bytes_per_second = Some(1000), now);
    assert!(one.throttle.took(true, 5001, || now));
    assert_eq!(two.shut_for(), Duration::from_millis(5001));
}

#[test]
fn one_who_comes_later_changes_nothing_for_the_others() {
    let now = Instant::now();
    let (mut one, two) = neighbours(|hub| hub.address_requests_per_second = Some(1), now);
    one.pass(10_000);
    assert_eq!(one.requests(), 1);
    let household = two.throttle.household.clone();
    let mut config = HubConfig::default();
    config.hub.address_requests_per_second = Some(1);
    let mut third = Throttle::new(&HubConfig::default(), household);
    third.follow(&config, || one.now);
    assert!(third.shut_until(|| one.now).is_some());
}

#[test]
fn the_slower_of_session_and_address_counts() {
    let now = Instant::now();
    let mut config = bounds(Some(1), None);
    config.hub.address_requests_per_second = Some(10);
    let mut throttle = Throttle::new(&HubConfig::default(), Some(Arc::default()));
    throttle.follow(&config, || now);
    let mut stage = Stage { throttle, now };
    assert_eq!(stage.requests(), 1);
    assert_eq!(stage.shut_for(), Duration::from_secs(1));
}
