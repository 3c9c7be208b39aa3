//! The drawings: the same as the style's own renderer gives, and the same each time.
#![cfg(feature = "avatars")]

use std::path::Path;

use clip2gan_data::{
    AvatarConfig, AvatarDataset, Dataset, Error, Labels, Split, View, attribution, sample_batch,
};
use resvg::{tiny_skia, usvg};

fn dataset(config: AvatarConfig) -> AvatarDataset {
    AvatarDataset::new(config).unwrap()
}

fn fnv(bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn draws_what_dicebear_draws() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let labels = std::fs::read_to_string(golden.join("labels.json")).unwrap();
    let labels: Vec<Labels> = serde_json::from_str(&labels).unwrap();
    let size = 140;
    let avatars = dataset(AvatarConfig {
        resolution: size,
        view: View::WHOLE,
        ..AvatarConfig::default()
    });
    assert_eq!(labels.len(), 6);
    for (index, labels) in labels.iter().enumerate() {
        let svg = std::fs::read_to_string(golden.join(format!("{index}.svg"))).unwrap();
        let tree = usvg::Tree::from_str(&svg, &usvg::Options::default()).unwrap();
        let mut expected = tiny_skia::Pixmap::new(size, size).unwrap();
        let scale = tiny_skia::Transform::from_scale(0.5, 0.5);
        resvg::render(&tree, scale, &mut expected.as_mut());
        let drawn = avatars.draw(labels).unwrap();
        let difference = |(d, e): (&image::Rgb<u8>, &tiny_skia::PremultipliedColorU8)| {
            let channels = d.0.iter().zip([e.red(), e.green(), e.blue()]);
            channels.map(|(d, e)| d.abs_diff(e)).max().unwrap_or(0)
        };
        let pixels = drawn.pixels().zip(expected.pixels());
        let differences: Vec<u8> = pixels.map(difference).collect();
        // DiceBear clips the whole, so a few pixels at edges are blended in
        // another order (53 of the 19600 here at most, by 43 at most).
        let other = differences.iter().filter(|d| **d > 3).count();
        let worst = differences.iter().max();
        assert!(
            other < 100 && worst < Some(&64),
            "drawing {index}: {other}, {worst:?}"
        );
    }
}

#[test]
fn a_seed_keeps_its_drawings() {
    let avatars = dataset(AvatarConfig::default());
    let first: Vec<_> = (0..3).map(|i| avatars.get(i).unwrap()).collect();
    let hashes: Vec<u64> = first.iter().map(|s| fnv(s.image.as_raw())).collect();
    let captions: Vec<_> = first.iter().map(|s| s.caption.clone().unwrap()).collect();
    assert_eq!(hashes, HASHES);
    assert_eq!(captions, CAPTIONS);
    // Another dataset, in another order, gives the same.
    let again = dataset(AvatarConfig::default());
    let batch = sample_batch(&again, &[2, 0, 1]).unwrap();
    assert_eq!(batch.labels[1], first[0].labels);
    assert_eq!(batch.shape(), [3, 3, 64, 64]);
    let red = first[0].image.get_pixel(5, 1)[0];
    assert_eq!(
        batch.images[3 * 64 * 64 + 64 + 5],
        f32::from(red) / 127.5 - 1.
    );
    let other = dataset(AvatarConfig {
        seed: 1,
        ..AvatarConfig::default()
    });
    assert_ne!(other.labels(0), first[0].labels);
}

#[test]
fn colours_are_where_they_belong() {
    let avatars = dataset(AvatarConfig::default());
    let mut labels = avatars.labels(0);
    let set = [
        ("background", "black"),
        ("skin", "dark"),
        ("hat", "none"),
        ("hair", "bald"),
        ("beard", "none"),
        ("glasses", "none"),
        ("clothes", "shirtCrewNeck"),
        ("clothes_color", "red"),
    ];
    labels.extend(set.map(|(k, v)| (k.to_string(), v.to_string())));
    let image = avatars.draw(&labels).unwrap();
    assert_eq!(image.get_pixel(0, 0).0, [0x20, 0x26, 0x2c]);
    assert_eq!(image.get_pixel(32, 13).0, [0x61, 0x43, 0x35]);
    assert_eq!(image.get_pixel(14, 62).0, [0xe8, 0x41, 0x3c]);
}

#[test]
fn any_resolution() {
    for resolution in [1, 33, 256] {
        let avatars = dataset(AvatarConfig {
            resolution,
            ..AvatarConfig::default()
        });
        assert_eq!(
            avatars.get(0).unwrap().image.dimensions(),
            (resolution, resolution)
        );
    }
}

#[test]
fn the_sides_of_the_split_share_nobody() {
    let side = |split| {
        let avatars = dataset(AvatarConfig {
            split,
            ..AvatarConfig::default()
        });
        (0..3000)
            .map(move |i| avatars.labels(i))
            .collect::<std::collections::HashSet<_>>()
    };
    let (train, held_out) = (side(Split::Train), side(Split::HeldOut));
    assert!(train.is_disjoint(&held_out));
    assert!(train.len() > 2990 && held_out.len() > 2990);
}

#[test]
fn errors_say_what_is_wrong() {
    let small = AvatarConfig {
        resolution: 0,
        ..AvatarConfig::default()
    };
    assert!(matches!(
        AvatarDataset::new(small),
        Err(Error::Config {
            name: "resolution",
            ..
        })
    ));
    let avatars = dataset(AvatarConfig {
        len: 5,
        ..AvatarConfig::default()
    });
    assert!(matches!(
        avatars.get(5),
        Err(Error::Index { index: 5, len: 5 })
    ));
    let mut labels = avatars.labels(0);
    labels.insert("skin".into(), "plaid".into());
    let message = avatars.draw(&labels).unwrap_err().to_string();
    assert!(
        message.contains("\"skin\" is \"plaid\"") && message.contains("tan"),
        "{message}"
    );
}

#[test]
fn the_attribution_is_the_styles_own() {
    let text = attribution().unwrap();
    for part in [
        "Pablo Stanley",
        "Free for personal and commercial use",
        "https://avataaars.com/",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/ATTRIBUTION.md");
    if let Ok(shipped) = std::fs::read_to_string(file) {
        assert!(
            shipped.starts_with(&text),
            "assets/ATTRIBUTION.md should begin with:\n{text}"
        );
    }
}

const HASHES: [u64; 3] = [
    0x5d93_bd16_4cfb_c073,
    0x41d6_0e04_2cd8_4282,
    0xb96d_e551_1d92_0cda,
];
const CAPTIONS: [&str; 3] = [
    "a tanned-skinned person who is smiling a little and happy",
    "portrait of a serious character with a ginger afro",
    "silly, white background, fair mustache, dressed in grey",
];
