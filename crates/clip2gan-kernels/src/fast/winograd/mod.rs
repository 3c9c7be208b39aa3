//! 3×3 convolution at stride 1 by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray, arXiv 1509.09308).
//!
//! A tile of 4×4 outputs needs 6×6 inputs. Transformed, the convolution is 36 products of numbers instead of 144
//! multiplications, so over channels it is 36 small matrix products. A vector holds the same pixel of neighbouring tiles.

mod gradient;
mod scatter;
mod tiles;
mod transforms;
mod weights;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::fast::finish::Finish;
use crate::fast::pack::Maps;
use crate::fast::panels::{load, store};
use crate::fast::scratch::take;
use crate::fast::{SharedMut, unwritten, written};
pub use gradient::{gradient_pays, weight_gradient};
use scatter::Target;
use tiles::{Tiles, gather};
use transforms::{transform_input, transform_output};
pub use weights::Weights;

/// Numbers of a transformed tile.
const POINTS: usize = 36;

/// Tiles that one task works on: a multiple of every register tile's width.
const BLOCK: usize = 48;

/// Fewest tiles of a map for which the transforms pay: the kernels are transformed however small the maps are. The number of images has no
/// say, for a picture must not depend on those drawn with it.
const FEWEST_TILES: usize = 16;

/// Fewest channels on either side for which the transforms pay.
const FEWEST_CHANNELS: usize = 24;

/// Whether this way is the faster one.
pub fn pays([out_channels, in_channels]: [usize; 2], [height, width]: [usize; 2]) -> bool {
    let tiles = height.div_ceil(4) * width.div_ceil(4);
    in_channels.min(out_channels) >= FEWEST_CHANNELS && tiles >= FEWEST_TILES
}

/// Convolves with padding 1; each channel of the output has the input's size.
pub fn convolve(x: Maps, weights: &Weights, finish: Option<Finish>) -> Vec<f32> {
    let [images, channels, height, width] = x.shape;
    let outs = weights.out_channels;
    let tiles = Tiles {
        images,
        rows: height.div_ceil(4),
        columns: width.div_ceil(4),
    };
    let mut out = unwritten(images * outs * height * width);
    let target = Target {
        out: SharedMut(out.as_mut_ptr().cast()),
        tiles,
        channels: outs,
        map: [height, width],
        finish,
    };
    let blocks = tiles.len().div_ceil(BLOCK);
    // Few tiles (small maps, one image): share out the output channels as well.
    let shares = rayon::current_num_threads()
        .div_ceil(blocks)
        .clamp(1, weights.tiles());
    (0..blocks * shares).into_par_iter().for_each(|task| {
        let (block, share) = (task / shares, task % shares);
        let start = block * BLOCK;
        let count = BLOCK.min(tiles.len() - start);
        let row_tiles = weights.tiles() * share / shares..weights.tiles() * (share + 1) / shares;
        let first = row_tiles.start * weights.rows;
        let last = (row_tiles.end * weights.rows).min(outs);
        let mut inputs = take(POINTS * BLOCK);
        inputs.fill(0.0);
        let mut transformed = take(POINTS * channels * BLOCK);
        let mut products = take(POINTS * row_tiles.len() * weights.rows * BLOCK);
        let mut pixels = take((last - first) * 16 * BLOCK);
        weights.instructions.dispatch(Block {
            x,
            tiles,
            weights,
            row_tiles,
            start,
            count,
            inputs: &mut inputs,
            transformed: &mut transformed,
            products: &mut products,
            pixels: &mut pixels,
        });
        for (o, pixels) in (first..last).zip(pixels.chunks_exact(16 * BLOCK)) {
            // SAFETY: `out` outlives the loop, and each pixel belongs to one tile and one channel, so to one task.
            unsafe { target.scatter(pixels, (start, count), o) };
        }
    });
    // SAFETY: the tiles cover every map, and each was scattered for every channel.
    unsafe { written(out) }
}

/// One block of tiles, some tiles of output channels.
struct Block<'a> {
    x: Maps<'a>,
    tiles: Tiles,
    weights: &'a Weights,
    row_tiles: std::ops::Range<usize>,
    start: usize,
    /// Tiles that exist; a register tile may go past the last of them, up to the block's end.
    count: usize,
    /// `[pixel of tile][BLOCK]`, of one channel
    inputs: &'a mut [f32],
    /// `[point][in channel][BLOCK]`
    transformed: &'a mut [f32],
    /// `[point][out channel][BLOCK]`
    products: &'a mut [f32],
    /// `[out channel][pixel of tile][BLOCK]`
    pixels: &'a mut [f32],
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.x.shape[1];
        let outs = self.row_tiles.len() * self.weights.rows;
        assert_eq!(self.inputs.len(), POINTS * BLOCK);
        assert_eq!(self.transformed.len(), POINTS * channels * BLOCK);
        assert_eq!(self.products.len(), POINTS * outs * BLOCK);
        assert!(self.pixels.len() <= outs * 16 * BLOCK);
        // SAFETY: the assertions bound what each of the three steps touches.
        unsafe {
            self.transform_inputs(simd);
            match self.weights.rows {
                8 => self.multiply::<S, 8, 3>(simd),
                _ => self.multiply::<S, 6, 2>(simd),
            }
            self.transform_outputs(simd, outs);
        }
    }
}

/// `Bᵀ d B` of a vector of tiles, from lines `[36][BLOCK]` to points that are `apart`.
///
/// # Safety
/// A vector must be readable in every line and writable at every point.
#[inline(always)]
unsafe fn transform_tiles<S: Simd>(simd: S, from: *const f32, to: *mut f32, apart: usize) {
    let zero = simd.splat_f32s(0.0);
    // SAFETY: the caller's promise.
    unsafe {
        let mut half = [[zero; 6]; 6];
        for x in 0..6 {
            let column = std::array::from_fn(|y| load::<S>(from.add((6 * y + x) * BLOCK)));
            let column = transform_input(simd, column);
            for (row, value) in half.iter_mut().zip(column) {
                row[x] = value;
            }
        }
        for (y, row) in half.into_iter().enumerate() {
            for (x, value) in transform_input(simd, row).into_iter().enumerate() {
                store::<S>(to.add((6 * y + x) * apart), value);
            }
        }
    }
}

impl Block<'_> {
    /// Places that the products read.
    #[inline(always)]
    fn places<S: Simd>(&self) -> usize {
        let vectors = if self.weights.rows == 8 { 3 } else { 2 };
        self.count.next_multiple_of(vectors * S::F32_LANES)
    }

    /// # Safety
    /// `inputs` and `transformed` must have their full sizes.
    #[inline(always)]
    unsafe fn transform_inputs<S: Simd>(&mut self, simd: S) {
        let channels = self.x.shape[1];
        for i in 0..channels {
            gather(&self.x, i, self.tiles, self.start, self.count, self.inputs);
            for place in (0..self.places::<S>()).step_by(S::F32_LANES) {
                // SAFETY: the caller's promise.
                unsafe {
                    let from = self.inputs.as_ptr().add(place);
                    let to = self.transformed.as_mut_ptr().add(i * BLOCK + place);
                    transform_tiles(simd, from, to, channels * BLOCK);
                }
            }
        }
    }

    /// # Safety
    /// `transformed`, `products` and the weights must have their full sizes.
    #[inline(always)]
    unsafe fn multiply<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S) {
        let channels = self.x.shape[1];
        let outs = self.row_tiles.len() * ROWS;
        let size = self.weights.tiles() * channels * ROWS;
        for point in 0..POINTS {
            for (row, tile) in self.row_tiles.clone().enumerate() {
                for place in (0..self.count).step_by(VECTORS * S::F32_LANES) {
                    // SAFETY: the caller's promise.
                    unsafe {
                        let mut weight = self
                            .weights
                            .packed
                            .as_ptr()
                            .add(point * size + tile * channels * ROWS);
                        let mut input = self
                            .transformed
                            .as_ptr()
                            .add(point * channels * BLOCK + place);
                        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
                        for _ in 0..channels {
                            let mut x = [simd.splat_f32s(0.0); VECTORS];
                            for (v, x) in x.iter_mut().enumerate() {
                                *x = load::<S>(input.add(v * S::F32_LANES));
                            }
                            for (r, row) in sums.iter_mut().enumerate() {
                                let w = simd.splat_f32s(*weight.add(r));
                                for (sum, x) in row.iter_mut().zip(x) {
                                    *sum = simd.mul_add_e_f32s(w, x, *sum);
                                }
                            }
                            weight = weight.add(ROWS);
                            input = input.add(BLOCK);
                        }
                        let to = self
                            .products
                            .as_mut_ptr()
                            .add((point * outs + row * ROWS) * BLOCK + place);
                        for (r, row) in sums.into_iter().enumerate() {
                            for (v, sum) in row.into_iter().enumerate() {
                                store::<S>(to.add(r * BLOCK + v * S::F32_LANES), sum);
                            }
                        }
                    }
                }
            }
        }
    }

    /// # Safety
    /// `products` must have its full size, `pixels` at most as many channels.
    #[inline(always)]
    unsafe fn transform_outputs<S: Simd>(&mut self, simd: S, outs: usize) {
        let zero = simd.splat_f32s(0.0);
        for o in 0..self.pixels.len() / (16 * BLOCK) {
            for place in (0..self.count).step_by(S::F32_LANES) {
                // SAFETY: the caller's promise.
                unsafe {
                    let from = self.products.as_ptr().add(o * BLOCK + place);
                    let to = self.pixels.as_mut_ptr().add(o * 16 * BLOCK + place);
                    let mut half = [[zero; 6]; 4];
                    for x in 0..6 {
                        let mut column = [zero; 6];
                        for (y, value) in column.iter_mut().enumerate() {
                            *value = load::<S>(from.add((6 * y + x) * outs * BLOCK));
                        }
                        let column = transform_output(simd, column);
                        for (row, value) in half.iter_mut().zip(column) {
                            row[x] = value;
                        }
                    }
                    for (y, row) in half.into_iter().enumerate() {
                        for (x, value) in transform_output(simd, row).into_iter().enumerate() {
                            store::<S>(to.add((4 * y + x) * BLOCK), value);
                        }
                    }
                }
            }
        }
    }
}
