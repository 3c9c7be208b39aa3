//! Scaled dot-product attention of one head at a time (Vaswani et al. 2017, section 3.2.1): scores, softmax and the mixture of values
//! stay in the nearest caches, and queries, keys and values are read from their common matrix.

use rayon::prelude::*;

use super::instructions::{chosen, vectorised};
use super::nonlinear::exp;
use super::norm::sum;
use super::panels::{Product, Rows, tile};
use super::scratch::take;
use super::{SharedMut, to_write, unwritten, written};
use crate::Attention;

/// `qkv [batch·length, 3·width]`, queries, keys, values → `[batch·length, width]`.
pub fn attention(qkv: &[f32], width: usize, shape: Attention) -> Vec<f32> {
    let Attention {
        batch,
        heads,
        causal,
    } = shape;
    let (stride, head_width) = (3 * width, width / heads);
    let rows = qkv.len() / stride;
    let length = rows / batch;
    assert_eq!(
        qkv.len(),
        batch * length * stride,
        "whole texts of whole rows"
    );
    assert_eq!(head_width * heads, width, "whole heads");
    let instructions = chosen();
    let tile = tile(instructions);
    let (tile_rows, panel) = tile;
    let padded_length = length.next_multiple_of(tile_rows);
    let [key_panels, value_panels] = [length, head_width].map(|count| count.div_ceil(panel));
    let scale = (head_width as f32).powf(-0.5);
    let mut out = unwritten(rows * width);
    let shared = SharedMut(out.as_mut_ptr().cast());
    (0..batch * heads).into_par_iter().for_each(|task| {
        let (sample, head) = (task / heads, task % heads);
        let part = |index: usize| Rows {
            values: &qkv[sample * length * stride + index * width + head * head_width..],
            stride,
            count: length,
        };
        let [query, key, value] = [0, 1, 2].map(part);

        let mut panels = take(key_panels * panel * head_width);
        for (index, panels) in panels.chunks_exact_mut(panel * head_width).enumerate() {
            key.pack(index, head_width, to_write(panels), panel);
        }
        let mut scores = take(padded_length * key_panels * panel);
        instructions.dispatch(Product {
            rows: query,
            panels: &panels,
            depth: head_width,
            held: 0..key_panels,
            tile,
            add: false,
            sums: &mut scores,
        });

        for (row, scores) in scores
            .chunks_exact_mut(key_panels * panel)
            .take(length)
            .enumerate()
        {
            let seen = if causal { row + 1 } else { length };
            softmax(&mut scores[..length], seen, scale);
        }

        let mut panels = take(value_panels * panel * length);
        pack_columns(value, head_width, &mut panels, panel);
        let mut mixed = take(padded_length * value_panels * panel);
        instructions.dispatch(Product {
            rows: Rows {
                values: &scores,
                stride: key_panels * panel,
                count: length,
            },
            panels: &panels,
            depth: length,
            held: 0..value_panels,
            tile,
            add: false,
            sums: &mut mixed,
        });
        for (row, mixed) in mixed
            .chunks_exact(value_panels * panel)
            .take(length)
            .enumerate()
        {
            let at = (sample * length + row) * width + head * head_width;
            let mixed = &mixed[..head_width];
            // SAFETY: `out` outlives the loop, and a head's columns of a sample's rows belong to one task.
            unsafe {
                std::ptr::copy_nonoverlapping(mixed.as_ptr(), shared.get().add(at), head_width);
            }
        }
    });
    // SAFETY: the tasks cover all heads of all rows.
    unsafe { written(out) }
}

/// Panels of columns, `[panel][row][column of panel]`, columns past the last zero.
fn pack_columns(x: Rows, columns: usize, panels: &mut [f32], width: usize) {
    for (panel, out) in panels.chunks_exact_mut(x.count * width).enumerate() {
        let first = panel * width;
        let count = width.min(columns - first);
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let (held, past) = out.split_at_mut(count);
            held.copy_from_slice(&x.row(row, first + count)[first..]);
            past.fill(0.0);
        }
    }
}

vectorised! {
    /// `softmax(scale · scores)` of the first `seen` scores; zero for those after them.
    fn softmax<'a>(scores: &'a mut [f32], seen: usize, scale: f32) {
        let (seen, hidden) = scores.split_at_mut(seen);
        hidden.fill(0.0);
        let mut largest = [f32::NEG_INFINITY; 8];
        let (chunks, rest) = seen.as_chunks::<8>();
        for chunk in chunks {
            for (largest, &score) in largest.iter_mut().zip(chunk) {
                *largest = largest.max(score);
            }
        }
        let largest = largest.iter().chain(rest).fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        seen.iter_mut().for_each(|score| *score = exp((*score - largest) * scale));
        let share = 1.0 / sum(seen, |x| x);
        seen.iter_mut().for_each(|score| *score *= share);
    }
}
