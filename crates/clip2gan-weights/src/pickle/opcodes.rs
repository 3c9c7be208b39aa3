//! The instructions of a pickle.

use super::Value;
use crate::fault::{Fault, Found};

/// An instruction that the machine knows, with its argument.
#[derive(Debug, PartialEq)]
pub(super) enum Op<'a> {
    Push(Value<'a>),
    Mark,
    Stop,
    Pop,
    PopMark,
    Duplicate,
    EmptyList,
    EmptyTuple,
    EmptyDict,
    EmptySet,
    /// The last values become a tuple.
    TupleOf(usize),
    /// The values since the mark become a tuple, and so on.
    Tuple,
    List,
    Dict,
    FrozenSet,
    Append,
    Appends,
    AddItems,
    SetItem,
    SetItems,
    Get(usize),
    Put(usize),
    Memoize,
    Global(&'a str, &'a str),
    StackGlobal,
    /// A function and its arguments.
    Reduce,
    /// A class and its arguments.
    NewObject,
    Build,
    Persistent,
    /// Says something about the bytes to come, which is not needed.
    Nothing,
}

/// Reads instructions from bytes.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    pub place: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, place: 0 }
    }

    /// The next instruction.
    pub fn next(&mut self) -> Found<Op<'a>> {
        let at = self.place;
        let [code] = self.fixed()?;
        Ok(match code {
            0x80 => match self.fixed()? {
                [0..=5] => Op::Nothing,
                [version] => {
                    return Fault::invalid(format!("pickle protocol {version} is not known"));
                }
            },
            // A frame only says how much to read ahead.
            0x95 => {
                let length = u64::from_le_bytes(self.fixed()?);
                if length > (self.bytes.len() - self.place) as u64 {
                    return Fault::invalid(format!(
                        "the frame at byte {at} should hold {length} bytes, but {} are left",
                        self.bytes.len() - self.place
                    ));
                }
                Op::Nothing
            }
            b'.' => Op::Stop,
            b'(' => Op::Mark,
            b'0' => Op::Pop,
            b'1' => Op::PopMark,
            b'2' => Op::Duplicate,
            b'N' => Op::Push(Value::None),
            0x88 => Op::Push(Value::Bool(true)),
            0x89 => Op::Push(Value::Bool(false)),
            b'K' => Op::Push(Value::Int(u8::from_le_bytes(self.fixed()?).into())),
            b'M' => Op::Push(Value::Int(u16::from_le_bytes(self.fixed()?).into())),
            b'J' => Op::Push(Value::Int(i32::from_le_bytes(self.fixed()?).into())),
            b'I' => Op::Push(match self.line()? {
                "01" => Value::Bool(true),
                "00" => Value::Bool(false),
                digits => Value::Int(number(digits, at)?),
            }),
            b'L' => {
                let digits = self.line()?;
                Op::Push(Value::Int(number(digits.trim_end_matches('L'), at)?))
            }
            0x8a => {
                let length = self.byte_length()?;
                Op::Push(long(self.take(length)?))
            }
            0x8b => {
                let length = self.word_length()?;
                Op::Push(long(self.take(length)?))
            }
            b'F' => Op::Push(Value::Float(number(self.line()?, at)?)),
            b'G' => Op::Push(Value::Float(f64::from_be_bytes(self.fixed()?))),
            b'S' => {
                let line = self.line()?;
                let inner = [b'\'', b'"'].iter().find_map(|&quote| {
                    line.strip_prefix(char::from(quote))?
                        .strip_suffix(char::from(quote))
                });
                match inner {
                    Some(text) => Op::Push(Value::Text(plain(text, at)?)),
                    None => return Fault::invalid(format!("the text at byte {at} has no quotes")),
                }
            }
            b'V' => Op::Push(Value::Text(plain(self.line()?, at)?)),
            // Python 2 wrote text and bytes alike.
            b'U' | b'T' => {
                let length = match code {
                    b'U' => self.byte_length()?,
                    _ => self.word_length()?,
                };
                let bytes = self.take(length)?;
                Op::Push(std::str::from_utf8(bytes).map_or(Value::Bytes(bytes), Value::Text))
            }
            b'C' => {
                let length = self.byte_length()?;
                Op::Push(Value::Bytes(self.take(length)?))
            }
            b'B' => {
                let length = self.word_length()?;
                Op::Push(Value::Bytes(self.take(length)?))
            }
            0x8e | 0x96 => {
                let length = self.long_length()?;
                Op::Push(Value::Bytes(self.take(length)?))
            }
            0x8c => {
                let length = self.byte_length()?;
                Op::Push(Value::Text(self.text(length)?))
            }
            b'X' => {
                let length = self.word_length()?;
                Op::Push(Value::Text(self.text(length)?))
            }
            0x8d => {
                let length = self.long_length()?;
                Op::Push(Value::Text(self.text(length)?))
            }
            b']' => Op::EmptyList,
            b')' => Op::EmptyTuple,
            b'}' => Op::EmptyDict,
            0x8f => Op::EmptySet,
            b'l' => Op::List,
            b't' => Op::Tuple,
            b'd' => Op::Dict,
            0x91 => Op::FrozenSet,
            0x85 => Op::TupleOf(1),
            0x86 => Op::TupleOf(2),
            0x87 => Op::TupleOf(3),
            b'a' => Op::Append,
            b'e' => Op::Appends,
            0x90 => Op::AddItems,
            b's' => Op::SetItem,
            b'u' => Op::SetItems,
            b'g' => Op::Get(number(self.line()?, at)?),
            b'h' => Op::Get(self.byte_length()?),
            b'j' => Op::Get(self.word_length()?),
            b'p' => Op::Put(number(self.line()?, at)?),
            b'q' => Op::Put(self.byte_length()?),
            b'r' => Op::Put(self.word_length()?),
            0x94 => Op::Memoize,
            b'c' => Op::Global(self.line()?, self.line()?),
            0x93 => Op::StackGlobal,
            b'R' => Op::Reduce,
            0x81 => Op::NewObject,
            b'b' => Op::Build,
            b'Q' => Op::Persistent,
            code => {
                let name = match code {
                    b'i' => "INST",
                    b'o' => "OBJ",
                    b'P' => "PERSID",
                    0x82 => "EXT1",
                    0x83 => "EXT2",
                    0x84 => "EXT4",
                    0x92 => "NEWOBJ_EX",
                    0x97 => "NEXT_BUFFER",
                    0x98 => "READONLY_BUFFER",
                    _ => {
                        return Fault::invalid(format!(
                            "byte {at} is 0x{code:02x}, which is no pickle instruction"
                        ));
                    }
                };
                return Fault::refused(format!("the pickle instruction {name} at byte {at}"));
            }
        })
    }

    fn take(&mut self, length: usize) -> Found<&'a [u8]> {
        let left = &self.bytes[self.place..];
        match left.get(..length) {
            Some(bytes) => {
                self.place += length;
                Ok(bytes)
            }
            None => Fault::invalid(format!(
                "the pickle is cut off: {length} bytes are expected at byte {}, but {} are left",
                self.place,
                left.len()
            )),
        }
    }

    fn fixed<const N: usize>(&mut self) -> Found<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn byte_length(&mut self) -> Found<usize> {
        self.fixed().map(|[length]| usize::from(length))
    }

    fn word_length(&mut self) -> Found<usize> {
        Ok(u32::from_le_bytes(self.fixed()?) as usize)
    }

    fn long_length(&mut self) -> Found<usize> {
        // What does not fit is more than is left, too.
        Ok(usize::try_from(u64::from_le_bytes(self.fixed()?)).unwrap_or(usize::MAX))
    }

    fn text(&mut self, length: usize) -> Found<&'a str> {
        let at = self.place;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes)
            .map_err(|_| Fault::Invalid(format!("the text at byte {at} is not UTF-8")))
    }

    /// The text up to the end of the line.
    fn line(&mut self) -> Found<&'a str> {
        let left = &self.bytes[self.place..];
        match left.iter().position(|&byte| byte == b'\n') {
            Some(length) => {
                let text = self.text(length)?;
                self.place += 1;
                Ok(text)
            }
            None => Fault::invalid(format!(
                "the pickle is cut off: no end of the line that starts at byte {}",
                self.place
            )),
        }
    }
}

fn number<T: std::str::FromStr>(digits: &str, at: usize) -> Found<T> {
    digits
        .parse()
        .map_err(|_| Fault::Invalid(format!("the number at byte {at} is out of range or none")))
}

fn plain(text: &str, at: usize) -> Found<&str> {
    if text.contains('\\') {
        // Nothing that saves tensors writes these.
        return Fault::refused(format!("escaped text of pickle protocol 0 at byte {at}"));
    }
    Ok(text)
}

fn long(bytes: &[u8]) -> Value<'_> {
    if bytes.len() > 8 {
        return Value::Long(bytes);
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = [if negative { 0xff } else { 0 }; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(whole))
}
