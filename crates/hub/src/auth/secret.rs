//! The text of a token, and what is kept of it.
//!
//! ```text
//! lh1.NAME.SECRET   SECRET is 32 bytes of the system's randomness as base64url: 43 characters
//! ```
//!
//! The name is public: a token is looked up by it. Of the secret only its SHA-256 is kept. A slow hash
//! with a salt, as passwords need one, would buy nothing: those stretch the little randomness that
//! people choose, and here are 256 bits of it, which nobody guesses however quickly he can try. Hashes
//! are compared in constant time, so that how long a refusal takes tells nothing of them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use leasehold_wire::Secret;
use rand::{TryRngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every token begins with; another form of it would begin with another.
const PREFIX: &str = "lh1.";

/// Bytes of a secret, and of its hash.
const BYTES: usize = 32;

/// A token as somebody shows it.
pub(super) struct Shown<'a> {
    pub(super) name: &'a str,
    pub(super) hash: Hash,
}

/// The hash of a secret, which is good for nothing but to know the secret again.
#[derive(Clone, Copy)]
pub(super) struct Hash([u8; BYTES]);

impl Hash {
    /// What no secret has.
    pub(super) const NONE: Self = Self([0; BYTES]);

    fn of(secret: &[u8; BYTES]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether they are the same, in a time that does not depend on where they differ.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// As it is kept.
    pub(super) fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// As it was kept.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}

/// A new secret: the token to show once, and the hash to keep.
pub(super) fn draw(name: &str) -> Result<(Secret, Hash), String> {
    let mut secret = [0; BYTES];
    let drawn = OsRng.try_fill_bytes(&mut secret);
    drawn.map_err(|error| format!("the system has no randomness: {error}"))?;
    let text = URL_SAFE_NO_PAD.encode(secret);
    Ok((
        Secret::new(format!("{PREFIX}{name}.{text}")),
        Hash::of(&secret),
    ))
}

/// The parts of a token; none if it is not one.
pub(super) fn parse(token: &Secret) -> Option<Shown<'_>> {
    let rest = token.reveal().strip_prefix(PREFIX)?;
    let (name, secret) = rest.rsplit_once('.')?;
    let secret: [u8; BYTES] = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
    let hash = Hash::of(&secret);
    Some(Shown { name, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again_and_no_other_is_taken_for_it() {
        let (token, kept) = draw("mail.producer-1").unwrap();
        let shown = parse(&token).unwrap();
        assert_eq!(shown.name, "mail.producer-1");
        assert!(shown.hash.is(&kept));
        let (other, _) = draw("mail.producer-1").unwrap();
        assert!(!parse(&other).unwrap().hash.is(&kept));
        let kept_text = kept.to_text();
        assert!(Hash::from_text(&kept_text).unwrap().is(&kept));
        assert!(!token.reveal().contains(&kept_text));
        assert_eq!(kept_text.len(), 43);
        assert_eq!(token.reveal().len(), "lh1.mail.producer-1.".len() + 43);
    }

    #[test]
    fn what_is_no_token_is_none() {
        let (token, _) = draw("a").unwrap();
        let cut = &token.reveal()[..token.reveal().len() - 1];
        let texts = ["", "lh1.", "lh1.a", "lh1.a.", "lh2.a.AAAA", cut];
        for text in texts {
            assert!(parse(&Secret::new(text.to_owned())).is_none(), "{text}");
        }
        assert!(Hash::from_text("AAAA").is_none());
    }

    #[test]
    fn neither_shows_in_debug_output() {
        let (token, kept) = draw("a").unwrap();
        let shown = format!("{token:?} {kept:?}");
        let (_, secret) = token.reveal().rsplit_once('.').unwrap();
        assert!(!shown.contains(secret) && !shown.contains(&kept.to_text()));
    }
}
