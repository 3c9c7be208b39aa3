//! The machine that runs a pickle's instructions, the harmless ones.

use super::Kind;
use super::allowed;
use super::opcodes::{Op, Reader};
use super::value::{Call, Class, Object, Pickle, Value};
use crate::fault::{Fault, Found};

/// How many instructions a pickle may have.
///
/// The pickles of large networks have a hundred thousand, those of large networks in training a few times as many.
const INSTRUCTIONS: usize = 1 << 20;
/// How many values the stack may hold. Picklers take them from it by the thousand.
const HEIGHT: usize = 1 << 16;

/// Reads the pickle that `bytes` begins with.
pub(crate) fn load(bytes: &[u8]) -> Found<Pickle<'_>> {
    let mut machine = Machine {
        objects: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        copied: 0,
        // An instruction of one byte may make an object of dozens; no pickler's output consists of such.
        most: 4096 + bytes.len() / 4,
    };
    // The empty tuple, of which every tensor has several, is always the first object.
    machine.objects.push(Object::Tuple(Vec::new()));
    let mut reader = Reader::new(bytes);
    for count in 0..INSTRUCTIONS {
        let at = reader.place;
        let op = reader.next()?;
        if op == Op::Stop {
            let root = machine.pop(at)?;
            return Ok(Pickle {
                objects: machine.objects,
                root,
                length: reader.place,
            });
        }
        machine.run(op, at, count)?;
    }
    Fault::too_large(format!("a pickle of more than {INSTRUCTIONS} instructions"))
}

/// The place of the empty tuple.
const EMPTY: Value<'_> = Value::Object(0);

struct Machine<'a> {
    objects: Vec<Object<'a>>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Option<Value<'a>>>,
    /// How many entries of dictionaries were copied from others.
    copied: usize,
    /// How many objects there may be, and how many may be remembered.
    most: usize,
}

impl<'a> Machine<'a> {
    fn run(&mut self, op: Op<'a>, at: usize, count: usize) -> Found<()> {
        match op {
            Op::Nothing | Op::Stop => {}
            Op::Push(value) => self.push(value)?,
            Op::Mark => {
                if self.marks.len() >= HEIGHT {
                    return Fault::too_large(format!("more than {HEIGHT} marks"));
                }
                self.marks.push(self.stack.len());
            }
            Op::Pop => {
                // Popping right above a mark takes the mark, as in Python.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop(at)?;
                }
            }
            Op::PopMark => drop(self.since_mark(at)?),
            Op::Duplicate => {
                let top = self.top(at)?;
                self.push(top)?;
            }
            Op::EmptyList => self.make(Object::List(Vec::new()))?,
            Op::EmptyTuple => self.push(EMPTY)?,
            Op::EmptyDict => self.make(Object::Dict(Vec::new()))?,
            Op::EmptySet => self.make(Object::Set(Vec::new()))?,
            Op::TupleOf(length) => {
                let start = self.floor() + length;
                if self.stack.len() < start {
                    return underflow(at);
                }
                let items = self.stack.split_off(self.stack.len() - length);
                self.make(Object::Tuple(items))?;
            }
            Op::Tuple => {
                let items = self.since_mark(at)?;
                self.make(Object::Tuple(items))?;
            }
            Op::List => {
                let items = self.since_mark(at)?;
                self.make(Object::List(items))?;
            }
            Op::FrozenSet => {
                let items = self.since_mark(at)?;
                self.make(Object::Set(items))?;
            }
            Op::Dict => {
                let entries = pairs(&self.since_mark(at)?, at)?;
                self.make(Object::Dict(entries))?;
            }
            Op::Append => {
                let item = self.pop(at)?;
                self.extend(&[item], at)?;
            }
            Op::Appends | Op::AddItems => {
                let items = self.since_mark(at)?;
                self.extend(&items, at)?;
            }
            Op::SetItem => {
                let value = self.pop(at)?;
                let key = self.pop(at)?;
                self.insert(&[(key, value)], at)?;
            }
            Op::SetItems => {
                let entries = pairs(&self.since_mark(at)?, at)?;
                self.insert(&entries, at)?;
            }
            Op::Get(place) => match self.memo.get(place) {
                Some(Some(value)) => self.push(*value)?,
                _ => {
                    return Fault::invalid(format!(
                        "byte {at} asks for remembered value {place}, which there is not"
                    ));
                }
            },
            Op::Put(place) => {
                let value = self.top(at)?;
                self.remember(place, value, at)?;
            }
            Op::Memoize => {
                let value = self.top(at)?;
                self.remember(self.memo.len(), value, at)?;
            }
            Op::Global(module, name) => self.class(module, name)?,
            Op::StackGlobal => {
                let (name, module) = (self.pop(at)?, self.pop(at)?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Fault::invalid(format!(
                        "byte {at} names a class by {} and {}, not by two texts",
                        module.kind(),
                        name.kind()
                    ));
                };
                self.class(module, name)?;
            }
            Op::Reduce | Op::NewObject => {
                let (arguments, called) = (self.pop(at)?, self.pop(at)?);
                self.call(called, arguments, at, count)?;
            }
            Op::Build => {
                let given = self.pop(at)?;
                match self.top_object(at)? {
                    Object::Call(call) => call.state = Some(given),
                    // What an OrderedDict carries besides its entries is `_metadata`: versions of PyTorch's modules.
                    Object::Dict(_) => {}
                    _ => {
                        return Fault::refused(format!(
                            "a state at byte {at} for what is no instance of a class"
                        ));
                    }
                }
            }
            Op::Persistent => {
                let value = self.pop(at)?;
                self.make(Object::Persistent(value))?;
            }
        }
        Ok(())
    }

    /// The height that the stack may not fall below.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self, at: usize) -> Found<Value<'a>> {
        if self.stack.len() <= self.floor() {
            return underflow(at);
        }
        self.stack.pop().map_or_else(|| underflow(at), Ok)
    }

    fn top(&self, at: usize) -> Found<Value<'a>> {
        if self.stack.len() <= self.floor() {
            return underflow(at);
        }
        self.stack
            .last()
            .map_or_else(|| underflow(at), |top| Ok(*top))
    }

    fn top_object(&mut self, at: usize) -> Found<&mut Object<'a>> {
        let top = self.top(at)?;
        match top {
            Value::Object(place) if (place as usize) < self.objects.len() => {
                Ok(&mut self.objects[place as usize])
            }
            other => Fault::invalid(format!(
                "byte {at} adds to {}, which has no parts",
                other.kind()
            )),
        }
    }

    fn since_mark(&mut self, at: usize) -> Found<Vec<Value<'a>>> {
        match self.marks.pop() {
            Some(height) if height <= self.stack.len() => Ok(self.stack.split_off(height)),
            _ => Fault::invalid(format!("byte {at} asks for a mark, which there is not")),
        }
    }

    fn push(&mut self, value: Value<'a>) -> Found<()> {
        if self.stack.len() >= HEIGHT {
            return Fault::too_large(format!("a stack of more than {HEIGHT} values"));
        }
        self.stack.push(value);
        Ok(())
    }

    fn make(&mut self, object: Object<'a>) -> Found<()> {
        if self.objects.len() >= self.most {
            return Fault::too_large(format!("more than {} objects", self.most));
        }
        // There are fewer objects than instructions, so the place fits.
        let place = Value::Object(self.objects.len() as u32);
        self.objects.push(object);
        self.push(place)
    }

    /// Room for a remembered value.
    fn remember(&mut self, place: usize, value: Value<'a>, at: usize) -> Found<()> {
        // Picklers count up from 0; a huge number would only ask for a huge table.
        if place >= self.most {
            return Fault::too_large(format!("value {place} to be remembered at byte {at}"));
        }
        if self.memo.len() <= place {
            self.memo.resize(place + 1, None);
        }
        self.memo[place] = Some(value);
        Ok(())
    }

    fn extend(&mut self, items: &[Value<'a>], at: usize) -> Found<()> {
        match self.top_object(at)? {
            Object::List(list) | Object::Set(list) => {
                list.extend_from_slice(items);
                Ok(())
            }
            _ => Fault::invalid(format!("byte {at} adds elements to what is no list")),
        }
    }

    fn insert(&mut self, entries: &[(Value<'a>, Value<'a>)], at: usize) -> Found<()> {
        match self.top_object(at)? {
            Object::Dict(dict) => {
                dict.extend_from_slice(entries);
                Ok(())
            }
            _ => Fault::invalid(format!("byte {at} adds entries to what is no dictionary")),
        }
    }

    fn class(&mut self, module: &'a str, name: &'a str) -> Found<()> {
        match allowed::find(module, name) {
            Some(kind) => self.make(Object::Class(Box::new(Class { kind, module, name }))),
            None => Fault::refused(format!(
                "the name `{}.{}`",
                shortened(module),
                shortened(name)
            )),
        }
    }

    /// Writes a call down. Dictionaries are made at once, since entries are added to them.
    fn call(
        &mut self,
        called: Value<'a>,
        arguments: Value<'a>,
        at: usize,
        count: usize,
    ) -> Found<()> {
        let objects = &self.objects;
        let object = |value: Value<'a>| match value {
            Value::Object(place) => objects.get(place as usize),
            _ => None,
        };
        let Some(Object::Class(class)) = object(called) else {
            return Fault::refused(format!("a call at byte {at} of what is no named function"));
        };
        let Some(Object::Tuple(given)) = object(arguments) else {
            return Fault::invalid(format!("the call at byte {at} has no tuple of arguments"));
        };
        let class = **class;
        if class.kind != Kind::Dict {
            return self.make(Object::Call(Box::new(Call {
                class,
                arguments,
                state: None,
            })));
        }
        let mut entries = Vec::new();
        for &argument in given {
            let parts = match object(argument) {
                Some(Object::Dict(parts)) => parts.len(),
                Some(Object::List(parts)) => parts.len(),
                _ => {
                    return Fault::invalid(format!(
                        "the dictionary at byte {at} is made of {}",
                        argument.kind()
                    ));
                }
            };
            // Every entry took an instruction to make. Copies of copies would take none, and double for ever.
            self.copied += parts;
            if self.copied > count {
                return Fault::too_large(format!("copies of dictionaries up to byte {at}"));
            }
            match object(argument) {
                Some(Object::Dict(parts)) => entries.extend_from_slice(parts),
                Some(Object::List(parts)) => {
                    for &pair in parts {
                        match object(pair) {
                            Some(Object::Tuple(pair) | Object::List(pair)) if pair.len() == 2 => {
                                entries.push((pair[0], pair[1]));
                            }
                            _ => {
                                return Fault::invalid(format!(
                                    "the dictionary at byte {at} is not made of pairs"
                                ));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        self.make(Object::Dict(entries))
    }
}

fn pairs<'a>(values: &[Value<'a>], at: usize) -> Found<Vec<(Value<'a>, Value<'a>)>> {
    if !values.len().is_multiple_of(2) {
        return Fault::invalid(format!("byte {at} has a key without a value"));
    }
    Ok(values
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect())
}

fn underflow<T>(at: usize) -> Found<T> {
    Fault::invalid(format!("byte {at} asks for a value, which there is not"))
}

/// The beginning of a text from a file, fit for an error message.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
