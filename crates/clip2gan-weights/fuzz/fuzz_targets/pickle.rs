//! The pickle in an archive with one storage, so that the fuzzer need not find zip's sums.

#![no_main]

use std::path::Path;

use clip2gan_weights::parse_checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // As it is …
    let _ = parse_checkpoint(Path::new("fuzz"), data);
    // … and beside a storage.
    let _ = parse_checkpoint(Path::new("fuzz"), &archive(data));
});

/// A zip archive of the pickle and storage `0`.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in [("a/data.pkl", pickle), ("a/data/0", &[7; 64])] {
        let start = file.len() as u32;
        let size = (bytes.len() as u32).to_le_bytes();
        let mut common = vec![0; 8];
        common.extend(crc32fast::hash(bytes).to_le_bytes());
        common.extend([size, size].concat());
        common.extend([name.len() as u8, 0, 0, 0]);
        file.extend([b"PK\x03\x04\0\0", &common[..], name.as_bytes(), bytes].concat());
        directory.extend([b"PK\x01\x02\0\0\0\0", &common[..], &[0; 10]].concat());
        directory.extend([&start.to_le_bytes()[..], name.as_bytes()].concat());
    }
    let start = (file.len() as u32).to_le_bytes();
    let size = (directory.len() as u32).to_le_bytes();
    file.extend(
        [
            &directory[..],
            b"PK\x05\x06\0\0\0\0\x02\0\x02\0",
            &size,
            &start,
            &[0, 0],
        ]
        .concat(),
    );
    file
}
