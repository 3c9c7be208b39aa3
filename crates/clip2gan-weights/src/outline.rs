//! Walks over what a pickle holds, and names it by dotted keys.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::fault::{Fault, Found};
use crate::nvlabs;
use crate::pickle::{Kind, Object, Pickle, Value};
use crate::torch::numpy;
use crate::torch::tensor::{Tensors, View};
use crate::{Array, Module};

/// How deep dictionaries, lists and modules may be nested.
const DEPTH: usize = 64;
/// How long a key may be.
const KEY: usize = 1024;

/// The arrays of a file, not read yet, and everything else it says.
#[derive(Default)]
pub(crate) struct Outline<'a> {
    pub views: BTreeMap<String, View<'a>>,
    pub modules: BTreeMap<String, Module>,
    pub values: BTreeMap<String, Json>,
}

/// Names everything in a pickle that was read from `length` bytes.
pub(crate) fn outline<'a>(pickle: &Pickle<'a>, length: usize) -> Found<Outline<'a>> {
    let mut walk = Walk {
        pickle,
        tensors: Tensors::default(),
        outline: Outline::default(),
        path: Vec::new(),
        // A pickle can hold a list of lists of lists that are all the same one, and so say exponentially much.
        left: length
            .saturating_mul(8)
            .saturating_add(4 << 20)
            .min(256 << 20),
    };
    walk.visit("", pickle.root)?;
    Ok(walk.outline)
}

pub(crate) struct Walk<'p, 'a> {
    pub pickle: &'p Pickle<'a>,
    tensors: Tensors<'a>,
    pub outline: Outline<'a>,
    /// The objects around the one being visited.
    path: Vec<Value<'a>>,
    /// How many bytes the outline may still take.
    left: usize,
}

impl<'a> Walk<'_, 'a> {
    /// Takes a value and all its parts into the outline.
    pub fn visit(&mut self, key: &str, value: Value<'a>) -> Found<()> {
        self.spend(key.len())?;
        let view = self.tensors.view(self.pickle, value);
        if let Some(view) = view.map_err(|fault| fault.of_array(key))? {
            self.spend(16 * view.shape.len())?;
            let twice = self.outline.views.insert(key.to_owned(), view);
            return match twice {
                None => Ok(()),
                Some(_) => Fault::invalid(format!("array `{key}` is there twice")),
            };
        }
        let pickle = self.pickle;
        let Some(object) = pickle.object(value) else {
            return self.keep(key, value);
        };
        self.enter(key, value)?;
        match object {
            Object::Dict(entries) => self.visit_entries(key, entries)?,
            Object::Call(call) => match call.class.kind {
                Kind::Persistent => nvlabs::visit(self, key, value)?,
                Kind::Module => {
                    let name = call.class.name.to_owned();
                    if let Some(state) = pickle.state(value) {
                        nvlabs::visit_state(self, key, name, state)?;
                    }
                }
                Kind::Namespace => {
                    if let Some(entries) = pickle.state(value).and_then(|it| pickle.entries(it)) {
                        self.visit_entries(key, entries)?;
                    }
                }
                Kind::Same => match pickle.call(value) {
                    Some((_, [inner, ..])) => self.visit(key, *inner)?,
                    _ => self.keep(key, value)?,
                },
                _ => self.keep(key, value)?,
            },
            Object::Tuple(_) | Object::List(_) | Object::Set(_) => self.visit_items(key, value)?,
            Object::Class(_) | Object::Persistent(_) => self.keep(key, value)?,
        }
        self.path.pop();
        Ok(())
    }

    pub fn visit_entries(&mut self, key: &str, entries: &[(Value<'a>, Value<'a>)]) -> Found<()> {
        for (name, value) in entries {
            let inner = match name {
                Value::Text(name) => joined(key, name)?,
                Value::Int(number) => joined(key, &number.to_string())?,
                other => {
                    return Fault::invalid(format!(
                        "the dictionary `{key}` has {} as a key",
                        other.kind()
                    ));
                }
            };
            self.visit(&inner, *value)?;
        }
        Ok(())
    }

    /// Lists of plain values are kept as they are; others are walked.
    fn visit_items(&mut self, key: &str, value: Value<'a>) -> Found<()> {
        let pickle = self.pickle;
        let items = pickle.items(value).unwrap_or_default();
        if !items.iter().any(|item| matches!(item, Value::Object(_))) {
            return self.keep(key, value);
        }
        for (place, item) in items.iter().enumerate() {
            self.visit(&joined(key, &place.to_string())?, *item)?;
        }
        Ok(())
    }

    fn keep(&mut self, key: &str, value: Value<'a>) -> Found<()> {
        // It may be what is being visited, which then is not inside itself.
        let visited = self.path.pop_if(|inside| *inside == value);
        let json = self.json(value)?;
        self.path.extend(visited);
        match self.outline.values.insert(key.to_owned(), json) {
            None => Ok(()),
            Some(_) => Fault::invalid(format!("`{key}` is there twice")),
        }
    }

    /// A value as JSON. Arrays, modules and bytes are only mentioned.
    pub fn json(&mut self, value: Value<'a>) -> Found<Json> {
        let pickle = self.pickle;
        self.spend(0)?;
        let Some(object) = pickle.object(value) else {
            return Ok(match value {
                Value::Bool(value) => value.into(),
                Value::Int(value) => value.into(),
                Value::Float(value) => number(value),
                Value::Text(text) => {
                    self.spend(text.len())?;
                    text.into()
                }
                Value::Bytes(bytes) | Value::Long(bytes) => {
                    format!("<{} bytes>", bytes.len()).into()
                }
                Value::None | Value::Object(_) => Json::Null,
            });
        };
        self.enter("", value)?;
        let json = match object {
            Object::Dict(entries) => {
                let mut map = serde_json::Map::new();
                for (name, value) in entries {
                    let name = match self.json(*name)? {
                        Json::String(name) => name,
                        other => other.to_string(),
                    };
                    let value = self.json(*value)?;
                    map.insert(name, value);
                }
                map.into()
            }
            Object::Tuple(_) | Object::List(_) | Object::Set(_) => self.json_items(value)?,
            Object::Class(class) => {
                self.spend(class.module.len() + class.name.len())?;
                format!("{}.{}", class.module, class.name).into()
            }
            Object::Persistent(_) => "<storage>".into(),
            Object::Call(call) => match call.class.kind {
                Kind::Same => match pickle.call(value) {
                    Some((_, [inner, ..])) => self.json(*inner)?,
                    _ => Json::Array(Vec::new()),
                },
                Kind::Namespace => match pickle.state(value) {
                    Some(state) => self.json(state)?,
                    None => Json::Null,
                },
                Kind::NumpyScalar => match numpy::scalar(pickle, value) {
                    Some((dtype, data)) => {
                        let array = Array::new(dtype, Vec::new(), data).map_err(|_| {
                            Fault::Invalid("a NumPy number of a wrong length".to_owned())
                        })?;
                        if dtype.is_float() {
                            let wide = array.cast(crate::Dtype::F64);
                            let bytes = wide.data.first_chunk().copied().unwrap_or_default();
                            number(f64::from_le_bytes(bytes))
                        } else {
                            array.to_i64().first().copied().into()
                        }
                    }
                    None => return Fault::refused("a NumPy number of an unknown kind"),
                },
                Kind::Persistent | Kind::Module => "<module>".into(),
                Kind::Tensor | Kind::TypedTensor | Kind::Parameter | Kind::NumpyArray => {
                    "<array>".into()
                }
                _ => format!("<{}>", call.class.name.get(..KEY).unwrap_or("call")).into(),
            },
        };
        self.path.pop();
        Ok(json)
    }

    fn json_items(&mut self, value: Value<'a>) -> Found<Json> {
        let pickle = self.pickle;
        let items = pickle.items(value).unwrap_or_default();
        let list: Found<Vec<Json>> = items.iter().map(|item| self.json(*item)).collect();
        Ok(list?.into())
    }

    /// Goes into an object, unless it is inside itself or too deep.
    fn enter(&mut self, key: &str, value: Value<'a>) -> Found<()> {
        if self.path.contains(&value) {
            return Fault::refused(format!("an object that contains itself, at `{key}`"));
        }
        if self.path.len() >= DEPTH {
            return Fault::too_large(format!("more than {DEPTH} levels of nesting"));
        }
        self.path.push(value);
        Ok(())
    }

    /// Counts entries to look through, or the bytes of a name to keep.
    pub fn count<T>(&mut self, entries: &[T]) -> Found<()> {
        self.spend(entries.len())
    }

    /// Counts one part of the outline, and the text it takes.
    fn spend(&mut self, text: usize) -> Found<()> {
        match self.left.checked_sub(64 + text) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Fault::too_large("an outline of more names and values than it holds"),
        }
    }
}

/// JSON has no infinities; they are kept as text.
fn number(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Json::Number)
}

/// The key of a part.
pub(crate) fn joined(key: &str, name: &str) -> Found<String> {
    if key.len() + name.len() >= KEY {
        return Fault::too_large(format!(
            "a key of {} bytes, where {KEY} are the most",
            key.len() + name.len() + 1
        ));
    }
    Ok(match key {
        "" => name.to_owned(),
        key => format!("{key}.{name}"),
    })
}
