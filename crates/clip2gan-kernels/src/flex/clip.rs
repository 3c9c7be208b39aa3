//! Of the transformers' operations.

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::{Values, kept, tensor};
use crate::backend::{BlockOps, ClipGradients, ClipOps};
use crate::fast::{
    attention::attention,
    linear::{Weight, linear},
    nonlinear, norm,
};
use crate::{Attention, Nonlinearity};

impl ClipOps for Flex {
    fn clip_linear(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        nonlinearity: Nonlinearity,
    ) -> FlexTensor {
        let [x, weight, bias] = [x, weight, bias].map(Values::of);
        let ([rows, depth], [outputs, _]) = (x.matrix(), weight.matrix());
        let out = linear(
            x.slice(),
            &Weight::new(weight.slice(), depth),
            bias.present(),
            nonlinearity,
            None,
        );
        tensor(out, [rows, outputs])
    }

    fn clip_layer_norm(
        x: FlexTensor,
        gain: FlexTensor,
        bias: FlexTensor,
        epsilon: f32,
    ) -> FlexTensor {
        let [x, gain, bias] = [x, gain, bias].map(Values::of);
        let out = norm::layer_norm(x.slice(), gain.slice(), bias.slice(), epsilon);
        tensor(out, x.matrix())
    }
}

impl BlockOps for Flex {
    fn clip_linear_add(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        nonlinearity: Nonlinearity,
        residual: FlexTensor,
    ) -> FlexTensor {
        let [x, weight, bias, residual] = [x, weight, bias, residual].map(Values::of);
        let ([rows, depth], [outputs, _]) = (x.matrix(), weight.matrix());
        let make = || Weight::new(weight.slice(), depth);
        let out = linear(
            x.slice(),
            &kept::WEIGHTS.get(&weight, (), make),
            bias.present(),
            nonlinearity,
            residual.present(),
        );
        tensor(out, [rows, outputs])
    }

    fn clip_attention(qkv: FlexTensor, shape: Attention) -> FlexTensor {
        let qkv = Values::of(qkv);
        let [rows, stacked] = qkv.matrix();
        let width = stacked / 3;
        tensor(attention(qkv.slice(), width, shape), [rows, width])
    }
}

impl ClipGradients for Flex {
    fn nonlinear(x: FlexTensor, nonlinearity: Nonlinearity) -> FlexTensor {
        let x = Values::of(x);
        tensor(nonlinear::map(x.slice(), nonlinearity), x.matrix())
    }

    fn nonlinear_gradient(
        x: FlexTensor,
        grad: FlexTensor,
        nonlinearity: Nonlinearity,
    ) -> FlexTensor {
        let [x, grad] = [x, grad].map(Values::of);
        let out = nonlinear::gradient(x.slice(), grad.slice(), nonlinearity);
        tensor(out, x.matrix())
    }

    fn layer_norm_gradients(
        x: FlexTensor,
        gain: FlexTensor,
        grad: FlexTensor,
        epsilon: f32,
    ) -> [FlexTensor; 3] {
        let [x, gain, grad] = [x, gain, grad].map(Values::of);
        let [input, gains, biases] =
            norm::gradients(x.slice(), gain.slice(), grad.slice(), epsilon);
        let width = gains.len();
        [
            tensor(input, x.matrix()),
            tensor(gains, [width]),
            tensor(biases, [width]),
        ]
    }
}
