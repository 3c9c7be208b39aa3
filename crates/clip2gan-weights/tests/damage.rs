//! Every fixture, cut off and changed in many places: an error or another checkpoint, never a panic, and never more
//! memory than a small multiple of the file.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Pickle, bytes, floats, parse, single, stream, zip};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Counts the bytes that are allocated, and the most there ever were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Reads bytes; whatever comes of it must be quick and small. True if they were read.
fn bounded(bytes: &[u8], what: &str) -> bool {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let start = Instant::now();
    let read = parse(bytes);
    let took = start.elapsed();
    let most = MOST.load(Ordering::Relaxed) - before;
    assert!(took < Duration::from_secs(1), "{what}: {took:?}");
    assert!(
        most <= 12 * bytes.len() + (8 << 20),
        "{what}: {most} bytes for {} bytes",
        bytes.len()
    );
    read.is_ok()
}

/// A small file of each format, beside the large ones of the reference implementations.
fn small() -> Vec<(&'static str, Vec<u8>)> {
    let tensor = |it: Pickle| it.tensor("FloatStorage", "0", 6, 1, &[2, 2], &[1, 2]);
    let (pickle, data) = (single("layer.weight", tensor), floats(&[0.5; 6]));
    let inner = stream(
        &Pickle::new().storage("FloatStorage", "0", 6).stop(),
        &[("0", 6, &data)],
    );
    let module = |it: Pickle| {
        let it = it
            .global("torch_utils.persistence", "_reconstruct_persistent_obj")
            .op("}(");
        let it = it
            .text("type")
            .text("class")
            .text("version")
            .int(6)
            .text("class_name")
            .text("Layer");
        let it = it
            .text("module_src")
            .text("import os")
            .text("state")
            .op("}(")
            .text("_buffers")
            .op("}");
        let it = it
            .text("w")
            .global("torch._utils", "_rebuild_tensor_v2")
            .op("(");
        let it = it
            .global("torch.storage", "_load_from_bytes")
            .bytes(&inner)
            .op([0x85, b'R']);
        let it = it.int(0).ints(&[6]).ints(&[1]).op([0x89]).op("NtRs");
        it.text("_init_kwargs")
            .op("}")
            .text("gain")
            .op("G")
            .op(1f64.to_be_bytes())
            .op("suu")
            .op([0x85, b'R'])
    };
    vec![
        (
            "archive",
            zip(&[
                ("a/data.pkl", &pickle),
                ("a/data/0", &data),
                ("a/byteorder", b"little"),
            ]),
        ),
        ("stream", stream(&pickle, &[("0", 6, &data)])),
        ("module", single("G_ema", module)),
    ]
}

/// All in one test: the counting is of the whole process.
#[test]
fn damage_is_an_error_and_never_a_panic() {
    let mut rng = ChaCha8Rng::seed_from_u64(2211);
    for (name, file) in small() {
        assert!(bounded(&file, name), "{name}");
        for length in 0..file.len() {
            assert!(!bounded(&file[..length], name), "{name} of {length} bytes");
        }
        // Every byte, changed in three ways.
        for place in 0..file.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[place] ^= change;
                bounded(&damaged, name);
            }
        }
        // Several bytes, and pieces moved about.
        for _ in 0..4000 {
            bounded(&mutated(&file, &mut rng), name);
        }
    }
    for name in ["nv32.pkl", "ros32.pt", "nv32_d.safetensors"] {
        let file = bytes(name);
        assert!(bounded(&file, name), "{name}");
        for _ in 0..60 {
            let length = rng.random_range(0..file.len());
            assert!(!bounded(&file[..length], name), "{name} of {length} bytes");
        }
        for _ in 0..120 {
            bounded(&mutated(&file, &mut rng), name);
        }
    }
    // Bytes that begin as a pickle and go on at random.
    for _ in 0..4000 {
        let mut random = vec![0x80, 4];
        let length = rng.random_range(0..200);
        random.extend((0..length).map(|_| instruction(&mut rng)));
        bounded(&random, "random instructions");
    }
    // The instructions that make most of least.
    for code in [
        &b"]"[..],
        b")",
        b"]\x94",
        b"N\x85",
        b"(",
        b"K\x01",
        b"}",
        b"(t",
        b"N2",
    ] {
        bounded(
            &Pickle::new().op(code.repeat(1 << 20)).stop(),
            "many objects",
        );
    }
}

fn mutated(file: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut damaged = file.to_vec();
    for _ in 0..rng.random_range(1..6) {
        let place = rng.random_range(0..damaged.len());
        let end = (place + rng.random_range(1..16)).min(damaged.len());
        match rng.random_range(0..5) {
            0 => damaged[place] = rng.next_u32() as u8,
            1 => damaged[place] = instruction(rng),
            2 => drop(damaged.drain(place..end)),
            3 => damaged[place..end].fill([0, 0x7f, 0xff][rng.random_range(0..3)]),
            _ => {
                let piece = damaged[place..end].to_vec();
                let to = rng.random_range(0..damaged.len());
                damaged.splice(to..to, piece);
            }
        }
        if damaged.is_empty() {
            break;
        }
    }
    damaged
}

/// A byte that is likely an instruction of a pickle.
fn instruction(rng: &mut ChaCha8Rng) -> u8 {
    const CODES: &[u8] = b"(.012NKMJGUCBX])}lteausdhqrcRbQ\x80\x81\x85\x86\x87\x88\x89\x8a\x8c\x8f\x90\x91\x93\x94\0\x01\x02\n";
    CODES[rng.random_range(0..CODES.len())]
}
