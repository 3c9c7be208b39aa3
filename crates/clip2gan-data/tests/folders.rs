//! Image folders and batches.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use clip2gan_data::{
    Batches, Dataset, Error, ImageFolder, Labels, Sample, Sampler, sample_batch, write_folder,
};
use image::{Rgb, RgbImage, Rgba, RgbaImage};

/// Pictures of one colour each, the index.
struct Plain(usize);

impl Dataset for Plain {
    fn len(&self) -> usize {
        self.0
    }

    fn resolution(&self) -> u32 {
        8
    }

    fn get(&self, index: usize) -> Result<Sample, Error> {
        if index >= self.0 {
            return Err(Error::Index { index, len: self.0 });
        }
        Ok(Sample {
            image: RgbImage::from_pixel(8, 8, Rgb([index as u8, 0, 255])),
            caption: index.is_multiple_of(2).then(|| format!("number {index}")),
            labels: Labels::from([("number".to_string(), index.to_string())]),
        })
    }
}

fn save(path: &Path, width: u32, height: u32) {
    // The middle square is red, the rest is blue.
    let left = (width - width.min(height)) / 2;
    let inside = |x: u32| (left..width - left).contains(&x);
    let pixel = |x, _| {
        if inside(x) {
            Rgb([255, 0, 0])
        } else {
            Rgb([0, 0, 255])
        }
    };
    RgbImage::from_fn(width, height, pixel).save(path).unwrap();
}

#[test]
fn what_is_written_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(&Plain(5), folder.path(), 4).unwrap();
    let read = ImageFolder::open(folder.path(), 8).unwrap();
    assert_eq!(read.len(), 4);
    for index in 0..4 {
        assert_eq!(read.get(index).unwrap(), Plain(5).get(index).unwrap());
    }
    assert!(matches!(
        read.get(4),
        Err(Error::Index { index: 4, len: 4 })
    ));
    assert!(matches!(
        write_folder(&Plain(5), folder.path(), 6),
        Err(Error::Index { .. })
    ));
}

#[test]
fn pictures_are_cut_and_resized() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    save(&root.join("a.png"), 60, 20);
    fs::create_dir(root.join("more")).unwrap();
    save(&root.join("more/b.webp"), 40, 40);
    save(&root.join("more/c.JPG"), 100, 30);
    fs::write(root.join("more/c.txt"), "a red square\n").unwrap();
    RgbaImage::from_pixel(4, 4, Rgba([0, 0, 0, 0]))
        .save(root.join("d.png"))
        .unwrap();
    fs::write(root.join("notes.md"), "not a picture").unwrap();

    let read = ImageFolder::open(root, 16).unwrap();
    assert_eq!(read.len(), 4);
    assert!(read.check().is_empty());
    let samples: Vec<Sample> = (0..4).map(|i| read.get(i).unwrap()).collect();
    for (index, [r, g, b]) in [
        (0, [255, 0, 0]),
        (1, [255; 3]),
        (2, [255, 0, 0]),
        (3, [255, 0, 0]),
    ] {
        assert_eq!(samples[index].image.dimensions(), (16, 16));
        let found = samples[index].image.get_pixel(8, 8).0;
        let near = [r, g, b].iter().zip(found).all(|(e, f)| f.abs_diff(*e) < 8);
        assert!(near, "picture {index}: {found:?}");
    }
    assert_eq!(samples[3].caption.as_deref(), Some("a red square"));
    assert_eq!(samples[0].caption, None);
}

#[test]
fn bad_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let message = ImageFolder::open(root.join("nowhere"), 8)
        .unwrap_err()
        .to_string();
    assert!(message.contains("nowhere"), "{message}");
    assert!(matches!(
        ImageFolder::open(root, 8),
        Err(Error::EmptyFolder { .. })
    ));

    save(&root.join("good.png"), 8, 8);
    fs::write(root.join("broken.png"), b"\x89PNG\r\n\x1a\nnonsense").unwrap();
    let whole = fs::read(root.join("good.png")).unwrap();
    fs::write(root.join("cut.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(root.join("empty.jpg"), b"").unwrap();
    let read = ImageFolder::open(root, 8).unwrap();
    let errors: Vec<String> = read.check().iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    for name in ["broken.png", "cut.png", "empty.jpg"] {
        assert!(
            errors.iter().any(|e| e.contains(name)),
            "{name} not in {errors:?}"
        );
    }

    let captions = root.join("captions.jsonl");
    for (line, expected) in [
        ("{\"file\": \"good.png\"", "line 2"),
        ("{\"file\": \"absent.png\"}", "absent.png"),
        ("{\"caption\": \"x\"}", "file"),
        ("{\"file\": \"good.png\", \"captoin\": \"x\"}", "captoin"),
    ] {
        fs::write(&captions, format!("{{\"file\": \"good.png\"}}\n{line}\n")).unwrap();
        let message = ImageFolder::open(root, 8).unwrap_err().to_string();
        let named = message.contains("captions.jsonl, line 2") && message.contains(expected);
        assert!(named, "{line}: {message}");
    }
}

#[test]
fn a_sampler_sees_everything_once_an_epoch() {
    let mut sampler = Sampler::new(10, 4, 7).unwrap();
    let steps: Vec<Vec<usize>> = (0..10).map(|step| sampler.at(step)).collect();
    let seen = steps.concat();
    for epoch in seen.chunks(10) {
        let mut epoch = epoch.to_vec();
        epoch.sort_unstable();
        assert_eq!(epoch, (0..10).collect::<Vec<_>>());
    }
    assert_ne!(seen[..10], seen[10..20]);
    assert_eq!(Sampler::new(10, 4, 7).unwrap().at(6), steps[6]);
    assert!(Sampler::new(0, 4, 7).is_err() && Sampler::new(4, 0, 7).is_err());
}

#[test]
fn batches_come_in_order_and_stop_at_an_error() {
    let sampler = Sampler::new(10, 4, 7).unwrap();
    let batches = Batches::new(Arc::new(Plain(10)), sampler.clone(), 2, 3);
    let mut expected = sampler.clone();
    for (step, batch) in (2..8).zip(batches) {
        let indices = expected.at(step);
        assert_eq!(batch.unwrap(), sample_batch(&Plain(10), &indices).unwrap());
    }
    // The sampler believes in ten pictures where there are five.
    let mut batches = Batches::new(Arc::new(Plain(5)), sampler, 0, 1);
    assert!(batches.find(Result::is_err).is_some());
    assert!(batches.next().is_none());
}
