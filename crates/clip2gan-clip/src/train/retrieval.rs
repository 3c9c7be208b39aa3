//! Retrieval: is the right caption the nearest one?

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::{Error, normalize};

/// Recall at one, in 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Retrieval {
    /// How often a picture's own caption is the nearest of all.
    pub image_to_text: f32,
    /// How often a caption's own picture is the nearest of all.
    pub text_to_image: f32,
    /// Among how many; chance is one over this.
    pub among: usize,
}

/// Recall at one by cosine among the pairs given. `image` and `text`: `[pairs, embed_dim]`, row by row belonging
/// together. A tie with a wrong candidate counts as a miss.
///
/// # Errors
/// [`Error::Shape`] if the two are not of the same shape.
pub fn retrieval(image: Tensor<2>, text: Tensor<2>) -> Result<Retrieval, Error> {
    if image.dims() != text.dims() {
        return Err(Error::Shape {
            what: "text features",
            expected: format!("{:?}, as the image features", image.dims()),
            found: format!("{:?}", text.dims()),
        });
    }
    let [pairs, _] = image.dims();
    let cosines = normalize(image).matmul(normalize(text).transpose());
    let cosines = cosines.to_data().iter::<f32>().collect::<Vec<_>>();
    let recall = |at: &dyn Fn(usize, usize) -> f32| {
        let hits = (0..pairs).filter(|&i| (0..pairs).all(|j| j == i || at(i, j) < at(i, i)));
        hits.count() as f32 / pairs.max(1) as f32
    };
    Ok(Retrieval {
        image_to_text: recall(&|i, j| cosines[i * pairs + j]),
        text_to_image: recall(&|i, j| cosines[j * pairs + i]),
        among: pairs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn counts_both_ways() {
        let device = Device::flex();
        let image = Tensor::<2>::from_floats([[1.0, 0.0], [0.8, 0.6]], &device);
        let text = Tensor::<2>::from_floats([[1.0, 0.1], [1.0, 0.0]], &device);
        // Cosines [[.995, 1], [.856, .8]]: both pictures prefer the wrong sentence; the
        // first sentence has its picture, the second has not.
        let half = retrieval(image.clone(), text).unwrap();
        assert_eq!([half.image_to_text, half.text_to_image], [0.0, 0.5]);
        let all = retrieval(image.clone(), image.clone()).unwrap();
        assert_eq!([all.image_to_text, all.text_to_image], [1.0, 1.0]);
        assert_eq!(all.among, 2);
        assert!(retrieval(image.clone(), image.slice_dim(0, 0..1)).is_err());
    }
}
