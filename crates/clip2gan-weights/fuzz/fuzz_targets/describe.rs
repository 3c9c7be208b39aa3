//! Files that are described: what is read can be described, and as just as large.

#![no_main]

use clip2gan_weights::{describe, read_checkpoint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let name = format!("clip2gan-fuzz-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, data).expect("a file of one's own");
    let described = describe(&path);
    if let Ok(read) = read_checkpoint(&path) {
        let elements: usize = read.arrays.values().map(|array| array.len()).sum();
        let described = described.expect("what is read is described");
        assert_eq!(described.elements(), elements as u64);
    }
});
