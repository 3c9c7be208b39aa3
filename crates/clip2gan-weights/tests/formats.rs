//! What files of each format can say, put together by hand.

mod common;

use clip2gan_weights::{Dtype, Format};
use common::{Pickle, floats, parse, refusal, single, stream, zip};
use serde_json::json;

/// An archive whose storage `0` holds 0, 1, 2, …, 11.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let data: Vec<f32> = (0..12u8).map(f32::from).collect();
    zip(&[
        ("archive/data.pkl", pickle),
        ("archive/byteorder", b"little"),
        ("archive/data/0", &floats(&data)),
        ("archive/version", b"3\n"),
    ])
}

fn view(offset: i32, shape: &[i32], strides: &[i32]) -> Result<Vec<f32>, String> {
    let pickle = single("w", |it| {
        it.tensor("FloatStorage", "0", 12, offset, shape, strides)
    });
    let checkpoint = parse(&archive(&pickle)).map_err(|error| error.to_string())?;
    Ok(checkpoint.arrays["w"].to_f32())
}

#[test]
fn views_are_laid_out_row_by_row() {
    let all: Vec<f32> = (0..12u8).map(f32::from).collect();
    assert_eq!(view(0, &[3, 4], &[4, 1]).unwrap(), all);
    assert_eq!(
        view(0, &[4, 3], &[1, 4]).unwrap()[..4],
        [0.0, 4.0, 8.0, 1.0]
    );
    assert_eq!(view(5, &[2, 2], &[4, 1]).unwrap(), [5.0, 6.0, 9.0, 10.0]);
    assert_eq!(
        view(1, &[2, 2, 2], &[6, 1, 3]).unwrap(),
        [1.0, 4.0, 2.0, 5.0, 7.0, 10.0, 8.0, 11.0]
    );
    assert_eq!(
        view(3, &[3, 2], &[0, 1]).unwrap(),
        [3.0, 4.0, 3.0, 4.0, 3.0, 4.0]
    );
    assert_eq!(view(11, &[], &[]).unwrap(), [11.0]);
    assert_eq!(
        view(4, &[1, 2, 1], &[i32::MAX, 2, i32::MAX]).unwrap(),
        [4.0, 6.0]
    );
    assert_eq!(view(99, &[0, 3], &[3, 1]).unwrap(), [0.0; 0]);
    // By its definition, for many views that fit.
    for (a, b, c) in [(1, 2, 3), (2, 3, 1), (3, 1, 2), (2, 2, 2)] {
        for strides in [[1, 2, 3], [3, 1, 2], [0, 1, 4], [2, 2, 1], [4, 0, 1]] {
            let got = view(1, &[a, b, c], &strides).unwrap();
            let mut expected = Vec::new();
            for (i, j, k) in
                (0..a).flat_map(|i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
            {
                expected.push((1 + i * strides[0] + j * strides[1] + k * strides[2]) as f32);
            }
            assert_eq!(got, expected, "{strides:?}");
        }
    }
}

#[test]
fn views_must_lie_within_their_storage() {
    for (offset, shape, strides) in [
        (0, &[3, 5][..], &[4, 1][..]),
        (12, &[], &[]),
        (9, &[4], &[1]),
        (0, &[2], &[12]),
        (0, &[i32::MAX, i32::MAX], &[0, 1]),
    ] {
        let error = view(offset, shape, strides).unwrap_err();
        assert!(error.contains("array `w` of some.pt"), "{error}");
        assert!(error.contains(&format!("{shape:?}")), "{error}");
    }
    assert!(view(-1, &[1], &[1]).unwrap_err().contains("`w`"));
    assert!(view(0, &[-1], &[1]).unwrap_err().contains("negative"));
    assert!(view(0, &[2], &[-1]).unwrap_err().contains("negative"));
    assert!(view(0, &[2], &[1, 1]).unwrap_err().contains("2 strides"));
    let huge = view(0, &[i32::MAX; 5], &[0; 5]).unwrap_err();
    assert!(huge.contains("shape"), "{huge}");
    // Far more elements than the file has, all of them the same one.
    let huge = view(0, &[1 << 30], &[0]).unwrap_err();
    assert!(huge.contains("out of proportion"), "{huge}");
    let missing = single("w", |it| it.tensor("FloatStorage", "7", 1, 0, &[1], &[1]));
    let error = refusal(&archive(&missing));
    assert!(error.contains("`w`") && error.contains("\"7\""), "{error}");
}

#[test]
fn storages_are_shared_and_of_every_type() {
    let pickle = Pickle::new().op("}(");
    let pickle = pickle
        .text("a")
        .tensor("FloatStorage", "0", 12, 0, &[2], &[1]);
    let pickle = pickle
        .text("b")
        .tensor("FloatStorage", "0", 12, 10, &[2], &[1]);
    let checkpoint = parse(&archive(&pickle.op("u").stop())).unwrap();
    assert_eq!(checkpoint.format, Format::Torch);
    assert_eq!(checkpoint.arrays["a"].to_f32(), [0.0, 1.0]);
    assert_eq!(checkpoint.arrays["b"].to_f32(), [10.0, 11.0]);

    for (class, dtype) in [
        ("BoolStorage", Dtype::Bool),
        ("ByteStorage", Dtype::U8),
        ("CharStorage", Dtype::I8),
        ("ShortStorage", Dtype::I16),
        ("IntStorage", Dtype::I32),
        ("LongStorage", Dtype::I64),
        ("HalfStorage", Dtype::F16),
        ("BFloat16Storage", Dtype::BF16),
        ("FloatStorage", Dtype::F32),
        ("DoubleStorage", Dtype::F64),
    ] {
        let pickle = single("w", |it| it.tensor(class, "k", 2, 1, &[1], &[1]));
        let data: Vec<u8> = (0..2 * dtype.size() as u8).collect();
        let read = parse(&zip(&[("x/data.pkl", &pickle), ("x/data/k", &data)])).unwrap();
        assert_eq!(read.arrays["w"].dtype, dtype);
        assert_eq!(read.arrays["w"].data, data[dtype.size()..]);
        // The same in a legacy stream.
        let read = parse(&stream(&pickle, &[("k", 2, &data)])).unwrap();
        assert_eq!(read.format, Format::LegacyTorch);
        assert_eq!(read.arrays["w"].data, data[dtype.size()..]);
    }
    let error = refusal(&archive(&single("w", |it| {
        it.tensor("ComplexFloatStorage", "0", 1, 0, &[1], &[1])
    })));
    assert!(error.contains("torch.ComplexFloatStorage"), "{error}");
}

#[test]
fn new_types_are_named_beside_a_storage_of_bytes() {
    let inner = |it: Pickle| {
        let it = it.global("torch._utils", "_rebuild_tensor_v3").op("(");
        let it = it
            .storage("UntypedStorage", "0", 48)
            .int(1)
            .ints(&[2])
            .ints(&[1]);
        let it = it.op([0x89]).global("collections", "OrderedDict").op(")R");
        it.global("torch", "uint32").op("tR")
    };
    let read = parse(&archive(&single("w", inner))).unwrap();
    assert_eq!(read.arrays["w"].dtype, Dtype::U32);
    assert_eq!(read.arrays["w"].data, floats(&[1.0, 2.0]));
}

#[test]
fn torchscript_gives_the_state_of_its_modules() {
    let module = |it: Pickle| {
        it.global("__torch__.net.___torch_mangle_7", "Linear")
            .op([b')', 0x81, b'}', b'('])
    };
    let pickle = module(Pickle::new())
        .text("training")
        .op([0x89])
        .text("visual");
    let pickle = module(pickle).text("weight");
    let pickle = pickle
        .tensor("FloatStorage", "0", 12, 0, &[2], &[1])
        .text("stride");
    let pickle = pickle
        .global("torch.jit._pickle", "build_intlist")
        .op("(](")
        .int(2)
        .int(3)
        .op("etR");
    let pickle = pickle
        .text("sizes")
        .global("torch.jit._pickle", "restore_type_tag")
        .op("(}");
    let pickle = pickle
        .text("a")
        .int(1)
        .op("s")
        .text("Dict[str, int]")
        .op("tRubub")
        .stop();
    let file = zip(&[
        ("m/data.pkl", &pickle),
        ("m/code/__torch__/net.py", b"import os"),
        ("m/data/0", &[0; 48]),
        ("m/constants.pkl", b"never read"),
    ]);
    let read = parse(&file).unwrap();
    assert_eq!(read.format, Format::TorchScript);
    assert_eq!(read.arrays["visual.weight"].shape, [2]);
    assert_eq!(read.modules["visual"].class, "Linear");
    assert_eq!(read.modules["visual"].attributes["stride"], json!([2, 3]));
    assert_eq!(read.modules["visual"].attributes["sizes"], json!({"a": 1}));
    assert_eq!(read.modules[""].attributes["training"], json!(false));
}

#[test]
fn archives_with_wide_end_records_are_read() {
    let pickle = single("w", |it| it.tensor("ByteStorage", "0", 4, 0, &[4], &[1]));
    let file = zip(&[("a/data.pkl", &pickle), ("a/data/0", b"good")]);
    // Sizes and places of the last entry move to an extra field, count and place of the directory to a wide record.
    let end = file.len() - 22;
    let start = u32::from_le_bytes(*file[end + 16..].first_chunk().unwrap()) as usize;
    let entry = end - 46 - "a/data/0".len();
    let wide = |at: usize| u64::from(u32::from_le_bytes(*file[at..].first_chunk().unwrap()));
    let mut new = file[..end].to_vec();
    for field in [20, 24, 42] {
        new[entry + field..entry + field + 4].fill(0xff);
    }
    new[entry + 30] = 28;
    new.extend([1, 0, 24, 0]);
    for field in [24, 20, 42] {
        new.extend(wide(entry + field).to_le_bytes());
    }
    let record = new.len() as u64;
    new.extend(b"PK\x06\x06");
    new.extend([0; 20]);
    for value in [2, 2, record - start as u64, start as u64] {
        new.extend(value.to_le_bytes());
    }
    new.extend(b"PK\x06\x07\0\0\0\0");
    new.extend(record.to_le_bytes());
    new.extend([1, 0, 0, 0]);
    new.extend(b"PK\x05\x06\0\0\0\0");
    new.extend([0xff; 12]);
    new.extend([0, 0]);
    assert_eq!(parse(&new).unwrap().arrays["w"].data, b"good");
    // The record elsewhere, the directory beyond the file.
    for (place, found) in [
        (new.len() - 22 - 12, "64-bit"),
        (record as usize + 48, "damaged"),
    ] {
        let mut damaged = new.clone();
        damaged[place] ^= 1;
        assert!(refusal(&damaged).contains(found));
    }
}

#[test]
fn what_is_no_array_is_kept_as_values() {
    let pickle = Pickle::new()
        .op("}(")
        .text("args")
        .global("argparse", "Namespace")
        .op([b')', 0x81, b'}', b'(']);
    let pickle = pickle
        .text("size")
        .int(256)
        .text("lr")
        .op("G")
        .op(2e-3f64.to_be_bytes())
        .op("ub");
    let pickle = pickle
        .text("groups")
        .op("](}")
        .text("params")
        .op("](")
        .int(0)
        .int(1)
        .op("es}e");
    let pickle = pickle.text("nan").op("G").op(f64::NAN.to_be_bytes());
    let pickle = pickle
        .text("np")
        .global("numpy.core.multiarray", "scalar")
        .op("(");
    let pickle = pickle
        .global("numpy", "dtype")
        .op("(")
        .text("i8")
        .op([0x89, 0x88, b't', b'R', b'('])
        .int(3);
    let pickle = pickle.text("<").op("NNN").int(-1).int(-1).int(0).op("tb");
    // Protocol 2 writes bytes as text and the name of an encoding.
    let pickle = pickle
        .global("_codecs", "encode")
        .op("(")
        .text("\u{fe}ÿÿÿÿÿÿÿ")
        .text("latin1")
        .op("tRtR");
    let read = parse(&pickle.op("u").stop()).unwrap();
    assert_eq!(read.values["args.size"], json!(256));
    assert_eq!(read.values["args.lr"], json!(0.002));
    assert_eq!(read.values["groups.0.params"], json!([0, 1]));
    assert_eq!(read.values["nan"], json!("NaN"));
    assert_eq!(read.values["np"], json!(-2));
}

#[test]
fn arrays_of_numpy_are_read_in_both_orders() {
    let array = |columns: u8, order: &str| {
        let it = Pickle::new()
            .op("}")
            .text("a")
            .global("numpy.core.multiarray", "_reconstruct");
        let it = it
            .op("(")
            .global("numpy", "ndarray")
            .ints(&[0])
            .bytes(b"b")
            .op("tR(")
            .int(1)
            .ints(&[2, 3]);
        let it = it
            .global("numpy", "dtype")
            .op("(")
            .text("f4")
            .op([0x89, 0x88, b't', b'R', b'('])
            .int(3);
        let it = it
            .text(order)
            .op("NNN")
            .int(-1)
            .int(-1)
            .int(0)
            .op("tb")
            .op([columns]);
        it.bytes(&floats(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))
            .op("tbs")
            .stop()
    };
    let rows = parse(&array(0x89, "<")).unwrap();
    assert_eq!(rows.arrays["a"].to_f32(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let columns = parse(&array(0x88, "<")).unwrap();
    assert_eq!(columns.arrays["a"].to_f32(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    assert!(refusal(&array(0x89, ">")).contains("big-endian"));
}
