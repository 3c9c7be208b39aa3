//! Hand-written backward passes.

mod clip;
mod stylegan;
