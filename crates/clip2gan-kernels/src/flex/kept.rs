//! Layers whose weights were made ready, kept for as long as the weights live.
//!
//! Drawing uses the same weights again and again, training uses them once or twice before they change; so a layer is kept only when
//! its weight is met a second time. A weight is known by its storage: burn writes into storage only while nobody else holds it,
//! and a weak reference to it, as is held here, makes it move to another place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use burn::tensor::{Bytes, Shape};

use super::Values;
use crate::Instructions;
use crate::fast::conv::Weight;
use crate::fast::instructions::limit;
use crate::fast::modulated::Layer;

/// Most bytes of weights whose layers are kept; ready layers take some times as much.
const MOST: usize = 256 << 20;

/// What a layer was made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    storage: usize,
    start: usize,
    weight: Shape,
    /// The bits of its filter's taps.
    taps: Option<[u32; 4]>,
    map: [usize; 2],
    most: Instructions,
}

struct Entry {
    storage: Weak<Bytes>,
    /// Nothing when the weight was met once.
    layer: Option<Arc<Layer>>,
    bytes: usize,
}

static KEPT: Mutex<Option<HashMap<Key, Entry>>> = Mutex::new(None);

/// The layer of a weight, for maps of this size.
pub fn layer(weight: &Values, taps: Option<[f32; 4]>, map: [usize; 2]) -> Arc<Layer> {
    let storage = weight.0.data_arc();
    let key = Key {
        storage: Arc::as_ptr(&storage) as usize,
        start: weight.0.layout().start_offset(),
        weight: weight.0.layout().shape().clone(),
        taps: taps.map(|taps| taps.map(f32::to_bits)),
        map,
        most: limit(),
    };
    let known = {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get_or_insert_default();
        match kept.get(&key) {
            Some(Entry {
                layer: Some(layer), ..
            }) => return layer.clone(),
            Some(_) => true,
            None => {
                kept.retain(|_, entry| entry.storage.strong_count() > 0);
                let entry = Entry {
                    storage: Arc::downgrade(&storage),
                    layer: None,
                    bytes: 0,
                };
                kept.insert(key.clone(), entry);
                false
            }
        }
    };
    let made = Arc::new(Layer::new(
        Weight::new(weight.slice(), weight.shape()),
        taps,
        map,
    ));
    if known {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get_or_insert_default();
        let bytes = size_of_val(weight.slice());
        let used: usize = kept.values().map(|entry| entry.bytes).sum();
        if let Some(entry) = kept.get_mut(&key).filter(|_| used + bytes <= MOST) {
            entry.layer = Some(made.clone());
            entry.bytes = bytes;
        }
    }
    made
}
