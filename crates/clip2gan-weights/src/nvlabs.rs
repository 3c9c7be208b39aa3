//! Modules: NVlabs' persistent ones, PyTorch's containers, TorchScript's.
//!
//! NVlabs' `torch_utils.persistence` pickles an object as a dictionary: the source text of its class, the class's name,
//! and the object's state. The state is all that is read.

use serde_json::{Map, Value as Json};

use crate::fault::{Fault, Found};
use crate::outline::{Walk, joined};
use crate::pickle::{Kind, Object, Value};

/// The only version of the format that was ever in use.
const VERSION: Value<'_> = Value::Int(6);

/// What a module says about itself beside its arrays.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Module {
    /// The name of its class.
    pub class: String,
    /// The positional arguments it was made with: a list, or null where the format does not keep them.
    pub init_args: Json,
    /// The named arguments it was made with: an object, or null where the format does not keep them.
    pub init_kwargs: Json,
    /// Its other attributes.
    pub attributes: Map<String, Json>,
}

/// Takes a persistent object into the outline.
pub(crate) fn visit<'a>(walk: &mut Walk<'_, 'a>, key: &str, value: Value<'a>) -> Found<()> {
    let pickle = walk.pickle;
    let Some((_, [meta])) = pickle.call(value) else {
        return Fault::invalid(format!("the module `{key}` is not described"));
    };
    walk.count(pickle.entries(*meta).unwrap_or_default())?;
    let version = pickle.get(*meta, "version");
    if version != Some(VERSION) || pickle.get(*meta, "type") != Some(Value::Text("class")) {
        return Fault::invalid(format!(
            "the module `{key}` should be a class of version {VERSION:?}, but is of version {version:?}"
        ));
    }
    let (class, state) = (pickle.get(*meta, "class_name"), pickle.get(*meta, "state"));
    let (Some(Value::Text(class)), Some(state)) = (class, state) else {
        return Fault::invalid(format!(
            "the module `{key}` lacks its class's name or its state"
        ));
    };
    let class = class.chars().take(200).collect();
    visit_state(walk, key, class, state)
}

/// Takes the state of a module into the outline: parameters, buffers, submodules and attributes.
pub(crate) fn visit_state<'a>(
    walk: &mut Walk<'_, 'a>,
    key: &str,
    class: String,
    state: Value<'a>,
) -> Found<()> {
    let pickle = walk.pickle;
    let Some(entries) = pickle.entries(state) else {
        return Fault::invalid(format!("the state of module `{key}` is no dictionary"));
    };
    walk.count(entries)?;
    walk.count(class.as_bytes())?;
    let mut module = Module {
        class,
        ..Module::default()
    };
    for (name, value) in entries {
        let Value::Text(name) = *name else {
            return Fault::invalid(format!("module `{key}` has an attribute without a name"));
        };
        match name {
            "_parameters" | "_buffers" | "_modules" => {
                let parts = pickle.entries(*value).unwrap_or_default();
                walk.count(parts)?;
                for (name, part) in parts {
                    let Value::Text(name) = *name else {
                        return Fault::invalid(format!("module `{key}` has a part without a name"));
                    };
                    // A module may name a parameter that it does not have.
                    if *part != Value::None {
                        walk.visit(&joined(key, name)?, *part)?;
                    }
                }
            }
            "_init_args" => module.init_args = walk.json(*value)?,
            "_init_kwargs" => module.init_kwargs = walk.json(*value)?,
            // Hooks and other things of PyTorch's own.
            _ if name.starts_with('_') => {}
            // TorchScript keeps arrays and submodules among the attributes.
            _ if is_part(pickle.object(*value)) => walk.visit(&joined(key, name)?, *value)?,
            _ => {
                walk.count(name.as_bytes())?;
                let value = walk.json(*value)?;
                module.attributes.insert(joined("", name)?, value);
            }
        }
    }
    walk.outline.modules.insert(key.to_owned(), module);
    Ok(())
}

/// Whether an attribute is an array or a module.
fn is_part(object: Option<&Object<'_>>) -> bool {
    use Kind::{Module, NumpyArray, Parameter, Persistent, Tensor, TypedTensor};
    match object {
        Some(Object::Call(call)) => matches!(
            call.class.kind,
            Tensor | TypedTensor | Parameter | NumpyArray | Module | Persistent
        ),
        _ => false,
    }
}
