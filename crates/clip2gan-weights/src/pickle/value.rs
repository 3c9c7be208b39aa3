//! What a pickle holds.

use super::Kind;

/// A value: a small one itself, or the place of a larger one in [`Pickle::objects`].
///
/// Text and bytes are borrowed from the file, so that a pickle never takes more memory than a multiple of its
/// instructions. Objects are named by place and not by pointer, so that a pickle may refer to itself without leaking,
/// and is dropped without recursion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits: little-endian, two's complement.
    Long(&'a [u8]),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Object(u32),
}

/// A value that has parts.
#[derive(Debug)]
pub(crate) enum Object<'a> {
    Tuple(Vec<Value<'a>>),
    List(Vec<Value<'a>>),
    Set(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    /// A class or function, named and never looked up.
    Class(Box<Class<'a>>),
    Call(Box<Call<'a>>),
    /// A reference to something outside the pickle, which for PyTorch is a storage.
    Persistent(Value<'a>),
}

/// The name of a class or function, and what this crate takes it for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Class<'a> {
    pub kind: Kind,
    pub module: &'a str,
    pub name: &'a str,
}

/// What a call would have made: what was called, with what, and the state given to the result.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub class: Class<'a>,
    pub arguments: Value<'a>,
    pub state: Option<Value<'a>>,
}

/// A pickle that was read.
#[derive(Debug)]
pub(crate) struct Pickle<'a> {
    pub objects: Vec<Object<'a>>,
    pub root: Value<'a>,
    /// How many bytes of the input the pickle took.
    pub length: usize,
}

impl<'a> Pickle<'a> {
    pub fn object(&self, value: Value<'a>) -> Option<&Object<'a>> {
        match value {
            Value::Object(place) => self.objects.get(place as usize),
            _ => None,
        }
    }

    /// The elements of a tuple, list, set or `torch.Size`.
    pub fn items(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        let inner = match self.call(value) {
            Some((class, arguments)) if class.kind == Kind::Same => *arguments.first()?,
            _ => value,
        };
        match self.object(inner)? {
            Object::Tuple(items) | Object::List(items) | Object::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a dictionary.
    pub fn entries(&self, value: Value<'a>) -> Option<&[(Value<'a>, Value<'a>)]> {
        match self.object(value)? {
            Object::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a name in a dictionary; as in Python, the last one given.
    pub fn get(&self, dict: Value<'a>, name: &str) -> Option<Value<'a>> {
        let entries = self.entries(dict)?;
        let found = entries.iter().rev();
        found
            .into_iter()
            .find(|(key, _)| *key == Value::Text(name))
            .map(|(_, value)| *value)
    }

    /// What was called, and its arguments.
    pub fn call(&self, value: Value<'a>) -> Option<(Class<'a>, &[Value<'a>])> {
        match self.object(value)? {
            Object::Call(call) => match self.object(call.arguments)? {
                Object::Tuple(arguments) => Some((call.class, arguments)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The state given to what a call made.
    pub fn state(&self, value: Value<'a>) -> Option<Value<'a>> {
        match self.object(value)? {
            Object::Call(call) => call.state,
            _ => None,
        }
    }
}

impl Value<'_> {
    /// A length, an offset or a number of elements.
    pub fn size(self) -> Option<usize> {
        match self {
            Value::Int(value) => usize::try_from(value).ok(),
            _ => None,
        }
    }

    /// What kind of value this is, for error messages.
    pub fn kind(self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Long(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::Object(_) => "an object",
        }
    }
}
