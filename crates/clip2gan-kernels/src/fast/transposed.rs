//! Transposed 3×3 convolution of stride 2: every pixel by all nine taps, a matrix product, and the sums of what meets.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::conv::Kind;
use super::instructions::vectorised;
use super::pack::Maps;
use super::panels::turn;
use super::pointwise::{BLOCK, Matrix, gather};
use super::weight::Weight;
use super::{SharedMut, unwritten, written};

/// Output channels of a product: their taps are whole register tiles of six or of eight rows.
const TOGETHER: usize = 8;

/// A weight, `[out][tap][in]`.
pub struct Taps(Matrix);

impl Taps {
    pub fn new(weight: Weight) -> Self {
        let [outs, ins] = weight.channels();
        let mut values = unwritten(outs * 9 * ins);
        values
            .par_chunks_exact_mut(9 * ins)
            .enumerate()
            .for_each(|(o, values)| turn(weight.inputs(o), 9, values, ins));
        Self(Matrix {
            // SAFETY: each output channel's taps were written for each input channel.
            values: unsafe { written(values) },
            outs: outs * 9,
            ins,
        })
    }

    /// `[images, in, height, width]` → `[images, out, 2·height + 1, 2·width + 1]`.
    pub fn convolve(&self, x: Maps) -> Vec<f32> {
        let [images, channels, height, width] = x.shape;
        let Self(matrix) = self;
        assert_eq!(channels, matrix.ins, "channels of the maps");
        let outs = matrix.outs / 9;
        let [tall, wide] = [height, width].map(|size| Kind::Up.output_size(size));
        // Small maps together, large ones by some rows at a time.
        let together = (BLOCK / (height * width)).clamp(1, images);
        let rows = (BLOCK / width).clamp(1, height);
        let apart = (together * rows * width).next_multiple_of(BLOCK);
        let groups = outs.div_ceil(TOGETHER);
        let sets = images.div_ceil(together);
        // Few images: share out the channels as well.
        let shares = (2 * rayon::current_num_threads())
            .div_ceil(sets)
            .clamp(1, groups);
        let mut out = unwritten(images * outs * tall * wide);
        let shared = SharedMut(out.as_mut_ptr().cast());
        let zeros = vec![0.0; 3 * width];
        let nothing = Sent::new(&zeros, 0, width, width);
        (0..sets * shares).into_par_iter().for_each(|task| {
            let (image, share) = (task / shares * together, task % shares);
            let together = together.min(images - image);
            let held = groups * share / shares..groups * (share + 1) / shares;
            let mut carried = vec![0.0; outs * 3 * width];
            for row in (0..height).step_by(rows) {
                let rows = rows.min(height - row);
                let (start, count) = ((image * height + row) * width, together * rows * width);
                let block = gather(x, start, count, apart);
                for group in held.clone() {
                    let channels = group * TOGETHER..outs.min((group + 1) * TOGETHER);
                    let taps = 9 * channels.start..9 * channels.end;
                    let products = matrix.multiply(&block, apart, taps, count);
                    for (o, products) in channels.zip(products.chunks_exact(9 * apart)) {
                        for n in 0..together {
                            let piece = Piece {
                                products: &products[n * rows * width..],
                                apart,
                                width,
                                rows: row..row + rows,
                                nothing,
                            };
                            let plane = (image + n) * outs + o;
                            // SAFETY: `out` outlives the loop, and each plane belongs to one task.
                            let out = unsafe {
                                let out = shared.get().add(plane * tall * wide);
                                std::slice::from_raw_parts_mut(out.cast(), tall * wide)
                            };
                            piece.write(out, &mut carried[o * 3 * width..][..3 * width]);
                        }
                    }
                }
            }
        });
        // SAFETY: the tasks cover all rows of all planes.
        unsafe { written(out) }
    }
}

/// Some rows of one map by the taps of one output channel.
struct Piece<'a> {
    /// Lines of taps, `apart`.
    products: &'a [f32],
    apart: usize,
    width: usize,
    rows: Range<usize>,
    /// A row of zeros.
    nothing: Sent<'a>,
}

impl<'a> Piece<'a> {
    /// What the taps of the kernel's row `y` made of the piece's row `r`.
    fn sent(&self, y: usize, r: usize) -> Sent<'a> {
        let first = 3 * y * self.apart + r * self.width;
        Sent::new(self.products, first, self.apart, self.width)
    }

    /// Writes the rows of the output that are complete. `carried` holds what the last row of the piece before sends on, and is left with
    /// the same of this piece.
    fn write(&self, out: &mut [MaybeUninit<f32>], carried: &mut [f32]) {
        let Self { width, nothing, .. } = *self;
        let wide = 2 * width + 1;
        let count = self.rows.len();
        let pairs = &mut out[2 * self.rows.start * wide..];
        for (r, pair) in pairs.chunks_exact_mut(2 * wide).take(count).enumerate() {
            let before = match (r, self.rows.start) {
                (0, 0) => nothing,
                (0, _) => Sent::new(carried, 0, width, width),
                _ => self.sent(2, r - 1),
            };
            let (even, odd) = pair.split_at_mut(wide);
            meet(even, self.sent(0, r), before);
            meet(odd, self.sent(1, r), nothing);
        }
        let end = &mut out[2 * self.rows.end * wide..];
        if end.len() == wide {
            meet(end, nothing, self.sent(2, count - 1));
        }
        let last = 6 * self.apart + (count - 1) * width;
        for (x, carried) in carried.chunks_exact_mut(width).enumerate() {
            carried.copy_from_slice(&self.products[last + x * self.apart..][..width]);
        }
    }
}

/// What the three taps of a row of the kernel made of a row of pixels.
#[derive(Clone, Copy)]
struct Sent<'a> {
    /// For the even column of each pixel, and for the odd one.
    even: &'a [f32],
    odd: &'a [f32],
    /// For the even column after that: from the second number on.
    past: &'a [f32],
}

impl<'a> Sent<'a> {
    /// Of lines of `width` that start in `values` at `first` and, one after the other, `apart`.
    fn new(values: &'a [f32], first: usize, apart: usize, width: usize) -> Self {
        let line = |x: usize| &values[first + x * apart..][..width];
        Self {
            even: line(0),
            odd: line(1),
            past: &values[first + 2 * apart - 1..][..width + 1],
        }
    }
}

vectorised! {
    /// A row of the output, from the two rows of pixels that it meets.
    fn meet<'a>(to: &'a mut [MaybeUninit<f32>], a: Sent<'a>, b: Sent<'a>) {
        let width = to.len() / 2;
        let (pairs, last) = to.as_chunks_mut::<2>();
        last[0].write(a.past[width] + b.past[width]);
        let pixels = pairs.iter_mut().zip(a.even).zip(b.even).zip(a.odd).zip(b.odd);
        for (((((pair, a), b), e), f), (p, q)) in pixels.zip(a.past.iter().zip(b.past)) {
            *pair = [MaybeUninit::new((a + b) + (p + q)), MaybeUninit::new(e + f)];
        }
        // Nothing comes before the first pixel.
        pairs[0][0].write(a.even[0] + b.even[0]);
    }
}
