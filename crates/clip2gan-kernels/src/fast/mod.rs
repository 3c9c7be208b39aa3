//! The kernels: plain slices in, plain slices out, no tensors.
//!
//! A 3×3 convolution is a sum of nine matrix products, one per tap, over shifted views of one padded map. The map is
//! laid out once so that every shift is a constant offset ([`grid`], [`pack`]); the products run in registers
//! ([`multiply`] for outputs, [`correlate`] for weight gradients). Strides become phases: a stride-2 convolution reads
//! four half-size maps, a transposed one writes four ([`conv`]). With enough channels, 3×3 at stride 1 goes Winograd's way instead ([`winograd`]).
//!
//! Every sum is taken in an order that does not depend on the number of threads.

pub mod conv;
mod correlate;
pub mod fir;
mod grid;
pub mod maps;
mod multiply;
mod pack;
mod scratch;
mod winograd;

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
