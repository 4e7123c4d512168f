//! Cables between every process and the hub, and all that goes wrong with cables.

use std::{collections::BTreeMap, fmt, io, net::SocketAddr, time::Duration};

use crate::{
    cast::Cast,
    dice::Dice,
    error::ChaosError,
    nemesis::{Nemesis, Step, Who},
    proxy::{Blow, End, Mischief, Proxy, Tally, Way, Weather},
    stage::Stage,
};

/// A cable for each process.
#[derive(Debug)]
pub(crate) struct Network {
    cables: BTreeMap<Who, Proxy>,
    /// What passes is TLS.
    is_opaque: bool,
    dice: Dice,
}

/// Something happens to these cables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    whom: Vec<Who>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// To the connections that are open.
    Blow(Blow),
    /// To the hello of the next ones; those that are open are reset.
    BadGreeting(Mischief),
    /// For a while.
    Weather {
        way: Way,
        weather: Weather,
        lasts: Duration,
    },
}

impl Default for Network {
    fn default() -> Self {
        Self {
            cables: BTreeMap::new(),
            is_opaque: false,
            dice: Dice::new(0x006e_6574),
        }
    }
}

impl Kind {
    /// As it is counted.
    const fn name(self) -> &'static str {
        match self {
            Self::Blow(Blow::Cut) => "cut",
            Self::Blow(Blow::Reset) => "reset",
            Self::Blow(Blow::HalfOpen { .. }) => "half open",
            Self::Blow(Blow::Double { .. }) => "connected twice",
            Self::Blow(Blow::Spoil(_, Mischief::ResetInside)) => "reset in a frame",
            Self::Blow(Blow::Spoil(..)) | Self::BadGreeting(_) => "corrupt bytes",
            Self::Weather { way, weather, .. } => match (weather, way) {
                (Weather::Lost, Way::Both) => "partition",
                (Weather::Lost, Way::Up | Way::Down) => "one-way loss",
                (Weather::Late { .. }, _) => "delay",
                (Weather::Trickle { .. }, _) => "trickle",
                (Weather::Clear, _) => "calm",
            },
        }
    }

    /// Whether the hub tells the node that it speaks wrongly.
    fn blames_the_node(self) -> bool {
        match self {
            Self::BadGreeting(how) => how.wants_an_answer(),
            Self::Blow(Blow::Spoil(way, how)) => way != Way::Down && how.wants_an_answer(),
            Self::Blow(Blow::Cut | Blow::Reset | Blow::HalfOpen { .. } | Blow::Double { .. })
            | Self::Weather { .. } => false,
        }
    }

    /// What it is for a cable that sees no frames: bits flip wherever they are. A node whose first
    /// session ever does not come about may take it for a mistake of its owner's, and end.
    fn through_tls(self, at: Duration) -> Self {
        let flipped = match self {
            Self::Blow(Blow::Spoil(way, how)) if how.wants_an_answer() => {
                Self::Blow(Blow::Spoil(way, Mischief::FlipAny))
            }
            // Nobody connects a second time with what was only overheard.
            Self::Blow(Blow::Double { .. }) => Self::Blow(Blow::Spoil(Way::Up, Mischief::FlipAny)),
            Self::BadGreeting(_) => Self::BadGreeting(Mischief::FlipAny),
            Self::Blow(Blow::Cut | Blow::Reset | Blow::HalfOpen { .. } | Blow::Spoil(..))
            | Self::Weather { .. } => return self,
        };
        match at < Patience::FROM {
            true => Self::Blow(Blow::Reset),
            false => flipped,
        }
    }

    const fn lasts(self) -> Duration {
        match self {
            Self::Weather { lasts, .. } | Self::Blow(Blow::Double { lasts }) => lasts,
            Self::Blow(_) | Self::BadGreeting(_) => Duration::ZERO,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blow(blow) => write!(f, "{blow}"),
            Self::BadGreeting(how) => write!(f, "reset, and the next time {how}"),
            Self::Weather {
                way,
                weather,
                lasts,
            } => write!(f, "{weather}, {way}, for {lasts:?}"),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.whom.iter().map(ToString::to_string).collect();
        write!(f, "{}: {}", names.join(" "), self.kind)
    }
}

impl Nemesis for Network {
    type Act = Trouble;
    const NAME: &'static str = "network";
    const ENOUGH: Duration = Duration::from_secs(3);

    /// With somebody who answers when his leases are stale: bad cables make many of those.
    fn set(&mut self, cast: &mut Cast) {
        cast.holders = 1;
    }

    async fn link(&mut self, who: Who, hub: SocketAddr) -> io::Result<SocketAddr> {
        let cable = Proxy::to(hub, self.is_opaque, self.dice.fork()).await?;
        let address = cable.address();
        self.cables.insert(who, cable);
        Ok(address)
    }

    fn draw(&mut self, cast: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Trouble>> {
        self.dice = dice.fork();
        self.is_opaque = cast.speaks_tls;
        let all = cast.all_parts();
        let mut at = Duration::from_secs(1);
        let mut steps = Vec::new();
        let mut patience = Patience::default();
        while at < length {
            let mut kind = trouble(dice);
            if self.is_opaque {
                kind = kind.through_tls(at);
            }
            let whom = if dice.chance(600) {
                vec![dice.pick(&all)]
            } else {
                dice.some(&all)
            };
            if kind.blames_the_node() && !patience.bears(&whom, at) {
                kind = Kind::Blow(Blow::Reset);
            }
            let act = Trouble { whom, kind };
            steps.push(Step { at, act });
            at += kind.lasts() + dice.millis(100, 900);
        }
        steps
    }

    async fn act(&mut self, stage: &mut Stage, act: &Trouble) -> Result<(), ChaosError> {
        let Trouble { whom, kind } = act;
        for who in whom {
            stage.fault(kind.name(), who, &kind.to_string(), kind.lasts());
        }
        let cables = || whom.iter().filter_map(|who| self.cables.get(who));
        match *kind {
            Kind::Blow(blow) => cables().for_each(|cable| {
                cable.strike(blow);
            }),
            Kind::BadGreeting(how) => cables().for_each(|cable| {
                cable.spoil_next_greeting(how);
                cable.strike(Blow::Reset);
            }),
            Kind::Weather {
                way,
                weather,
                lasts,
            } => {
                cables().for_each(|cable| cable.set(way, weather));
                tokio::time::sleep(lasts).await;
                cables().for_each(Proxy::mend);
            }
        }
        Ok(())
    }

    /// Says what came of it; a hub that ends a session over spoilt bytes and does not say why has
    /// broken a promise.
    async fn relent(&mut self, stage: &mut Stage) -> Result<(), ChaosError> {
        self.cables.values().for_each(Proxy::mend);
        let tally = self.tally();
        stage.teller.say(summary(&tally));
        if tally.unanswered > 0 {
            let (count, told) = (tally.unanswered, tally.answered);
            let why = format!(
                "of the sessions with spoilt frames that it ended, {told} were told why and {count} \
                 were not"
            );
            return Err(ChaosError::failed("hear the hub's reasons", why));
        }
        Ok(())
    }
}

impl Network {
    fn tally(&self) -> Tally {
        let tallies = self.cables.values().map(Proxy::tally);
        tallies.fold(Tally::default(), Tally::plus)
    }
}

/// What nodes bear: one that is told that it speaks wrongly believes it at the third time in a
/// minute, or if it was never understood, and ends, as it should.
#[derive(Debug, Default)]
struct Patience(BTreeMap<Who, Vec<Duration>>);

impl Patience {
    /// Before that not everybody may have been understood.
    const FROM: Duration = Duration::from_secs(4);
    /// A spoilt frame may come late.
    const WITHIN: Duration = Duration::from_secs(120);
    const TIMES: usize = 2;

    /// Notes it if so.
    fn bears(&mut self, whom: &[Who], at: Duration) -> bool {
        let lately = |told: &&Duration| at < **told + Self::WITHIN;
        let bears = |who| {
            let told = self.0.get(who).map_or(&[][..], Vec::as_slice);
            told.iter().filter(lately).count() < Self::TIMES
        };
        if at < Self::FROM || !whom.iter().all(bears) {
            return false;
        }
        for who in whom {
            self.0.entry(*who).or_default().push(at);
        }
        true
    }
}

fn summary(tally: &Tally) -> String {
    let Tally {
        connections,
        struck,
        doubled,
        spoilt_up,
        spoilt_down,
        answered,
        unanswered,
        ..
    } = tally;
    let last = tally.refusals.last();
    let last = last.map_or_else(String::new, |of| format!("; the last: {}", of.reason));
    format!(
        "{connections} connections, {struck} struck, {doubled} made twice; {spoilt_up} frames to \
         the hub spoilt and {spoilt_down} from it; {answered} sessions told why they ended, \
         {unanswered} not{last}"
    )
}

/// One thing that goes wrong.
fn trouble(dice: &mut Dice) -> Kind {
    let way = |dice: &mut Dice| dice.pick(&[Way::Up, Way::Down]);
    match dice.below(24) {
        0..=2 => Kind::Blow(Blow::Cut),
        3..=5 => Kind::Blow(Blow::Reset),
        6..=8 => {
            let unaware = dice.pick(&[End::Node, End::Hub]);
            Kind::Blow(Blow::HalfOpen { unaware })
        }
        9..=10 => Kind::Blow(Blow::Double {
            lasts: dice.millis(0, 1_500),
        }),
        11..=13 => Kind::Blow(Blow::Spoil(way(dice), dice.pick(&Mischief::ALL))),
        14 => Kind::BadGreeting(dice.pick(&[
            Mischief::FlipMagic,
            Mischief::FlipKind,
            Mischief::FlipLength,
            Mischief::Insert,
        ])),
        15..=17 => while_it_lasts(Way::Both, Weather::Lost, dice.millis(200, 5_000)),
        18..=19 => while_it_lasts(way(dice), Weather::Lost, dice.millis(200, 5_000)),
        20..=21 => {
            let (by, jitter) = (dice.millis(0, 400), dice.millis(0, 600));
            while_it_lasts(
                Way::Both,
                Weather::Late { by, jitter },
                dice.millis(500, 3_000),
            )
        }
        _ => {
            let every = Duration::from_secs(1);
            while_it_lasts(
                way(dice),
                Weather::Trickle { every },
                dice.millis(2_000, 6_000),
            )
        }
    }
}

const fn while_it_lasts(way: Way, weather: Weather, lasts: Duration) -> Kind {
    Kind::Weather {
        way,
        weather,
        lasts,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_is_told_that_he_speaks_wrongly_more_often_than_he_bears() {
        let mut patience = Patience::default();
        let (one, other) = ([Who::Node(1)], [Who::Node(2), Who::Node(1)]);
        let mut bears = |whom: &[Who], at| patience.bears(whom, Duration::from_secs(at));
        assert!(!bears(&one, 3), "it may not have been understood yet");
        assert!(bears(&one, 4) && bears(&other, 5));
        assert!(!bears(&one, 6) && !bears(&other, 6));
        assert!(bears(&[Who::Node(2)], 6), "nobody else is");
        assert!(bears(&one, 124) && !bears(&one, 124));
    }

    #[test]
    fn through_tls_nothing_is_done_to_frames_and_bits_flip_all_the_same() {
        let mut cast = Cast::new(false);
        cast.speaks_tls = true;
        let mut flips = 0;
        for seed in 0..20 {
            let length = Duration::from_secs(60);
            let steps = Network::default().draw(&cast, &mut Dice::new(seed), length);
            for Step { at, act } in steps {
                assert!(!act.kind.blames_the_node(), "{act}");
                assert_ne!(act.kind.name(), "connected twice", "{act}");
                if act.to_string().contains("a bit flipped") {
                    assert!(at >= Patience::FROM, "{act}");
                    flips += 1;
                }
            }
        }
        assert!(flips > 20, "{flips}");
    }

    #[test]
    fn a_seed_draws_one_schedule_and_many_seeds_all_that_can_go_wrong() {
        let cast = Cast::new(false);
        let draw = |seed| {
            let length = Duration::from_secs(60);
            Network::default().draw(&cast, &mut Dice::new(seed), length)
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let steps: Vec<_> = (0..20).flat_map(draw).collect();
        let kinds: BTreeSet<_> = steps.iter().map(|step| step.act.kind.name()).collect();
        let expected = [
            "connected twice",
            "corrupt bytes",
            "cut",
            "delay",
            "half open",
            "one-way loss",
            "partition",
            "reset",
            "reset in a frame",
            "trickle",
        ];
        assert!(kinds.iter().eq(&expected), "{kinds:?}");
        let whom: BTreeSet<_> = steps.iter().flat_map(|step| &step.act.whom).collect();
        assert_eq!(whom.len(), cast.all_parts().len());
    }
}
