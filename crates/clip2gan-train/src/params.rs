//! A module's parameters by dotted path (`mapping.layers.0.weight`), out and in.
//!
//! Buffers that are kept as parameters without gradients count as parameters here.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use clip2gan_weights::{Array, Arrays, Dtype};

use crate::{Error, Result};

/// All parameters of a module: floats as `f32`, integers as `i64`, booleans as booleans.
pub fn to_arrays<M: Module>(module: &M) -> Arrays {
    let mut visitor = Export::default();
    module.visit(&mut visitor);
    visitor.arrays
}

/// Puts arrays in the place of all parameters of a module.
///
/// Strict: every parameter must have its array, every array its parameter, and the shapes must agree. Floats of any
/// width are taken. The parameters keep their device and whether they require gradients.
pub fn load<M: Module>(module: M, arrays: impl Borrow<Arrays>) -> Result<M> {
    let arrays = arrays.borrow();
    let wanted = shapes(&module);
    let mut missing = wanted.iter().filter(|(key, _)| !arrays.contains_key(*key));
    if let Some((key, shape)) = missing.next() {
        let (key, expected) = (key.clone(), shape.clone());
        return Err(Error::MissingKey {
            key,
            expected,
            more: missing.count(),
        });
    }
    let mut extra = arrays.iter().filter(|(key, _)| !wanted.contains_key(*key));
    if let Some((key, array)) = extra.next() {
        let (key, found) = (key.clone(), array.shape.clone());
        return Err(Error::ExtraKey {
            key,
            found,
            more: extra.count(),
        });
    }
    for (key, expected) in wanted {
        let found = &arrays[&key].shape;
        if *found != expected {
            return Err(Error::Shape {
                key,
                expected,
                found: found.clone(),
            });
        }
    }
    Ok(module.map(&mut Import {
        path: Path::default(),
        arrays,
    }))
}

/// The shape of every parameter.
pub fn shapes<M: Module>(module: &M) -> BTreeMap<String, Vec<usize>> {
    let mut visitor = Shapes::default();
    module.visit(&mut visitor);
    visitor.shapes
}

/// Replaces those float parameters for which `values` gives some: called with each path and shape.
///
/// This is how a module is initialised from streams of one seed, without a global random number generator.
///
/// # Panics
/// If `values` gives another number of values than the shape asks for.
pub fn fill<M: Module>(module: M, values: impl FnMut(&str, &[usize]) -> Option<Vec<f32>>) -> M {
    module.map(&mut Fill {
        path: Path::default(),
        values,
    })
}

/// The path of the parameter that is being visited.
#[derive(Default)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    pub(crate) fn dotted(&self) -> String {
        self.0.join(".")
    }
}

/// The two methods by which a visitor or mapper with a field `path` follows where it is.
macro_rules! follow_path {
    () => {
        // A variant of an enum has no part in the path: what it holds could stand there without the enum.
        fn enter_module(&mut self, name: &str, container_type: &str) {
            if !container_type.starts_with("Enum:") {
                self.path.enter(name);
            }
        }

        fn exit_module(&mut self, _name: &str, container_type: &str) {
            if !container_type.starts_with("Enum:") {
                self.path.exit();
            }
        }
    };
}
pub(crate) use follow_path;

#[derive(Default)]
struct Shapes {
    path: Path,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl ModuleVisitor for Shapes {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.shapes
            .insert(self.path.dotted(), param.lazy_shape().to_vec());
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.shapes
            .insert(self.path.dotted(), param.lazy_shape().to_vec());
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.shapes
            .insert(self.path.dotted(), param.lazy_shape().to_vec());
    }
}

#[derive(Default)]
struct Export {
    path: Path,
    arrays: Arrays,
}

impl ModuleVisitor for Export {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = floats(param.val());
        let array = Array::from_f32(data.shape().to_vec(), as_floats(&data));
        self.arrays.insert(self.path.dotted(), array);
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let data = param.val().into_data();
        let values: Vec<i64> = data.iter::<i64>().collect();
        let array = Array::from_i64(data.shape().to_vec(), &values);
        self.arrays.insert(self.path.dotted(), array);
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        let data = param.val().into_data();
        let values = data.iter::<bool>().map(u8::from).collect();
        let array = Array {
            dtype: Dtype::Bool,
            shape: data.shape().to_vec(),
            data: values,
        };
        self.arrays.insert(self.path.dotted(), array);
    }
}

/// Looks every key up without a check: [`load`] has checked them all.
struct Import<'a> {
    path: Path,
    arrays: &'a Arrays,
}

impl ModuleMapper for Import<'_> {
    follow_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let array = &self.arrays[&self.path.dotted()];
        let data = TensorData::new(array.to_f32(), array.shape.clone());
        let (tensor, id) = (Tensor::from_data(data, &param.lazy_device()), param.id);
        param.transform_for_load(tensor, id)
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        let array = &self.arrays[&self.path.dotted()];
        let data = TensorData::new(array.to_i64(), array.shape.clone());
        let (tensor, id) = (Tensor::from_data(data, &param.lazy_device()), param.id);
        param.transform_for_load(tensor, id)
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        let array = &self.arrays[&self.path.dotted()];
        let values: Vec<bool> = array.to_i64().into_iter().map(|value| value != 0).collect();
        let data = TensorData::new(values, array.shape.clone());
        let (tensor, id) = (Tensor::from_data(data, &param.lazy_device()), param.id);
        param.transform_for_load(tensor, id)
    }
}

struct Fill<F> {
    path: Path,
    values: F,
}

impl<F: FnMut(&str, &[usize]) -> Option<Vec<f32>>> ModuleMapper for Fill<F> {
    follow_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape().to_vec();
        match (self.values)(&self.path.dotted(), &shape) {
            None => param,
            Some(values) => {
                let device: Device = param.lazy_device();
                let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
        }
    }
}

/// A float tensor's values on the host, as `f32`; without a copy where the tensor is there already and is not shared.
pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> TensorData {
    tensor.inner().into_data().convert::<f32>()
}

/// The values that [`floats`] gave.
pub(crate) fn as_floats(data: &TensorData) -> &[f32] {
    data.as_slice()
        .expect("`floats` gives f32 values in host memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Model;

    #[test]
    fn parameters_have_dotted_paths() {
        let arrays = to_arrays(&Model::new(&Device::flex().autodiff()));
        let found: Vec<_> = arrays
            .iter()
            .map(|(key, array)| (key.as_str(), array.shape.clone()))
            .collect();
        let expected = [
            ("average", vec![2]),
            ("layers.0.bias", vec![4]),
            ("layers.0.weight", vec![3, 4]),
            ("layers.1.bias", vec![2]),
            ("layers.1.weight", vec![4, 2]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_taken_out_can_be_put_in() {
        let device = Device::flex().autodiff();
        let arrays = to_arrays(&Model::new(&device));
        let other = fill(Model::new(&device), |_, shape| {
            Some(vec![0.25; shape.iter().product()])
        });
        assert_eq!(to_arrays(&other)["layers.0.bias"].to_f32(), [0.25; 4]);
        let loaded = load(other, &arrays).unwrap();
        assert_eq!(to_arrays(&loaded), arrays);
        assert!(loaded.layers[0].weight.is_require_grad());
        assert!(!loaded.average.is_require_grad());
    }

    #[test]
    fn half_precision_is_taken() {
        let device = Device::flex();
        let arrays: Arrays = to_arrays(&Model::new(&device))
            .iter()
            .map(|(key, array)| (key.clone(), array.cast(Dtype::F16)))
            .collect();
        let loaded = to_arrays(&load(Model::new(&device), &arrays).unwrap());
        assert_eq!(
            loaded["layers.0.weight"].cast(Dtype::F16),
            arrays["layers.0.weight"]
        );
    }

    #[test]
    fn loading_is_strict_and_says_what_is_wrong() {
        let device = Device::flex();
        let arrays = to_arrays(&Model::new(&device));
        let error = |change: &dyn Fn(&mut Arrays)| {
            let mut arrays = arrays.clone();
            change(&mut arrays);
            load(Model::new(&device), arrays).unwrap_err().to_string()
        };
        let missing = error(&|arrays| {
            arrays.remove("layers.0.weight");
            arrays.remove("average");
        });
        assert!(
            missing.contains("`average` (shape [2]) is missing, and so is one other"),
            "{missing}"
        );
        let extra = error(&|arrays| {
            arrays.insert("layers.2.weight".into(), Array::from_f32([1, 2], &[0.0; 2]));
            arrays.insert("x".into(), Array::from_f32([1], &[0.0]));
            arrays.insert("y".into(), Array::from_f32([1], &[0.0]));
        });
        assert!(
            extra.contains(
                "`layers.2.weight` (shape [1, 2]) has no place in the module, nor have 2 others"
            ),
            "{extra}"
        );
        let shape = error(&|arrays| {
            arrays.insert(
                "layers.0.weight".into(),
                Array::from_f32([4, 3], &[0.0; 12]),
            );
        });
        assert!(
            shape.contains("layers.0.weight")
                && shape.contains("[3, 4]")
                && shape.contains("[4, 3]"),
            "{shape}"
        );
    }
}
