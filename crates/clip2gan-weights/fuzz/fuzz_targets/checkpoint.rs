//! Whole files of any format. What is read must also be written and read again.

#![no_main]

use std::path::Path;

use clip2gan_weights::{Metadata, parse_checkpoint, safetensors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = Path::new("fuzz");
    if let Ok(checkpoint) = parse_checkpoint(path, data)
        && let Ok(bytes) = safetensors::to_bytes(&checkpoint.arrays, &Metadata::new())
    {
        let again = parse_checkpoint(path, &bytes).expect("what was written is read");
        assert_eq!(again.arrays, checkpoint.arrays);
    }
});
