//! What a broken middlebox does to a frame.
//!
//! TCP has a checksum of sixteen bits, and a frame none of its own: what a middlebox changes inside a
//! payload arrives changed, and nobody can tell (TLS would). So all that is done here is done where
//! a frame says what it is, which either side must notice: to its length, to the kind of its
//! message, to the magic of a hello, or by bytes that are no frame at all. Where TLS passes, any bit
//! will do.

use std::fmt;

use super::frames::HEAD;
use crate::dice::Dice;

/// Kinds of messages are few; with this bit it is none that there will be soon.
const NO_KIND: u8 = 0x40;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mischief {
    /// A bit of the length: longer than any frame may be.
    FlipLength,
    /// A bit of the kind of the message: there is no such kind.
    FlipKind,
    /// A bit of the magic, in a hello.
    FlipMagic,
    /// A frame of noise before it.
    Insert,
    /// Only a part passes, and then the end of the connection.
    Truncate,
    /// Only a part passes, and then a reset.
    ResetInside,
    /// A bit of whatever passes, for a cable that TLS passes through.
    FlipAny,
}

/// What becomes of a piece that begins with a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spoilt {
    /// It passes, changed.
    Changed,
    /// What is left of it passes, and then the connection ends.
    Ended { by_reset: bool },
    /// There is too little of the frame in it.
    NotYet,
}

impl Mischief {
    /// All that a frame of an open session can suffer.
    pub(crate) const ALL: [Self; 5] = [
        Self::FlipLength,
        Self::FlipKind,
        Self::Insert,
        Self::Truncate,
        Self::ResetInside,
    ];

    /// Whether the other side must say that it noticed.
    pub(crate) const fn wants_an_answer(self) -> bool {
        match self {
            Self::FlipLength | Self::FlipKind | Self::FlipMagic | Self::Insert => true,
            // Who says in TLS why he hangs up says it where no cable hears it.
            Self::Truncate | Self::ResetInside | Self::FlipAny => false,
        }
    }

    /// Spoils the frame at the beginning of `piece`.
    pub(super) fn spoil(self, piece: &mut Vec<u8>, dice: &mut Dice) -> Spoilt {
        let [a, b, c, d, _, _, ..] = piece[..] else {
            return Spoilt::NotYet;
        };
        let body = u32::from_be_bytes([a, b, c, d]) as usize;
        match self {
            // From 64 MiB on: past what any hub takes.
            Self::FlipLength => piece[0] ^= 1 << (2 + draw(dice, 6)),
            Self::FlipKind => piece[HEAD] ^= NO_KIND,
            Self::FlipMagic => {
                let at = HEAD + 1 + draw(dice, 8);
                let Some(byte) = piece.get_mut(at) else {
                    return Spoilt::NotYet;
                };
                *byte ^= 1 << draw(dice, 8);
            }
            Self::FlipAny => {
                let at = draw(dice, piece.len());
                piece[at] ^= 1 << draw(dice, 8);
            }
            Self::Insert => {
                piece.splice(0..0, noise(dice));
            }
            Self::Truncate | Self::ResetInside => {
                let whole = (HEAD + body).min(piece.len());
                piece.truncate(1 + draw(dice, whole - 1));
                let by_reset = self == Self::ResetInside;
                return Spoilt::Ended { by_reset };
            }
        }
        Spoilt::Changed
    }
}

impl fmt::Display for Mischief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FlipLength => "a bit of a length flipped",
            Self::FlipKind => "a bit of a message's kind flipped",
            Self::FlipMagic => "a bit of a hello flipped",
            Self::Insert => "noise put in",
            Self::Truncate => "a frame cut short, and the end",
            Self::ResetInside => "a reset in the middle of a frame",
            Self::FlipAny => "a bit flipped, of whatever passes",
        })
    }
}

/// A frame that is no message.
fn noise(dice: &mut Dice) -> Vec<u8> {
    let body = 1 + draw(dice, 200);
    let byte = |dice: &mut Dice| u8::try_from(dice.below(256)).unwrap_or(0);
    let mut noise = vec![0, 0, 0, u8::try_from(body).unwrap_or(u8::MAX)];
    noise.extend((0..body).map(|_| byte(dice)));
    noise[HEAD] = NO_KIND | (noise[HEAD] & 0x3f);
    noise
}

fn draw(dice: &mut Dice, below: usize) -> usize {
    usize::try_from(dice.below(below as u64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use leasehold_node::{Incarnation, NodeName};
    use leasehold_wire::{FromNode, Hello, HubCodec, NodeCodec, negotiate};
    use tokio_util::codec::{Decoder, Encoder};

    use super::*;

    fn frames() -> Vec<u8> {
        let hello = Hello::new(NodeName::new("crane").unwrap(), Incarnation(7));
        let mut bytes = BytesMut::new();
        let mut codec = NodeCodec::new();
        codec.encode(FromNode::Hello(hello), &mut bytes).unwrap();
        codec.encode(FromNode::Ping, &mut bytes).unwrap();
        codec.encode(FromNode::Bye, &mut bytes).unwrap();
        bytes.to_vec()
    }

    /// Whether a hub would notice: a frame that is none, or a hello that is none.
    fn is_noticed(bytes: &[u8]) -> bool {
        let (mut codec, mut bytes) = (HubCodec::new(), BytesMut::from(bytes));
        loop {
            match codec.decode(&mut bytes) {
                Ok(Some(FromNode::Hello(hello))) if negotiate(&hello).is_err() => return true,
                Ok(Some(_)) => {}
                Ok(None) => return !bytes.is_empty(),
                Err(_) => return true,
            }
        }
    }

    #[test]
    fn all_that_is_spoilt_is_noticed() {
        assert!(!is_noticed(&frames()));
        for seed in 0..500 {
            let mut dice = Dice::new(seed);
            for how in Mischief::ALL.into_iter().chain([Mischief::FlipMagic]) {
                let mut piece = frames();
                let spoilt = how.spoil(&mut piece, &mut dice);
                assert_ne!(spoilt, Spoilt::NotYet);
                assert!(is_noticed(&piece), "{how}: {piece:?}");
                let ends = matches!(spoilt, Spoilt::Ended { .. });
                assert_eq!(ends, !how.wants_an_answer(), "{how}");
            }
        }
    }

    #[test]
    fn a_bit_of_whatever_passes_is_one_bit() {
        for seed in 0..500 {
            let mut piece = frames();
            let spoilt = Mischief::FlipAny.spoil(&mut piece, &mut Dice::new(seed));
            assert_eq!(spoilt, Spoilt::Changed);
            let both = piece.iter().zip(frames());
            let flipped: u32 = both.map(|(is, was)| (is ^ was).count_ones()).sum();
            assert_eq!((flipped, piece.len()), (1, frames().len()));
        }
    }

    #[test]
    fn what_is_cut_short_is_neither_nothing_nor_whole() {
        for seed in 0..500 {
            let mut piece = vec![0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 1, 9];
            let spoilt = Mischief::ResetInside.spoil(&mut piece, &mut Dice::new(seed));
            assert_eq!(spoilt, Spoilt::Ended { by_reset: true });
            assert!((1..7).contains(&piece.len()), "{piece:?}");
        }
    }
}
