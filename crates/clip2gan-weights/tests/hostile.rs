//! Files made to do harm: each is refused at once, and says what was refused.

mod common;

use std::fmt::Write;
use std::time::{Duration, Instant};

use common::{Pickle, bytes, parse, refusal, single, stream, zip};

/// The message of the error that bytes must give, within a second.
fn quick(bytes: &[u8]) -> String {
    let start = Instant::now();
    let error = refusal(bytes);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?} for {error}");
    assert!(error.len() < 2000, "{} bytes of message", error.len());
    error
}

#[test]
fn names_beyond_the_list_are_refused_by_name() {
    // The classic: protocol 0, `os.system("…")`.
    let error = quick(b"cos\nsystem\n(S'touch /tmp/harm'\ntR.");
    assert!(error.contains("`os.system`"), "{error}");
    for (module, name) in [
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch.hub", "load"),
        ("torch._utils", "_import_dotted_name"),
        ("__torch__evil", "x"),
        ("torch.cuda", "EvilStorage"),
        ("torch", "float32.__class__"),
    ] {
        let plain = Pickle::new()
            .global(module, name)
            .op("(")
            .text("x")
            .op("tR")
            .stop();
        let error = quick(&plain);
        assert!(error.contains(&format!("`{module}.{name}`")), "{error}");
        let stacked = |it: Pickle| it.text(module).text(name).op([0x93, b')', b'R']);
        // Alone, in an archive, in a legacy stream, and in a module's state.
        let pickle = single("w", stacked);
        for file in [
            pickle.clone(),
            zip(&[("a/data.pkl", &pickle)]),
            stream(&pickle, &[]),
        ] {
            assert!(quick(&file).contains(&format!("`{module}.{name}`")));
        }
    }
    let long = format!("cos\n{}\n.", "x".repeat(1 << 20));
    assert!(quick(long.as_bytes()).contains("`os.xxx"));
}

#[test]
fn instructions_beyond_the_list_are_refused_by_name() {
    for (code, name) in [
        (&b"(ios\nsystem\n"[..], "INST"),
        (b"(o", "OBJ"),
        (b"Psomething\n", "PERSID"),
        (b"\x82\x01", "EXT1"),
        (b"\x97", "NEXT_BUFFER"),
        (b"\x92", "NEWOBJ_EX"),
    ] {
        let error = quick(&Pickle::new().op(code).stop());
        assert!(error.contains(name) && error.contains("refused"), "{error}");
    }
    assert!(quick(&Pickle::new().op([0xff]).stop()).contains("0xff"));
    assert!(quick(b"\x80\x09N.").contains("protocol 9"));
    // A call of what a call made, of text, of a dictionary.
    for called in [
        &b"ccollections\nOrderedDict\n)R"[..],
        b"X\x02\0\0\0os",
        b"}",
    ] {
        let error = quick(&Pickle::new().op(called).op(")R").stop());
        assert!(error.contains("no named function"), "{error}");
    }
}

#[test]
fn lengths_beyond_the_file_are_errors_before_they_are_memory() {
    let huge = u64::MAX.to_le_bytes();
    let wide = (1u64 << 40).to_le_bytes();
    for code in [0x8e, 0x96, 0x8d, 0x95] {
        for length in [huge, wide] {
            assert!(quick(&Pickle::new().op([code]).op(length).stop()).contains("left"));
        }
    }
    for code in [&b"B"[..], b"X", b"T", b"\x8b"] {
        assert!(quick(&Pickle::new().op(code).op([0xff; 4]).stop()).contains("left"));
    }
    // A place in the memo that would make a table of 32 GB.
    assert!(quick(&Pickle::new().op("Nr").op([0xff; 4]).stop()).contains("remembered"));
    assert!(quick(b"(p99999999999999999999\n.").contains("number"));
    assert!(quick(b"Np99999999999\n.").contains("neither"));
    assert!(quick(b"]p99999999999\n.").contains("remembered"));
    // Storages and archives that say they are larger than they are.
    let tensor = single("w", |it| {
        it.tensor("FloatStorage", "0", 1 << 30, 0, &[1 << 30], &[1])
    });
    assert!(quick(&zip(&[("a/data.pkl", &tensor), ("a/data/0", &[0; 64])])).contains("`w`"));
    for count in [1 << 30, usize::MAX >> 1, usize::MAX] {
        assert!(quick(&stream(&tensor, &[("0", count, &[0; 64])])).contains("cut off"));
    }
    let header = [&(1u64 << 50).to_le_bytes()[..], b"{\"w\":"].concat();
    assert!(quick(&header).contains("neither"));
}

#[test]
fn what_contains_itself_is_an_error() {
    for pickle in [
        // A list, a dictionary, a state and a tuple in a list, in themselves.
        Pickle::new().op("]q\0h\0a").stop(),
        Pickle::new().op("}q\0").text("w").op("h\0s").stop(),
        Pickle::new()
            .op(b"cargparse\nNamespace\n)\x81q\0}")
            .text("me")
            .op("h\0sb")
            .stop(),
        Pickle::new().op("]q\0(h\0ta").stop(),
        Pickle::new()
            .op("c__torch__\nM\n)")
            .op([0x81])
            .op("q\0}")
            .text("me")
            .op("h\0sb")
            .stop(),
    ] {
        let error = quick(&pickle);
        assert!(error.contains("contains itself"), "{error}");
    }
    // A tensor that is its own storage, and a parameter of itself.
    let own = Pickle::new()
        .global("torch._utils", "_rebuild_tensor_v2")
        .op("(q\0h\0");
    assert!(parse(&own.stop()).is_err());
    let own = Pickle::new()
        .global("torch._utils", "_rebuild_parameter")
        .op(b"]q\0h\0a\x85R");
    assert!(parse(&own.stop()).is_err());
}

#[test]
fn laughs_and_depths_are_bounded() {
    // Thirty lists, each ten times the one before: 10^30 values in a kilobyte.
    for (open, close) in [("]", "e"), ("", "t")] {
        let mut pickle = Pickle::new().op("N");
        for level in 0..30u8 {
            pickle = pickle.op([b'q', level]).op(open).op("(");
            for _ in 0..10 {
                pickle = pickle.op([b'h', level]);
            }
            pickle = pickle.op(close);
        }
        let error = quick(&pickle.stop());
        assert!(error.contains("out of proportion"), "{error}");
    }
    // The same with copies of dictionaries.
    let mut pickle = Pickle::new().op("}").text("w").op("Ns");
    for level in 0..40u8 {
        pickle = pickle.op([b'q', level]).op("0ccollections\nOrderedDict\n(");
        pickle = pickle.op([b'h', level, b'h', level]).op("tR");
    }
    assert!(quick(&pickle.stop()).contains("copies"));
    // Tuples in one another, and more lists and marks than anyone needs.
    let deep = Pickle::new().op("N").op([0x85].repeat(3000)).stop();
    assert!(quick(&deep).contains("levels"));
    for code in ["]", "(", "N", "N2", "]q\0"] {
        let error = quick(&Pickle::new().op(code.repeat(1 << 18)).stop());
        assert!(error.contains("out of proportion"), "{error}");
    }
    // More instructions than any checkpoint has.
    let long = Pickle::new().op("N0".repeat(2 << 20)).op("N").stop();
    assert!(quick(&long).contains("instructions"));
    // A long text under many names, and a long name.
    let text = "t".repeat(100_000);
    let mut pickle = Pickle::new().op("}(").text("t").text(&text).op("q\0");
    for key in 0..10_000 {
        pickle = pickle.int(key).op("h\0");
    }
    assert!(quick(&pickle.op("u").stop()).contains("out of proportion"));
    assert!(quick(&single(&text, |it| it.op("N"))).contains("key of"));
}

#[test]
fn one_module_under_many_names_is_bounded() {
    // Each of the names makes the reader look through twenty thousand hooks that it does not keep.
    let mut pickle = Pickle::new().op("}(").text("m");
    pickle = pickle.global("__torch__", "M").op([b')', 0x81]).op("q\0}(");
    for hook in 0..20_000 {
        pickle = pickle.text(&format!("_{hook:05}")).op("N");
    }
    pickle = pickle.op("ub");
    for key in 0..20_000 {
        pickle = pickle.int(key).op("h\0");
    }
    let error = quick(&pickle.op("u").stop());
    assert!(error.contains("out of proportion"), "{error}");
}

#[test]
fn one_storage_under_many_names_is_bounded() {
    let mut pickle = Pickle::new().op("}(").text("w");
    pickle = pickle
        .tensor("ByteStorage", "0", 1 << 20, 0, &[1 << 20], &[1])
        .op("q\0");
    for key in 0..10_000 {
        pickle = pickle.int(key).op("h\0");
    }
    let pickle = pickle.op("u").stop();
    let data = vec![0; 1 << 20];
    for file in [
        zip(&[("a/data.pkl", &pickle), ("a/data/0", &data)]),
        stream(&pickle, &[("0", 1 << 20, &data)]),
    ] {
        let error = quick(&file);
        assert!(error.contains("out of proportion"), "{error}");
    }
    // Two storages read in turns: the archive is not read again and again.
    let mut pickle = Pickle::new().op("}(");
    for key in 0..1000 {
        let storage = ["0", "1"][key as usize % 2];
        let name = {
            let mut name = String::new();
            write!(name, "{key:04}").unwrap();
            name
        };
        pickle = pickle
            .text(&name)
            .tensor("ByteStorage", storage, 1 << 20, 0, &[1], &[1]);
    }
    let pickle = pickle.op("u").stop();
    let file = zip(&[
        ("a/data.pkl", &pickle),
        ("a/data/0", &data),
        ("a/data/1", &data),
    ]);
    assert!(quick(&file).contains("out of proportion"));
}

#[test]
fn source_text_in_a_pickle_is_never_looked_at() {
    // The same length, so that nothing else changes.
    let (old, new) = (&b"# source withheld\n"[..], &b"import os; evil()\n"[..]);
    let mut file = bytes("nv32.pkl");
    let at = file
        .windows(old.len())
        .position(|part| part == old)
        .unwrap();
    file[at..at + old.len()].copy_from_slice(new);
    let expected = parse(&bytes("nv32.pkl")).unwrap();
    assert_eq!(parse(&file).unwrap(), expected);
}

#[test]
fn archives_that_are_not_plain_are_refused() {
    let pickle = single("w", |it| it.tensor("ByteStorage", "0", 4, 0, &[4], &[1]));
    let good = zip(&[("a/data.pkl", &pickle), ("a/data/0", b"good")]);
    assert_eq!(parse(&good).unwrap().arrays["w"].data, b"good");
    let at = |part: &[u8], nth: usize| {
        let mut places = (0..good.len()).filter(|&at| good[at..].starts_with(part));
        places.nth(nth).unwrap()
    };
    let changed = |place: usize, byte: u8| {
        let mut file = good.clone();
        file[place] = byte;
        quick(&file)
    };
    // A compressed entry, an encrypted one, a damaged one, one that is elsewhere.
    let entry = at(b"PK\x01\x02", 1);
    assert!(changed(entry + 10, 8).contains("compressed"));
    assert!(changed(entry + 8, 1).contains("encrypted"));
    assert!(changed(entry + 42, 1).contains("not where"));
    assert!(changed(at(b"good", 0), b'w').contains("damaged"));
    assert!(changed(good.len() - 12, 200).contains("200 entries"));
    assert!(quick(&zip(&[("a.png", b"x")])).contains("data.pkl"));
    assert!(
        quick(&zip(&[("a/data.pkl", &pickle), ("a/data.pkl", &pickle)])).contains("two entries")
    );
    let big = [
        ("a/data.pkl", &pickle[..]),
        ("a/byteorder", b"big"),
        ("a/data/0", b"good"),
    ];
    assert!(quick(&zip(&big)).contains("little-endian"));
}

#[test]
fn other_files_are_named_as_such() {
    for other in [
        &b""[..],
        b"P",
        b"\x89PNG\r\n\x1a\n",
        b"hello",
        b"<!DOCTYPE html>",
    ] {
        let error = quick(other);
        assert!(error.contains("some.pt is not a valid"), "{error}");
    }
}
