//! Attention pooling (`AttentionPool2d` of OpenAI's code): the mean of all places asks all places.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::softmax};

use crate::layers::{Init, Projection};

/// From places to one feature.
#[derive(Module, Debug)]
pub struct AttentionPool {
    /// `[1 + places, width]`, the mean first.
    pub positional_embedding: Param<Tensor<2>>,
    /// What is asked.
    pub q_proj: Projection,
    /// What answers to it.
    pub k_proj: Projection,
    /// What is answered.
    pub v_proj: Projection,
    /// To the joint space.
    pub c_proj: Projection,
    heads: usize,
}

impl AttentionPool {
    pub(crate) fn new(
        side: usize,
        width: usize,
        heads: usize,
        output: usize,
        init: &mut Init,
    ) -> Self {
        let std = (width as f32).powf(-0.5);
        let mut projection = |output| Projection::new(width, output, std, init);
        let [q_proj, k_proj, v_proj] = [(); 3].map(|()| projection(width));
        let c_proj = projection(output);
        Self {
            positional_embedding: init.normal([1 + side * side, width], std),
            q_proj,
            k_proj,
            v_proj,
            c_proj,
            heads,
        }
    }

    /// `[n, places, width]` → `[n, output]`.
    pub fn forward(&self, places: Tensor<3>) -> Tensor<2> {
        let mean = places.clone().mean_dim(1);
        let tokens = Tensor::cat(vec![mean, places], 1);
        let tokens = tokens + self.positional_embedding.val().unsqueeze();
        let [n, length, width] = tokens.dims();
        let head = width / self.heads;
        let split = |x: Tensor<2>, length| x.reshape([n, length, self.heads, head]).swap_dims(1, 2);
        let rows = tokens.clone().reshape([n * length, width]);
        let first = tokens.narrow(1, 0, 1).reshape([n, width]);
        let query = split(self.q_proj.forward(first), 1) * (head as f64).powf(-0.5);
        let key = split(self.k_proj.forward(rows.clone()), length);
        let value = split(self.v_proj.forward(rows), length);
        let answer = softmax(query.matmul(key.transpose()), 3).matmul(value);
        self.c_proj
            .forward(answer.swap_dims(1, 2).reshape([n, width]))
    }
}
