//! Of StyleGAN2's operations.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn_autodiff::{
    Autodiff,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind, unary},
};

use crate::Resampling;
use crate::backend::{StyleganGradients, StyleganOps};
use crate::fast::{conv::Kind, finish::Shape};

#[derive(Debug)]
struct Conv;

impl<B: StyleganGradients> Backward<B, 2> for Conv {
    type State = (FloatTensor<B>, FloatTensor<B>, Kind);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, weight, kind) = ops.state;
        let [x_node, weight_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let k = weight.shape()[2];
        if let Some(node) = x_node {
            grads.register::<B>(node.id, B::conv_input_gradient(grad.clone(), weight, kind));
        }
        if let Some(node) = weight_node {
            grads.register::<B>(node.id, B::conv_weight_gradient(x, grad, kind, k));
        }
    }
}

#[derive(Debug)]
struct Resample;

impl<B: StyleganGradients> Backward<B, 1> for Resample {
    type State = (Resampling, Resampling);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, grads, |grad| {
            let (resampling, adjoint) = ops.state;
            B::stylegan_resample(grad, adjoint, resampling)
        });
    }
}

#[derive(Debug)]
struct Scale;

impl<B: StyleganGradients> Backward<B, 2> for Scale {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, scale) = ops.state;
        let [x_node, scale_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        if let Some(node) = x_node {
            grads.register::<B>(node.id, B::stylegan_scale(grad.clone(), scale));
        }
        if let Some(node) = scale_node {
            grads.register::<B>(node.id, B::plane_dots(grad, x));
        }
    }
}

#[derive(Debug)]
struct Epilogue;

/// What the epilogue's backward pass looks back at.
#[derive(Clone, Debug)]
struct EpilogueState<T> {
    y: T,
    /// The input and its factors, if there are factors.
    demodulated: Option<(T, T)>,
    noise: T,
    shape: Shape,
}

impl<B: StyleganGradients> Backward<B, 4> for Epilogue {
    type State = EpilogueState<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let state = ops.state;
        let [x_node, demodulation_node, strength_node, bias_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let grad = B::epilogue_gradient(state.y, grad, state.shape);
        if let Some(node) = bias_node {
            grads.register::<B>(node.id, B::channel_sums(grad.clone()));
        }
        if let Some(node) = strength_node {
            let dots = B::plane_dots(grad.clone(), state.noise);
            grads.register::<B>(node.id, B::float_sum(dots));
        }
        if let (Some(node), Some((x, _))) = (demodulation_node, &state.demodulated) {
            grads.register::<B>(node.id, B::plane_dots(grad.clone(), x.clone()));
        }
        if let Some(node) = x_node {
            let grad = match state.demodulated {
                None => grad,
                Some((_, demodulation)) => B::stylegan_scale(grad, demodulation),
            };
            grads.register::<B>(node.id, grad);
        }
    }
}

impl<B: Backend + StyleganGradients, C: CheckpointStrategy> StyleganOps for Autodiff<B, C> {
    fn stylegan_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        kind: Kind,
    ) -> FloatTensor<Self> {
        let output = B::stylegan_conv(x.primitive().clone(), weight.primitive().clone(), kind);
        let nodes = [x.node(), weight.node()];
        match Conv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                prep.finish((x.into_primitive(), weight.into_primitive(), kind), output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn stylegan_resample(
        x: FloatTensor<Self>,
        resampling: Resampling,
        adjoint: Resampling,
    ) -> FloatTensor<Self> {
        let (there, back) = (resampling.clone(), adjoint.clone());
        let output = B::stylegan_resample(x.primitive().clone(), there, back);
        match Resample.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((resampling, adjoint), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn stylegan_scale(x: FloatTensor<Self>, scale: FloatTensor<Self>) -> FloatTensor<Self> {
        let output = B::stylegan_scale(x.primitive().clone(), scale.primitive().clone());
        let nodes = [x.node(), scale.node()];
        match Scale.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                prep.finish((x.into_primitive(), scale.into_primitive()), output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn stylegan_epilogue(
        x: FloatTensor<Self>,
        demodulation: FloatTensor<Self>,
        noise: FloatTensor<Self>,
        strength: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shape: Shape,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), demodulation.node(), strength.node(), bias.node()];
        let [x, demodulation, noise, strength, bias] =
            [x, demodulation, noise, strength, bias].map(|part| part.into_primitive());
        // Kept only where it is needed: the kernels write over an input that nobody else has.
        let factors = demodulation.shape().num_elements();
        let demodulated = (factors > 0).then(|| (x.clone(), demodulation.clone()));
        let y = B::stylegan_epilogue(x, demodulation, noise.clone(), strength, bias, shape);
        match Epilogue.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = EpilogueState {
                    y: y.clone(),
                    demodulated,
                    noise,
                    shape,
                };
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}
