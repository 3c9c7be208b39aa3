//! What was made ready of weights, kept for as long as the weights live.
//!
//! Inference uses the same weights again and again, training uses them once or twice before they change; so a thing is kept only when
//! its weight is met a second time. A weight is known by its storage: burn writes into storage only while nobody else holds it,
//! and a weak reference to it, as is held here, makes it move to another place.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use burn::tensor::{Bytes, Shape};

use super::Values;
use crate::Instructions;
use crate::fast::instructions::limit;
use crate::fast::linear::Weight;
use crate::fast::modulated::Layer;

/// The layers of StyleGAN2, by the bits of their filter's taps and the size of their maps; ready ones take some times as much as
/// their weights.
pub static LAYERS: Kept<(Option<[u32; 4]>, [usize; 2]), Layer> = Kept::new(256 << 20);

/// The transformers' weights.
pub static WEIGHTS: Kept<(), Weight> = Kept::new(1 << 30);

/// What was made of weights.
pub struct Kept<K, T> {
    entries: LazyLock<Mutex<HashMap<Key<K>, Entry<T>>>>,
    /// Bytes of weights, at most, of which anything is kept.
    most: usize,
}

/// What a thing was made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key<K> {
    storage: usize,
    start: usize,
    weight: Shape,
    most: Instructions,
    further: K,
}

struct Entry<T> {
    storage: Weak<Bytes>,
    /// Nothing when the weight was met once.
    made: Option<Arc<T>>,
    bytes: usize,
}

impl<K: Clone + Eq + Hash, T> Kept<K, T> {
    const fn new(most: usize) -> Self {
        Self {
            entries: LazyLock::new(|| Mutex::new(HashMap::new())),
            most,
        }
    }

    /// What `make` makes of a weight and of what `further` tells.
    pub fn get(&self, weight: &Values, further: K, make: impl FnOnce() -> T) -> Arc<T> {
        let storage = weight.0.data_arc();
        let key = Key {
            storage: Arc::as_ptr(&storage) as usize,
            start: weight.0.layout().start_offset(),
            weight: weight.0.layout().shape().clone(),
            most: limit(),
            further,
        };
        let lock = || self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let known = {
            let mut entries = lock();
            match entries.get(&key) {
                Some(Entry {
                    made: Some(made), ..
                }) => return made.clone(),
                Some(_) => true,
                None => {
                    entries.retain(|_, entry| entry.storage.strong_count() > 0);
                    let entry = Entry {
                        storage: Arc::downgrade(&storage),
                        made: None,
                        bytes: 0,
                    };
                    entries.insert(key.clone(), entry);
                    false
                }
            }
        };
        let made = Arc::new(make());
        if known {
            let mut entries = lock();
            let bytes = size_of_val(weight.slice());
            let used: usize = entries.values().map(|entry| entry.bytes).sum();
            if let Some(entry) = entries.get_mut(&key).filter(|_| used + bytes <= self.most) {
                entry.made = Some(made.clone());
                entry.bytes = bytes;
            }
        }
        made
    }
}
