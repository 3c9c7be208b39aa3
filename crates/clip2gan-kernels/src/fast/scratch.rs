//! Reused buffers: a fresh allocation of some megabytes costs as much in page faults as the kernel that fills it.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers that nobody uses now.
static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// How many buffers are kept at most, and how many floats they hold together.
const KEPT: usize = 64;
const HELD: usize = 32 << 20;

/// A buffer of exactly the length asked for, with arbitrary contents; goes back to the pool when dropped.
pub struct Scratch {
    buffer: Vec<f32>,
    length: usize,
}

/// Takes the smallest pooled buffer that fits, or a new one.
pub fn take(length: usize) -> Scratch {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let fitting = free
        .iter()
        .enumerate()
        .filter(|(_, buffer)| buffer.len() >= length && buffer.len() <= 4 * length + 4096)
        .min_by_key(|(_, buffer)| buffer.len())
        .map(|(index, _)| index);
    let buffer = match fitting {
        Some(index) => free.swap_remove(index),
        None => {
            drop(free);
            vec![0.0; length]
        }
    };
    Scratch { buffer, length }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[..self.length]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[..self.length]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(buffer);
        // The oldest go: sizes change with the network, and what was used last will be used again.
        let held = |free: &[Vec<f32>]| free.iter().map(Vec::len).sum::<usize>();
        while free.len() > KEPT || held(&free) > HELD {
            free.remove(0);
        }
    }
}
