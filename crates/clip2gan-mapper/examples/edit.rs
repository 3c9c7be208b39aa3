//! Maps two features with a fresh mapper and edits one by the other: `cargo run -p clip2gan-mapper --example edit`

use burn::tensor::Device;
use clip2gan_clip::normalize;
use clip2gan_mapper::{MapperConfig, edit, sample};
use clip2gan_train::rng;

fn main() {
    let device = Device::flex();
    let mapper = MapperConfig::new(64, 128, 10).init(&device);
    let features = rng::randn([3, 64], &mut rng::stream(0, "features", 0), &device);
    let ws = sample::latents(&mapper, normalize(features), &[7, 7, 7], 0.0);
    let [picture, attribute, neutral] = [0, 1, 2].map(|row| ws.clone().narrow(0, row, 1));
    let edited = edit::difference(picture, attribute, neutral, 1.2);
    println!("{:?}", edited.dims());
}
