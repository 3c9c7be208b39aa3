//! The mapper's losses (CLIP2GAN, section 3.2). Each is a mean over the batch and gives a tensor `[1]`.

use burn::tensor::Tensor;
use clip2gan_clip::normalize;

/// Keeps the diversity ratio finite while two pictures are still alike.
pub const DIVERSITY_EPSILON: f64 = 0.05;

/// Squared L2 between pictures `[n, 3, h, w]`, averaged over their values.
pub fn squared_l2(x: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    (x - target).square().mean()
}

/// `1 − cos` between features `[n, dim]` of any norm.
pub fn cosine(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    (normalize(a) * normalize(b)).sum_dim(1).mean().neg() + 1.0
}

/// Squared distance of latents, in units of the generator's own variance of `w`, so that predicting `w_avg` costs about 1.
/// `ws` and `target` `[n, num_ws, w_dim]`.
pub fn latent(ws: Tensor<3>, target: Tensor<3>, w_variance: f64) -> Tensor<1> {
    (ws - target).square().mean() / w_variance
}

/// The diversity term `d_feature(f, f₁) / d_image(x', x₁')`, with mean absolute distances: two inputs drawn from one feature
/// must give visibly different pictures. `input*` are what the mapper sees, `[n, dim]`; `image*` `[n, 3, h, w]`.
///
/// Deviation: [`DIVERSITY_EPSILON`] in the denominator, for a mapper that starts at one picture has no distance to divide by.
pub fn diversity(
    input: Tensor<2>,
    input1: Tensor<2>,
    image: Tensor<4>,
    image1: Tensor<4>,
) -> Tensor<1> {
    let n = image.dims()[0];
    let d_feature = (input - input1).abs().mean_dim(1).reshape([n]);
    let d_image: Tensor<2> = (image - image1).abs().flatten(1, 3);
    let d_image = d_image.mean_dim(1).reshape([n]);
    (d_feature / (d_image + DIVERSITY_EPSILON)).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, TensorData};
    use clip2gan_train::rng;

    fn draw<const D: usize>(name: &str, shape: [usize; D]) -> Vec<f64> {
        let values = rng::normal(&mut rng::stream(0, name, 0), shape.iter().product());
        values.into_iter().map(f64::from).collect()
    }

    fn tensor<const D: usize>(values: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
        let data = TensorData::new(values.to_vec(), shape);
        Tensor::from_data(data, (device, DType::F64))
    }

    #[test]
    fn diversity_agrees_with_finite_differences() {
        let (features, pictures) = ([2, 5], [2, 3, 4, 4]);
        let image = draw("x", pictures);
        let loss = |image: Tensor<4>, device: &Device| {
            diversity(
                tensor(&draw("f", features), features, device),
                tensor(&draw("f1", features), features, device),
                image,
                tensor(&draw("x1", pictures), pictures, device),
            )
        };
        let tracked = Device::flex().autodiff();
        let x = tensor(&image, pictures, &tracked).require_grad();
        let grads = loss(x.clone(), &tracked).backward();
        let gradient = x.grad(&grads).unwrap().try_into_vec_as::<f64>().unwrap();
        let plain = Device::flex();
        let at = |index: usize, step: f64| -> f64 {
            let mut moved = image.clone();
            moved[index] += step;
            loss(tensor(&moved, pictures, &plain), &plain).into_scalar()
        };
        for index in [0, 7, 31, 50, 95] {
            let numeric = (at(index, 1e-5) - at(index, -1e-5)) / 2e-5;
            assert!(
                (numeric - gradient[index]).abs() < 1e-7 + 1e-5 * numeric.abs(),
                "value {index}: {numeric} against {}",
                gradient[index]
            );
        }
    }

    #[test]
    fn diversity_rewards_different_pictures() {
        let device = Device::flex();
        let shape = [2, 3, 4, 4];
        let f = tensor(&draw("f", [2, 5]), [2, 5], &device);
        let f1 = tensor(&draw("f1", [2, 5]), [2, 5], &device);
        let x = tensor(&draw("x", shape), shape, &device);
        let loss = |distance: f64| -> f64 {
            diversity(f.clone(), f1.clone(), x.clone(), x.clone() + distance).into_scalar()
        };
        assert!(loss(0.0).is_finite());
        assert!(loss(0.0) > loss(0.1) && loss(0.1) > loss(1.0));
    }

    #[test]
    fn the_mean_latent_costs_one() {
        let device = Device::flex();
        let shape = [64, 4, 16];
        let ws = tensor(&draw("w", shape), shape, &device) * 3.0;
        let cost: f64 = latent(ws.zeros_like(), ws, 9.0).into_scalar();
        assert!((cost - 1.0).abs() < 0.1, "{cost}");
    }

    #[test]
    fn cosine_reads_direction_only() {
        let device = Device::flex();
        let a = tensor(&draw("a", [3, 7]), [3, 7], &device);
        let same: f64 = cosine(a.clone(), a.clone() * 4.0).into_scalar();
        let opposite: f64 = cosine(a.clone(), a.neg()).into_scalar();
        assert!(same.abs() < 1e-6 && (opposite - 2.0).abs() < 1e-6);
    }
}
