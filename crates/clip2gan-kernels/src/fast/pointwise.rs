//! 1×1 convolution to few channels: the colours of a layer. The maps are read where they stand, once.

use rayon::prelude::*;

use super::conv::Weight;
use super::finish::Finish;
use super::instructions::vectorised;
use super::pack::Maps;
use super::scratch::take;
use super::{SharedMut, unwritten, written};

/// Pixels that one task works on, of every channel.
const BLOCK: usize = 1024;
/// Input channels that are added at a time.
const TOGETHER: usize = 4;

/// The weight, `[out][in]`.
pub struct Pointwise {
    values: Vec<f32>,
    out_channels: usize,
    in_channels: usize,
}

impl Pointwise {
    pub fn new(weight: Weight) -> Self {
        let [out_channels, in_channels] = weight.channels();
        let places = (0..out_channels).flat_map(|o| (0..in_channels).map(move |i| (o, i)));
        Self {
            values: places.map(|(o, i)| weight.at(o, i, 0, 0)).collect(),
            out_channels,
            in_channels,
        }
    }

    /// Convolves maps and finishes the result.
    pub fn convolve(&self, x: Maps, finish: Finish) -> Vec<f32> {
        let [images, channels, height, width] = x.shape;
        assert_eq!(channels, self.in_channels, "channels of the maps");
        let (size, outs) = (height * width, self.out_channels);
        let mut out = unwritten(images * outs * size);
        let shared = SharedMut(out.as_mut_ptr().cast());
        let blocks = size.div_ceil(BLOCK);
        (0..images * blocks).into_par_iter().for_each(|task| {
            let (image, start) = (task / blocks, task % blocks * BLOCK);
            let count = BLOCK.min(size - start);
            let mut sums = take(outs * count);
            sums.fill(0.0);
            add(self, x, image, start, &mut sums);
            for (o, sums) in sums.chunks_exact_mut(count).enumerate() {
                let plane = image * outs + o;
                finish.apply(plane, start, sums);
                // SAFETY: `out` outlives the loop, and each piece of a plane belongs to one task.
                unsafe {
                    let to = shared.get().add(plane * size + start);
                    std::ptr::copy_nonoverlapping(sums.as_ptr(), to, count);
                }
            }
        });
        // SAFETY: the tasks cover every plane of every image.
        unsafe { written(out) }
    }
}

vectorised! {
    /// Adds all input channels to the sums of a block, `[out][pixel]`.
    fn add<'a>(
        weight: &'a Pointwise,
        x: Maps<'a>,
        image: usize,
        start: usize,
        sums: &'a mut [f32],
    ) {
        let count = sums.len() / weight.out_channels;
        for first in (0..weight.in_channels).step_by(TOGETHER) {
            // Past the last channel, the first one again, with weight zero.
            let held = |i: usize| (first + i < weight.in_channels).then_some(first + i);
            let planes: [(&[f32], f32); TOGETHER] = std::array::from_fn(|i| {
                let (plane, scale) = x.plane(image, held(i).unwrap_or(0));
                (&plane[start..][..count], scale)
            });
            for (o, sums) in sums.chunks_exact_mut(count).enumerate() {
                let [a, b, c, d] = std::array::from_fn(|i| {
                    held(i).map_or(0.0, |at| {
                        weight.values[o * weight.in_channels + at] * planes[i].1
                    })
                });
                let [(p, _), (q, _), (r, _), (s, _)] = planes;
                for ((((sum, p), q), r), s) in sums.iter_mut().zip(p).zip(q).zip(r).zip(s) {
                    *sum += (a * p + b * q) + (c * r + d * s);
                }
            }
        }
    }
}
