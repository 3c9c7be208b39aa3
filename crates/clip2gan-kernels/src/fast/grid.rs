//! Where the pixels of a batch stand on one line.

/// `images` maps of `height` × `width`, row after row, with one zero after each row and one zero row after each map.
///
/// A zero after a row also serves as the zero before the next, so a step of (dy, dx) with dy, dx in −1..=1 is the
/// constant offset `dy·row + dx`, and padding costs one column and one row instead of two.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    pub images: usize,
    pub height: usize,
    pub width: usize,
}

impl Grid {
    /// Distance between rows.
    pub fn row(self) -> usize {
        self.width + 1
    }

    /// Distance between images.
    pub fn image(self) -> usize {
        (self.height + 1) * self.row()
    }

    /// Number of places on the line, padding included.
    pub fn len(self) -> usize {
        self.images * self.image()
    }

    /// Zeros before the first pixel.
    pub fn lead(self) -> usize {
        self.row() + 1
    }

    /// Floats that one channel takes: lead, places, and the zeros after the last pixel.
    pub fn plane(self) -> usize {
        self.lead() + self.len() + self.row() + 1
    }
}
