//! Zip archives whose entries are stored and not compressed, which is how PyTorch writes them.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use crate::fault::{Fault, Found};

/// The end record and the longest comment that may follow it.
const END: u64 = 22 + 0xffff;
/// Where a field of 32 bits says that the value is among the extra fields.
const ELSEWHERE: u64 = 0xffff_ffff;

/// An archive's list of entries, and the file to read them from.
pub(crate) struct Archive<R> {
    reader: R,
    length: u64,
    entries: BTreeMap<String, Entry>,
    /// How many bytes of entries may still be read.
    left: u64,
}

struct Entry {
    header: u64,
    length: u64,
    crc: u32,
    plain: bool,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the list of entries of a file of `length` bytes.
    pub fn open(mut reader: R, length: u64) -> Found<Self> {
        let tail_start = length.saturating_sub(END);
        let tail = read(&mut reader, length, tail_start, length - tail_start)?;
        let end = (0..=tail.len().saturating_sub(22)).rev().find(|&at| {
            tail[at..].starts_with(b"PK\x05\x06")
                && short(&tail, at + 20).is_some_and(|comment| at + 22 + comment == tail.len())
        });
        let Some(end) = end else {
            return Fault::invalid("the zip archive has no end record; the file may be cut off");
        };
        let mut count = short(&tail, end + 10).unwrap_or(0) as u64;
        let mut size = word(&tail, end + 12).unwrap_or(0);
        let mut start = word(&tail, end + 16).unwrap_or(0);
        // Large archives keep a wider end record before the old one, and a pointer to it between the two.
        if let Some(locator) = end.checked_sub(20)
            && tail[locator..].starts_with(b"PK\x06\x07")
        {
            let at = long(&tail, locator + 8).unwrap_or(u64::MAX);
            let wide = read(&mut reader, length, at, 56)?;
            if !wide.starts_with(b"PK\x06\x06") {
                return Fault::invalid(
                    "the zip archive's 64-bit end record is not where it should be",
                );
            }
            count = long(&wide, 32).unwrap_or(0);
            size = long(&wide, 40).unwrap_or(0);
            start = long(&wide, 48).unwrap_or(0);
        }
        if count > size / 46 {
            return Fault::invalid(format!(
                "the zip archive says it has {count} entries, but its directory is of {size} bytes"
            ));
        }
        let directory = read(&mut reader, length, start, size)?;
        let entries = entries(&directory, count)?;
        Ok(Archive {
            reader,
            length,
            entries,
            left: length.saturating_mul(8).saturating_add(1 << 20),
        })
    }

    /// The names of all entries.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// How many bytes an entry has, if there is such an entry.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.length)
    }

    /// Reads an entry whole, and checks its sum.
    pub fn read(&mut self, name: &str) -> Found<Vec<u8>> {
        let Some(entry) = self.entries.get(name) else {
            return Fault::invalid(format!("the archive has no entry `{name}`"));
        };
        if !entry.plain {
            return Fault::refused(format!(
                "the compressed or encrypted archive entry `{name}`"
            ));
        }
        if entry.length > self.left {
            return Fault::too_large("many times its own size in storages read again");
        }
        self.left -= entry.length;
        let header = read(&mut self.reader, self.length, entry.header, 30)?;
        let (Some(name_length), Some(extra)) = (short(&header, 26), short(&header, 28)) else {
            return Fault::invalid("the header of an archive entry is cut off");
        };
        if !header.starts_with(b"PK\x03\x04") {
            return Fault::invalid(format!(
                "the archive entry `{name}` is not where the directory says"
            ));
        }
        let start = entry
            .header
            .saturating_add(30 + name_length as u64 + extra as u64);
        let bytes = read(&mut self.reader, self.length, start, entry.length)?;
        let found = crc32fast::hash(&bytes);
        if found != entry.crc {
            return Fault::invalid(format!(
                "the archive entry `{name}` is damaged: its sum should be {:08x}, but is {found:08x}",
                entry.crc
            ));
        }
        Ok(bytes)
    }
}

/// Reads a part of a file of `length` bytes; nothing is allocated for what cannot be there.
fn read(reader: &mut (impl Read + Seek), length: u64, start: u64, size: u64) -> Found<Vec<u8>> {
    if start.checked_add(size).is_none_or(|end| end > length) {
        return Fault::invalid(format!(
            "the file is cut off or damaged: {size} bytes are expected at byte {start}, but it has {length}"
        ));
    }
    let size =
        usize::try_from(size).map_err(|_| Fault::TooLarge(format!("{size} bytes in one entry")))?;
    let mut bytes = vec![0; size];
    reader.seek(SeekFrom::Start(start)).map_err(Fault::Io)?;
    reader.read_exact(&mut bytes).map_err(Fault::Io)?;
    Ok(bytes)
}

fn entries(directory: &[u8], count: u64) -> Found<BTreeMap<String, Entry>> {
    let cut = || Fault::Invalid("the zip archive's directory is cut off".to_owned());
    let mut entries = BTreeMap::new();
    let mut rest = directory;
    for _ in 0..count {
        if !rest.starts_with(b"PK\x01\x02") {
            return Fault::invalid("the zip archive's directory is damaged");
        }
        let fields = || {
            Some((
                short(rest, 8)?,
                short(rest, 10)?,
                word(rest, 16)?,
                [word(rest, 24)?, word(rest, 20)?, word(rest, 42)?],
                short(rest, 28)?,
                short(rest, 30)?,
                short(rest, 32)?,
            ))
        };
        let (flags, method, crc, mut wide, name, extra, comment) = fields().ok_or_else(cut)?;
        let text = rest.get(46..46 + name).ok_or_else(cut)?;
        let mut extras = rest.get(46 + name..46 + name + extra).ok_or_else(cut)?;
        rest = rest.get(46 + name + extra + comment..).ok_or_else(cut)?;
        while let (Some(kind), Some(size)) = (short(extras, 0), short(extras, 2)) {
            let body = extras.get(4..4 + size).ok_or_else(cut)?;
            extras = &extras[4 + size..];
            if kind == 1 {
                // Only the fields that do not fit are there, in this order.
                let mut at = 0;
                for field in wide.iter_mut().filter(|field| **field == ELSEWHERE) {
                    *field = long(body, at).ok_or_else(cut)?;
                    at += 8;
                }
            }
        }
        let [length, packed, header] = wide;
        let entry = Entry {
            header,
            length,
            crc: crc as u32,
            plain: flags & 1 == 0 && method == 0 && length == packed,
        };
        let text = String::from_utf8_lossy(text).into_owned();
        if let Some(_twice) = entries.insert(text, entry) {
            return Fault::invalid("the zip archive has two entries of one name");
        }
    }
    Ok(entries)
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes).into())
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes).into())
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}
