//! The kernels: plain slices in, plain slices out, no tensors.
//!
//! All of it is matrix products in register tiles ([`panels`]). A 3×3 convolution sums, for each pixel, over the numbers that the pixel
//! sees ([`seen`]), which are read where they stand, at stride 2 as well ([`direct`]); the gradient of its weight sums over the pixels
//! ([`correlate`]). A transposed one multiplies each pixel by all taps and adds what meets ([`transposed`]), a 1×1 one is the product
//! itself ([`pointwise`]). With enough channels, 3×3 at stride 1 goes Winograd's way instead ([`winograd`]). [`conv`] chooses.
//! Where nothing is differentiated, a layer of StyleGAN2 with all that stands around its convolution is one kernel ([`modulated`]).
//!
//! Transformers need products with an epilogue ([`linear`], [`nonlinear`]), [`attention`] and layer normalisation ([`norm`]).
//!
//! Every sum is taken in an order that does not depend on the number of threads.

pub mod attention;
pub mod conv;
mod correlate;
mod direct;
pub mod finish;
pub mod fir;
mod grid;
pub mod instructions;
pub mod linear;
pub mod maps;
pub mod modulated;
pub mod nonlinear;
pub mod norm;
pub mod pack;
mod panels;
mod pointwise;
mod scratch;
mod seen;
mod transposed;
pub mod weight;
mod winograd;

use std::mem::{ManuallyDrop, MaybeUninit};

/// A buffer of `length` floats to be written before they are read: the allocator's old contents need no zeroing.
fn unwritten(length: usize) -> Vec<MaybeUninit<f32>> {
    let mut buffer = Vec::with_capacity(length);
    // SAFETY: the capacity is there, and `MaybeUninit` needs no initialisation.
    unsafe { buffer.set_len(length) };
    buffer
}

/// The buffer as numbers.
///
/// # Safety
/// Every place must have been written.
unsafe fn written(buffer: Vec<MaybeUninit<f32>>) -> Vec<f32> {
    let mut buffer = ManuallyDrop::new(buffer);
    let (start, length, capacity) = (buffer.as_mut_ptr(), buffer.len(), buffer.capacity());
    // SAFETY: the parts of a vector whose type has the same layout, not used again; the caller vouches for the contents.
    unsafe { Vec::from_raw_parts(start.cast(), length, capacity) }
}

/// Places to be written, of a buffer that was written before.
fn to_write(buffer: &mut [f32]) -> &mut [MaybeUninit<f32>] {
    let (start, length) = (buffer.as_mut_ptr(), buffer.len());
    // SAFETY: the same places with the same layout, and nobody here takes a value out of a place.
    unsafe { std::slice::from_raw_parts_mut(start.cast(), length) }
}

/// A pointer that several threads may write through, each to its own places.
#[derive(Clone, Copy)]
struct SharedMut(*mut f32);

// SAFETY: every user writes disjoint places of a buffer that outlives the parallel section.
unsafe impl Send for SharedMut {}
// SAFETY: as above.
unsafe impl Sync for SharedMut {}

impl SharedMut {
    /// The pointer itself; a method, so that closures capture the whole struct and not the bare pointer.
    fn get(self) -> *mut f32 {
        self.0
    }
}
