//! Where frames begin in what passes.

/// Bytes of a length.
pub(super) const HEAD: usize = 4;

/// Follows one way of a connection, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Of the length of the frame that is passing.
    head: Vec<u8>,
    /// Of its body, still to come.
    left: usize,
    /// There are none to be seen: each piece is taken for the beginning of one.
    is_opaque: bool,
}

impl Frames {
    /// Those of this protocol, or of TLS, which shows none.
    pub(super) fn of(is_opaque: bool) -> Self {
        Self {
            is_opaque,
            ..Self::default()
        }
    }

    /// What of this piece is still of the frame that is passing.
    pub(super) fn rest(&self, piece: &[u8]) -> usize {
        let mut ahead = Self {
            head: self.head.clone(),
            left: self.left,
            is_opaque: self.is_opaque,
        };
        let whole = piece.len();
        let mut at = 0;
        while at < whole && !ahead.is_between() {
            at += ahead.step(&piece[at..]);
        }
        at
    }

    /// It has passed.
    pub(super) fn pass(&mut self, piece: &[u8]) {
        if self.is_opaque {
            return;
        }
        let mut at = 0;
        while at < piece.len() {
            at += self.step(&piece[at..]);
        }
    }

    /// Whether the next byte is the first of a frame.
    pub(super) const fn is_between(&self) -> bool {
        self.head.is_empty() && self.left == 0
    }

    /// To the end of a head or of a body, or of the piece; how far that was.
    fn step(&mut self, piece: &[u8]) -> usize {
        if self.left > 0 {
            let taken = self.left.min(piece.len());
            self.left -= taken;
            return taken;
        }
        let taken = (HEAD - self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..taken]);
        if let [a, b, c, d] = self.head[..] {
            self.left = u32::from_be_bytes([a, b, c, d]) as usize;
            self.head.clear();
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: [u8; 13] = [0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 2, 9, 9];

    #[test]
    fn where_none_can_be_seen_each_piece_begins_one() {
        let mut frames = Frames::of(true);
        frames.pass(&TWO[..5]);
        assert_eq!(frames.rest(&TWO[5..]), 0);
    }

    #[test]
    fn frames_begin_where_they_do_however_they_are_cut() {
        for cut in 0..=TWO.len() {
            let mut frames = Frames::default();
            let (first, second) = TWO.split_at(cut);
            frames.pass(first);
            assert_eq!(frames.is_between(), [0, 7, 13].contains(&cut), "{cut}");
            let next = match cut {
                0 => 0,
                1..=7 => 7 - cut,
                _ => 13 - cut,
            };
            assert_eq!(frames.rest(second), next, "{cut}");
        }
    }
}
