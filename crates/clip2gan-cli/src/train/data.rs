//! Pictures and captions for the stages.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use clip2gan_data::{
    Batch, Batches, ClassLabels, Dataset, ImageFolder, Sample, Sampler, Split, avatar_text,
    sample_batch,
};

use super::config::{Data, RunConfig};
use crate::error::{Failure, Outcome};

/// A data set that may be handed to a thread.
pub type Shared = Arc<dyn Dataset + Send + Sync>;

/// One picture of so many is held out of a folder: every sixteenth, so that each sub-folder gives its share.
const HELD_OUT: usize = 16;

/// The pictures to learn from, `resolution` pixels wide and high.
pub fn training(config: &RunConfig, resolution: usize) -> Outcome<Shared> {
    match &config.data {
        Data::Avatars { pictures } => avatars(config.seed, resolution, *pictures, false),
        Data::Folder { path } => {
            let folder = ImageFolder::open(path, resolution as u32)?;
            let places = places(folder.len(), false);
            Ok(Arc::new(Part { folder, places }))
        }
    }
}

/// Class labels of the pictures to learn from, if the generator shall know any.
pub struct Classes {
    labels: ClassLabels,
    /// Where in the folder each of the pictures is.
    places: Vec<usize>,
}

/// The labels that `[gan]` asks for.
pub fn classes(config: &RunConfig) -> Outcome<Option<Classes>> {
    let c_dim = config.gan.c_dim;
    if c_dim == 0 {
        return Ok(None);
    }
    let Data::Folder { path } = &config.data else {
        return Err(Failure::failed(format!(
            "gan.c_dim is {c_dim}, and drawn avatars have no classes"
        ))
        .expected("0, or pictures of a folder with labels")
        .hint("[data] source = \"folder\" with a dataset.json or a sub-folder for each class"));
    };
    let folder = ImageFolder::open(path, config.gan.resolution as u32)?;
    Ok(Some(Classes {
        labels: ClassLabels::of_folder(&folder, c_dim)?,
        places: places(folder.len(), false),
    }))
}

impl Classes {
    /// Whether the labels are one-hot.
    pub fn are_one_hot(&self) -> bool {
        self.labels.are_classes()
    }

    /// Labels `[count, c_dim]` of the first pictures, or of all if there are fewer.
    pub fn first(&self, count: usize, device: &Device) -> Tensor<2> {
        let indices: Vec<usize> = (0..count.min(self.places.len())).collect();
        self.of(&indices, device)
    }

    /// Labels `[indices, c_dim]`.
    pub fn of(&self, indices: &[usize], device: &Device) -> Tensor<2> {
        let places: Vec<usize> = indices.iter().map(|&index| self.places[index]).collect();
        let shape = [places.len(), self.labels.c_dim()];
        Tensor::from_data(TensorData::new(self.labels.rows(&places), shape), device)
    }
}

/// Pictures that no stage learns from: `count` of them where they are drawn, those that a folder has.
pub fn held_out(config: &RunConfig, resolution: usize, count: usize) -> Outcome<Shared> {
    match &config.data {
        Data::Avatars { .. } => avatars(config.seed, resolution, count, true),
        Data::Folder { path } => {
            let folder = ImageFolder::open(path, resolution as u32)?;
            let places = places(folder.len(), true);
            Ok(Arc::new(Part { folder, places }))
        }
    }
}

/// Captions for the tokenizer: those of the first `count` pictures to learn from.
pub fn texts(config: &RunConfig, count: usize) -> Outcome<Vec<String>> {
    match &config.data {
        Data::Avatars { pictures } => Ok((0..count.min(*pictures))
            .map(|index| avatar_text(config.seed, Split::Train, index).1)
            .collect()),
        Data::Folder { .. } => captions(&first(&training(config, 1)?, count)?),
    }
}

/// Where those of `len` pictures are that are held out, or the others.
fn places(len: usize, held_out: bool) -> Vec<usize> {
    (0..len)
        .filter(|place| (place % HELD_OUT == HELD_OUT - 1) == held_out)
        .collect()
}

/// Some of a folder's pictures.
struct Part {
    folder: ImageFolder,
    places: Vec<usize>,
}

impl Dataset for Part {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn resolution(&self) -> u32 {
        self.folder.resolution()
    }

    fn get(&self, index: usize) -> Result<Sample, clip2gan_data::Error> {
        let len = self.places.len();
        let place = self.places.get(index);
        self.folder
            .get(*place.ok_or(clip2gan_data::Error::Index { index, len })?)
    }
}

#[cfg(feature = "avatars")]
fn avatars(seed: u64, resolution: usize, len: usize, held_out: bool) -> Outcome<Shared> {
    use clip2gan_data::{AvatarConfig, AvatarDataset};
    Ok(Arc::new(AvatarDataset::new(AvatarConfig {
        resolution: resolution as u32,
        seed,
        len,
        split: if held_out {
            Split::HeldOut
        } else {
            Split::Train
        },
        ..AvatarConfig::default()
    })?))
}

#[cfg(not(feature = "avatars"))]
fn avatars(_: u64, _: usize, _: usize, _: bool) -> Outcome<Shared> {
    Err(without_avatars())
}

/// What a build without the drawings says.
#[cfg(not(feature = "avatars"))]
pub fn without_avatars() -> Failure {
    Failure::usage("this program was built without the avatars")
        .hint("build again with --features avatars, or train on a folder of pictures")
}

/// Endless batches from a step on, made ahead on a thread.
pub struct Stream {
    batches: Batches,
    device: Device,
}

impl Stream {
    /// `batch` pictures a step, chosen by `seed`.
    pub fn new(data: Shared, batch: usize, seed: u64, step: u64, device: &Device) -> Outcome<Self> {
        let sampler = Sampler::new(data.len(), batch, seed)?;
        Ok(Self {
            batches: Batches::new(data, sampler, step, 2),
            device: device.clone(),
        })
    }

    /// The next batch.
    pub fn next_batch(&mut self) -> Result<Batch, BoxError> {
        self.batches
            .next()
            .unwrap_or_else(|| Err(clip2gan_data::Error::Index { index: 0, len: 0 }))
            .map_err(Into::into)
    }

    /// The next batch's pictures, `[batch, 3, r, r]` in −1..1.
    pub fn next_pictures(&mut self) -> Result<Tensor<4>, BoxError> {
        Ok(pictures(self.next_batch()?, &self.device))
    }
}

/// Any error of the source of pictures.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A batch's pictures, `[batch, 3, r, r]` in −1..1.
pub fn pictures(batch: Batch, device: &Device) -> Tensor<4> {
    let shape = batch.shape();
    Tensor::from_data(TensorData::new(batch.images, shape), device)
}

/// The first `count` samples, or all if there are fewer.
pub fn first(data: &Shared, count: usize) -> Outcome<Batch> {
    let indices: Vec<usize> = (0..count.min(data.len())).collect();
    Ok(sample_batch(&**data, &indices)?)
}

/// The captions of a batch, all of which must be there.
pub fn captions(batch: &Batch) -> Outcome<Vec<String>> {
    let captions: Option<Vec<String>> = batch.captions.iter().cloned().collect();
    captions.ok_or_else(|| {
        Failure::failed("a picture has no caption")
            .expected("a caption for every picture, which this stage learns from")
            .hint("name it in the folder's captions.jsonl, or put a .txt beside the picture")
    })
}
