//! Fits a linear map, is "interrupted" half-way, resumes, and ends where an uninterrupted run ends.
//!
//! `cargo run -p clip2gan-train --example resume`

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use clip2gan_train::{Adam, AdamConfig, Checkpoint, Cosine, NamedGradients, RunDir, params, rng};

/// One matrix; the fit should find 2 on its diagonal.
#[derive(Module, Debug)]
struct Map {
    weight: Param<Tensor<2>>,
}

fn train(path: &std::path::Path, until: u64, device: &Device) -> clip2gan_train::Result<Map> {
    let config = AdamConfig {
        lr: 0.1,
        ..Default::default()
    };
    let schedule = Cosine {
        peak: 0.1,
        floor: 0.0,
        warmup: 5,
        total: 100,
    };
    let run = RunDir::open(path, &config, true)?;
    let mut map = Map {
        weight: Param::from_tensor(Tensor::zeros([3, 3], device)),
    };
    let mut adam = Adam::new(config);
    let mut done = 0;
    if let Some(mut checkpoint) = run.load_latest()? {
        map = params::load(map, checkpoint.take_group("map")?)?;
        adam.load_state(&checkpoint.take_group("adam")?)?;
        done = checkpoint.step;
    }
    let mut stats = run.stats(done)?;
    for step in done..until {
        let x = rng::randn([8, 3], &mut rng::stream(0, "batch", step), device);
        let loss = (x.clone().matmul(map.weight.val()) - x * 2.0)
            .powi_scalar(2)
            .mean();
        let mut gradients = loss.backward();
        let gradients = NamedGradients::take(&map, &mut gradients);
        adam.config.lr = schedule.at(step);
        map = adam.step(map, &gradients)?;
        let loss = loss.into_scalar::<f32>();
        stats.write(
            step + 1,
            &std::collections::BTreeMap::from([("loss", loss)]),
        )?;
    }
    let checkpoint = Checkpoint::new(until)
        .with_group("map", params::to_arrays(&map))
        .with_group("adam", adam.state());
    run.save(&checkpoint, 2)?;
    Ok(map)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    let folder = std::env::temp_dir().join(format!("clip2gan-resume-{}", std::process::id()));
    let whole = train(&folder.join("whole"), 100, &device)?;
    train(&folder.join("parts"), 50, &device)?;
    let resumed = train(&folder.join("parts"), 100, &device)?;
    println!("{}", resumed.weight.val());
    let same = params::to_arrays(&whole) == params::to_arrays(&resumed);
    println!("the resumed run ended where the uninterrupted one did: {same}");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
