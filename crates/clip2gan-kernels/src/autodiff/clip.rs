//! Of the transformers' operations.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn_autodiff::{
    Autodiff,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};

use crate::Nonlinearity;
use crate::backend::{ClipGradients, ClipOps};

#[derive(Debug)]
struct Linear;

/// What a layer's backward pass looks back at. `before` is what went into the non-linearity.
#[derive(Clone, Debug)]
struct LinearState<T> {
    x: T,
    weight: T,
    before: Option<T>,
    nonlinearity: Nonlinearity,
}

impl<B: ClipGradients> Backward<B, 3> for Linear {
    type State = LinearState<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let LinearState {
            x,
            weight,
            before,
            nonlinearity,
        } = ops.state;
        let [x_node, weight_node, bias_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let grad = match before {
            Some(before) => B::nonlinear_gradient(before, grad, nonlinearity),
            None => grad,
        };
        if let Some(node) = x_node {
            grads.register::<B>(node.id, B::float_matmul(grad.clone(), weight));
        }
        if let Some(node) = weight_node {
            let turned = B::float_swap_dims(grad.clone(), 0, 1);
            grads.register::<B>(node.id, B::float_matmul(turned, x));
        }
        if let Some(node) = bias_node {
            let outputs = grad.shape()[1];
            let sums = B::float_sum_dim(grad, 0);
            grads.register::<B>(node.id, B::float_reshape(sums, [outputs].into()));
        }
    }
}

#[derive(Debug)]
struct LayerNorm;

impl<B: ClipGradients> Backward<B, 3> for LayerNorm {
    type State = (FloatTensor<B>, FloatTensor<B>, f32);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, gain, epsilon) = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        let found = B::layer_norm_gradients(x, gain, grad, epsilon);
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: Backend + ClipGradients, C: CheckpointStrategy> ClipOps for Autodiff<B, C> {
    fn clip_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        nonlinearity: Nonlinearity,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let [x, weight, bias] = [x, weight, bias].map(|part| part.into_primitive());
        match Linear.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                // The derivative looks at what went into the non-linearity, so it cannot be fused here.
                let before = B::clip_linear(x.clone(), weight.clone(), bias, Nonlinearity::None);
                let (before, output) = match nonlinearity {
                    Nonlinearity::None => (None, before),
                    _ => (Some(before.clone()), B::nonlinear(before, nonlinearity)),
                };
                let state = LinearState {
                    x,
                    weight,
                    before,
                    nonlinearity,
                };
                prep.finish(state, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::clip_linear(x, weight, bias, nonlinearity)),
        }
    }

    fn clip_layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), gain.node(), bias.node()];
        let [x, gain, bias] = [x, gain, bias].map(|part| part.into_primitive());
        let output = B::clip_layer_norm(x.clone(), gain.clone(), bias, epsilon);
        match LayerNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, gain, epsilon), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}
