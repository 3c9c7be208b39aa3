//! Adam against the papers' formulas, and exact resumption.
use super::*;
use crate::gradients::Gradient;
use crate::params;
use crate::testing::Model;
use burn::tensor::Device;

fn gradients(name: &str, values: &[f32]) -> NamedGradients {
    let gradient = Gradient {
        shape: vec![values.len()],
        values: values.to_vec(),
    };
    NamedGradients(BTreeMap::from([(name.to_owned(), gradient)]))
}

/// The parameter's values after each of the gradients.
fn trace(config: AdamConfig, start: [f32; 2], steps: &[[f32; 2]]) -> Vec<Vec<f32>> {
    let key = "layers.1.bias";
    let device = Device::flex().autodiff();
    let mut model = params::fill(Model::new(&device), |name, _| {
        (name == key).then(|| start.to_vec())
    });
    let mut adam = config.init();
    let mut trace = Vec::new();
    for step in steps {
        model = adam.step(model, &gradients(key, step)).unwrap();
        trace.push(params::to_arrays(&model)[key].to_f32());
    }
    assert!(model.layers[1].bias.as_ref().unwrap().is_require_grad());
    trace
}

fn close(found: &[f32], expected: &[f32]) {
    for (f, e) in found.iter().zip(expected) {
        assert!(
            (f - e).abs() < 2e-6 * e.abs().max(0.1),
            "{found:?} should be {expected:?}"
        );
    }
}

const STEPS: [[f32; 2]; 3] = [[0.1, -2.0], [-0.3, 0.5], [0.2, 4.0]];

/// Settings and the parameter's values after each of [`STEPS`], computed in f64 by the formulas of the papers.
const GOLDEN: [(AdamConfig, [[f32; 2]; 3]); 3] = [
    (
        AdamConfig {
            lr: 0.1,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-08,
            weight_decay: 0.0,
        },
        [
            [0.900000, -0.400000],
            [0.949419, -0.353053],
            [0.947540, -0.393236],
        ],
    ),
    (
        AdamConfig {
            lr: 0.0025,
            beta1: 0.0,
            beta2: 0.99,
            eps: 1e-08,
            weight_decay: 0.0,
        },
        [
            [0.997500, -0.497500],
            [1.000847, -0.498359],
            [0.998535, -0.502197],
        ],
    ),
    (
        AdamConfig {
            lr: 0.05,
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-06,
            weight_decay: 0.2,
        },
        [
            [0.940001, -0.445000],
            [0.955216, -0.416977],
            [0.944726, -0.432784],
        ],
    ),
];

#[test]
fn steps_equal_the_reference() {
    for (config, expected) in GOLDEN {
        for (found, expected) in trace(config, [1.0, -0.5], &STEPS).iter().zip(expected) {
            close(found, &expected);
        }
    }
}

#[test]
fn decay_can_be_kept_from_some_parameters() {
    let device = Device::flex().autodiff();
    let config = AdamConfig {
        lr: 0.1,
        weight_decay: 0.5,
        ..Default::default()
    };
    let mut adam = config.init().decay_only(|name| !name.ends_with("bias"));
    let model = params::fill(Model::new(&device), |_, shape| {
        Some(vec![1.0; shape.iter().product()])
    });
    let mut zero = gradients("layers.1.bias", &[0.0; 2]);
    zero.0.insert(
        "layers.1.weight".into(),
        Gradient {
            shape: vec![4, 2],
            values: vec![0.0; 8],
        },
    );
    let after = params::to_arrays(&adam.step(model, &zero).unwrap());
    assert_eq!(after["layers.1.bias"].to_f32(), [1.0; 2]);
    close(&after["layers.1.weight"].to_f32(), &[0.95; 8]);
    assert_eq!(
        after["layers.0.weight"].to_f32(),
        [1.0; 12],
        "no gradient, no change"
    );
}

#[test]
fn lazy_regularisation_rescales_rate_and_betas() {
    let lazy = AdamConfig {
        lr: 0.0025,
        beta1: 0.0,
        beta2: 0.99,
        ..Default::default()
    }
    .lazy(16);
    assert!((lazy.lr - 0.002_352_941).abs() < 1e-9);
    assert_eq!(lazy.beta1, 0.0);
    assert!((lazy.beta2 - 0.990_585_5).abs() < 1e-6, "{}", lazy.beta2);
}

#[test]
fn a_resumed_run_goes_on_exactly() {
    let device = Device::flex().autodiff();
    let train = |mut model: Model, adam: &mut Adam, steps: std::ops::Range<u64>| {
        for step in steps {
            let mut all = model.loss(step, &device).backward();
            let gradients = NamedGradients::take(&model, &mut all);
            drop(all);
            model = adam.step(model, &gradients).unwrap();
        }
        model
    };
    let config = AdamConfig {
        lr: 0.01,
        ..Default::default()
    };
    let mut whole = config.init();
    let uninterrupted = train(Model::new(&device), &mut whole, 0..6);
    let mut before = config.init();
    let saved = params::to_arrays(&train(Model::new(&device), &mut before, 0..3));
    let mut after = config.init();
    after.load_state(&before.state()).unwrap();
    let model = params::load(Model::new(&device), saved).unwrap();
    let resumed = train(model, &mut after, 3..6);
    assert_eq!(
        params::to_arrays(&resumed),
        params::to_arrays(&uninterrupted)
    );
    assert_eq!(after.state(), whole.state());
    assert!(
        uninterrupted.loss(9, &device).into_scalar::<f32>()
            < Model::new(&device).loss(9, &device).into_scalar::<f32>()
    );
}

#[test]
fn wrong_gradients_and_states_are_errors() {
    let model = || Model::new(&Device::flex());
    let mut adam = AdamConfig::default().init();
    let error = adam
        .step(model(), &gradients("layers.7.bias", &[0.0]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("layers.7.bias"), "{error}");
    let error = adam
        .step(model(), &gradients("layers.1.bias", &[0.0]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("[2]") && error.contains("[1]"), "{error}");
    adam.step(model(), &gradients("layers.1.bias", &[1.0, 1.0]))
        .unwrap();
    let state = adam.state();
    for key in state.keys() {
        let mut broken = state.clone();
        broken.remove(key);
        let error = adam.load_state(&broken).unwrap_err().to_string();
        assert!(error.contains("layers.1.bias"), "{error}");
    }
    let mut broken = state.clone();
    broken.insert("third.a".into(), Array::from_f32([1], &[0.0]));
    assert!(
        adam.load_state(&broken)
            .unwrap_err()
            .to_string()
            .contains("third.a")
    );
    assert_eq!(adam.state(), state, "a refused state changes nothing");
}
