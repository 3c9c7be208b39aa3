//! Batches: which indices, and their pictures, drawn ahead on a thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use image::RgbImage;
use rayon::prelude::*;

use crate::chance::{shuffle, stream};
use crate::{Dataset, Error, Labels};

/// Some samples of a dataset, as a network wants them.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Where in the dataset each picture is.
    pub indices: Vec<usize>,
    /// `[batch, 3, resolution, resolution]` in −1..1, row by row.
    pub images: Vec<f32>,
    /// Width and height of the pictures.
    pub resolution: usize,
    /// One for each picture.
    pub captions: Vec<Option<String>>,
    /// One for each picture.
    pub labels: Vec<Labels>,
}

impl Batch {
    /// `[batch, channels, height, width]` of [`Batch::images`].
    pub fn shape(&self) -> [usize; 4] {
        [self.indices.len(), 3, self.resolution, self.resolution]
    }
}

/// Appends a picture to `out` as `[3, height, width]` in −1..1 (0 is −1, 255 is 1).
pub fn to_nchw(image: &RgbImage, out: &mut Vec<f32>) {
    for channel in 0..3 {
        out.extend(image.pixels().map(|p| f32::from(p[channel]) / 127.5 - 1.));
    }
}

/// The samples at `indices`, made in parallel.
///
/// # Errors
/// The first error of [`Dataset::get`].
pub fn sample_batch<D: Dataset + ?Sized>(dataset: &D, indices: &[usize]) -> Result<Batch, Error> {
    let samples = indices
        .par_iter()
        .map(|&index| dataset.get(index))
        .collect::<Result<Vec<_>, _>>()?;
    let resolution = dataset.resolution() as usize;
    let mut batch = Batch {
        indices: indices.to_vec(),
        images: Vec::with_capacity(indices.len() * 3 * resolution * resolution),
        resolution,
        captions: Vec::with_capacity(indices.len()),
        labels: Vec::with_capacity(indices.len()),
    };
    for sample in samples {
        to_nchw(&sample.image, &mut batch.images);
        batch.captions.push(sample.caption);
        batch.labels.push(sample.labels);
    }
    Ok(batch)
}

/// Says which indices make up the batch of a training step: every index once
/// in an epoch, each epoch in an order of its own.
///
/// The answer depends on nothing but the arguments, so a training that is
/// taken up again at a step sees what it would have seen.
#[derive(Debug, Clone)]
pub struct Sampler {
    len: usize,
    batch: usize,
    seed: u64,
    epoch: Option<(u64, Vec<u32>)>,
}

impl Sampler {
    /// Of `len` samples, `batch` at a step.
    ///
    /// # Errors
    /// [`Error::Config`] if `len` is 0 or beyond 2³², or `batch` is 0.
    pub fn new(len: usize, batch: usize, seed: u64) -> Result<Self, Error> {
        for (name, value) in [("len", len), ("batch", batch)] {
            if value == 0 || u32::try_from(value).is_err() {
                return Err(Error::Config {
                    name,
                    expected: "1 to 4294967295",
                    found: value.to_string(),
                });
            }
        }
        Ok(Self {
            len,
            batch,
            seed,
            epoch: None,
        })
    }

    /// The indices of the batch at `step`, from 0.
    pub fn at(&mut self, step: u64) -> Vec<usize> {
        let first = step * self.batch as u64;
        (first..first + self.batch as u64)
            .map(|position| self.index(position))
            .collect()
    }

    fn index(&mut self, position: u64) -> usize {
        let (len, seed) = (self.len as u64, self.seed);
        let epoch = position / len;
        if self.epoch.as_ref().is_none_or(|(at, _)| *at != epoch) {
            let mut order: Vec<u32> = (0..self.len as u32).collect();
            shuffle(&mut stream(seed, epoch), &mut order);
            self.epoch = Some((epoch, order));
        }
        match &self.epoch {
            Some((_, order)) => order[(position % len) as usize] as usize,
            None => 0,
        }
    }
}

/// The batches from a step on, without end, made ahead on a thread of their
/// own. After an error there are no more.
pub struct Batches {
    receiver: Option<Receiver<Result<Batch, Error>>>,
    thread: Option<JoinHandle<()>>,
}

impl Batches {
    /// Batches of `dataset` as `sampler` chooses them, from `first_step` on;
    /// at most `ahead` of them wait to be used.
    pub fn new<D>(dataset: Arc<D>, mut sampler: Sampler, first_step: u64, ahead: usize) -> Self
    where
        D: Dataset + Send + ?Sized + 'static,
    {
        let (sender, receiver) = sync_channel(ahead);
        let thread = std::thread::spawn(move || {
            for step in first_step.. {
                let batch = sample_batch(&*dataset, &sampler.at(step));
                let failed = batch.is_err();
                if sender.send(batch).is_err() || failed {
                    return;
                }
            }
        });
        Self {
            receiver: Some(receiver),
            thread: Some(thread),
        }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.receiver.as_ref()?.recv().ok()
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // The thread stops when nobody can receive.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
