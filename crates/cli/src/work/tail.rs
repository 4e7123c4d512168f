//! What is kept of a command's output.

/// The beginning of a stream, up to a bound, and whether there was more.
#[derive(Debug)]
pub(super) struct Head {
    bytes: Vec<u8>,
    bytes_max: usize,
    is_cut: bool,
}

impl Head {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            bytes_max,
            is_cut: false,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let room = self.bytes_max - self.bytes.len();
        let fits = piece.len().min(room);
        self.bytes.extend_from_slice(&piece[..fits]);
        self.is_cut |= fits < piece.len();
    }

    /// All of it, unless there was more.
    pub(super) fn whole(self) -> Option<Vec<u8>> {
        (!self.is_cut).then_some(self.bytes)
    }
}

/// The end of a stream.
#[derive(Debug)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Tail {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            bytes_max,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let piece = &piece[piece.len().saturating_sub(self.bytes_max)..];
        let kept = self.bytes_max - piece.len();
        self.bytes.drain(..self.bytes.len().saturating_sub(kept));
        self.bytes.extend_from_slice(piece);
    }

    /// As text of no more than the bound, without blanks around.
    pub(super) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim();
        let mut from = text.len().saturating_sub(self.bytes_max);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        text[from..].trim_start().into()
    }
}

#[cfg(test)]
mod tests;
