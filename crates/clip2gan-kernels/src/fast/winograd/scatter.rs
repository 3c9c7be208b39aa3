//! From tiles of outputs back to maps.

use super::BLOCK;
use super::tiles::Tiles;
use crate::fast::SharedMut;
use crate::fast::finish::Finish;

/// How the weight's output channels make up maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One map each.
    Plain,
    /// Four channels are the pixels of one map of twice the height and width: those of even rows and columns, of even rows and
    /// odd columns, and so on.
    Doubled,
}

impl Layout {
    /// Channels whose pixels stand in turn in one row.
    pub fn interleaved(self) -> usize {
        match self {
            Self::Plain => 1,
            Self::Doubled => 2,
        }
    }
}

/// The maps that are written.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub out: SharedMut,
    pub tiles: Tiles,
    pub layout: Layout,
    /// Channels of the convolution.
    pub channels: usize,
    /// Height and width of its maps, before they are doubled.
    pub map: [usize; 2],
    pub finish: Option<Finish<'a>>,
}

impl Target<'_> {
    /// Writes `count` tiles from `start` on of channel `o` (or of it and the next one, whose pixels alternate with its own) to their
    /// places in the map; what stands over its edges is dropped. `pixels` `[channel][pixel of tile][BLOCK]`.
    ///
    /// # Safety
    /// `out` must be the whole of the maps, and nobody else may write these tiles.
    pub unsafe fn scatter(&self, pixels: &[f32], (start, count): (usize, usize), o: usize) {
        let [height, width] = self.map;
        for run in self.tiles.runs(start, count) {
            let (row, column) = (4 * run.row, 4 * run.column);
            let columns = (width - column).min(4 * run.count);
            for y in 0..(height - row).min(4) {
                let pixels = Row {
                    values: &pixels[4 * y * BLOCK + run.place..],
                    run: run.count,
                };
                // SAFETY: the caller's promise; whole tiles and the part of the last one are inside the map's row.
                unsafe { self.write(pixels, [run.image, o, row + y, column], columns) };
            }
        }
    }

    /// # Safety
    /// As [`scatter`](Self::scatter); `columns` pixels must lie in the map's row from `column` on.
    unsafe fn write(&self, pixels: Row, [image, o, row, column]: [usize; 4], columns: usize) {
        let [height, width] = self.map;
        let (plane, pixel, count) = match self.layout {
            Layout::Plain => (image * self.channels + o, row * width + column, columns),
            Layout::Doubled => (
                (image * self.channels + o) / 4,
                (2 * row + o % 4 / 2) * 2 * width + 2 * column,
                2 * columns,
            ),
        };
        let size = height * width * self.layout.interleaved() * self.layout.interleaved();
        // SAFETY: the caller's promise.
        let to = unsafe {
            std::slice::from_raw_parts_mut(self.out.get().add(plane * size + pixel), count)
        };
        match self.layout {
            Layout::Plain => pixels.alternate::<1, 4>(to),
            Layout::Doubled => pixels.alternate::<2, 8>(to),
        }
        if let Some(finish) = &self.finish {
            finish.apply(plane, pixel, to);
        }
    }
}

/// One row of pixels of a run of tiles.
struct Row<'a> {
    /// The row's first pixel of the first tile and all that follows it.
    values: &'a [f32],
    run: usize,
}

impl Row<'_> {
    /// Writes the pixels of `CHANNELS` channels in turn; a tile makes `LENGTH` of them.
    fn alternate<const CHANNELS: usize, const LENGTH: usize>(&self, to: &mut [f32]) {
        let values = |i: usize| {
            let (channel, x) = (i % CHANNELS, i / CHANNELS);
            &self.values[(16 * channel + x) * BLOCK..][..self.run]
        };
        let lines: [&[f32]; LENGTH] = std::array::from_fn(values);
        let (whole, last) = to.as_chunks_mut::<LENGTH>();
        for (tile, to) in whole.iter_mut().enumerate() {
            *to = std::array::from_fn(|i| lines[i][tile]);
        }
        for (to, line) in last.iter_mut().zip(lines) {
            *to = line[whole.len()];
        }
    }
}
