//! The classes and functions that a checkpoint may name.

use crate::Dtype;

/// What this crate takes a name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A dictionary of some sort.
    Dict,
    /// A function that gives back the list or dictionary it is given, or one with the same in it.
    Same,
    /// An object of named attributes.
    Namespace,
    /// `torch_utils.persistence._reconstruct_persistent_obj`: a module, its source text and its state.
    Persistent,
    /// A module whose state is a dictionary: a container of PyTorch, or any class of a TorchScript archive.
    Module,
    /// `_rebuild_tensor(storage, offset, shape, strides, …)`.
    Tensor,
    /// `_rebuild_tensor_v3(storage, offset, shape, strides, requires_grad, hooks, dtype, …)`.
    TypedTensor,
    /// `_rebuild_parameter(tensor, …)`.
    Parameter,
    /// `_load_from_bytes(bytes)`: a storage inside the pickle.
    LoadFromBytes,
    /// The class of a storage.
    Storage(Dtype),
    /// The class of a storage of bytes.
    UntypedStorage,
    /// The type of an array's elements.
    Dtype(Dtype),
    /// `_codecs.encode(text, "latin1")`: bytes, as protocol 2 writes them.
    Encode,
    /// `numpy.dtype(name, …)`.
    NumpyDtype,
    /// `numpy.core.multiarray.scalar(dtype, bytes)`.
    NumpyScalar,
    /// `numpy.core.multiarray._reconstruct`, with the array in its state.
    NumpyArray,
    /// The class `numpy.ndarray` itself.
    Inert,
}

use Kind::*;

/// Module, name, meaning. Nothing else is accepted, but for [`SCRIPT`].
const ALLOWED: &[(&str, &str, Kind)] = &[
    ("collections", "OrderedDict", Dict),
    ("collections", "Counter", Dict),
    ("builtins", "dict", Dict),
    ("__builtin__", "dict", Dict),
    ("dnnlib", "EasyDict", Dict),
    ("dnnlib.util", "EasyDict", Dict),
    ("builtins", "set", Same),
    ("builtins", "frozenset", Same),
    ("__builtin__", "set", Same),
    ("__builtin__", "frozenset", Same),
    ("torch", "Size", Same),
    ("torch.jit._pickle", "restore_type_tag", Same),
    ("torch.jit._pickle", "build_intlist", Same),
    ("torch.jit._pickle", "build_doublelist", Same),
    ("torch.jit._pickle", "build_boollist", Same),
    ("torch.jit._pickle", "build_tensorlist", Same),
    ("argparse", "Namespace", Namespace),
    (
        "torch_utils.persistence",
        "_reconstruct_persistent_obj",
        Persistent,
    ),
    ("torch.nn.modules.container", "ModuleList", Module),
    ("torch.nn.modules.container", "ModuleDict", Module),
    ("torch.nn.modules.container", "Sequential", Module),
    ("torch.nn.modules.container", "ParameterList", Module),
    ("torch.nn.modules.container", "ParameterDict", Module),
    ("torch._utils", "_rebuild_tensor", Tensor),
    ("torch._utils", "_rebuild_tensor_v2", Tensor),
    ("torch._utils", "_rebuild_tensor_v3", TypedTensor),
    ("torch._utils", "_rebuild_parameter", Parameter),
    ("torch._utils", "_rebuild_parameter_with_state", Parameter),
    ("torch.nn.parameter", "Parameter", Parameter),
    ("torch.storage", "_load_from_bytes", LoadFromBytes),
    ("torch", "BoolStorage", Storage(Dtype::Bool)),
    ("torch", "ByteStorage", Storage(Dtype::U8)),
    ("torch", "CharStorage", Storage(Dtype::I8)),
    ("torch", "ShortStorage", Storage(Dtype::I16)),
    ("torch", "IntStorage", Storage(Dtype::I32)),
    ("torch", "LongStorage", Storage(Dtype::I64)),
    ("torch", "HalfStorage", Storage(Dtype::F16)),
    ("torch", "BFloat16Storage", Storage(Dtype::BF16)),
    ("torch", "FloatStorage", Storage(Dtype::F32)),
    ("torch", "DoubleStorage", Storage(Dtype::F64)),
    ("torch", "UntypedStorage", UntypedStorage),
    ("torch.storage", "UntypedStorage", UntypedStorage),
    ("torch", "bool", Dtype(Dtype::Bool)),
    ("torch", "uint8", Dtype(Dtype::U8)),
    ("torch", "int8", Dtype(Dtype::I8)),
    ("torch", "uint16", Dtype(Dtype::U16)),
    ("torch", "int16", Dtype(Dtype::I16)),
    ("torch", "uint32", Dtype(Dtype::U32)),
    ("torch", "int32", Dtype(Dtype::I32)),
    ("torch", "uint64", Dtype(Dtype::U64)),
    ("torch", "int64", Dtype(Dtype::I64)),
    ("torch", "float16", Dtype(Dtype::F16)),
    ("torch", "bfloat16", Dtype(Dtype::BF16)),
    ("torch", "float32", Dtype(Dtype::F32)),
    ("torch", "float64", Dtype(Dtype::F64)),
    ("_codecs", "encode", Encode),
    ("numpy", "dtype", NumpyDtype),
    ("numpy", "ndarray", Inert),
    ("numpy.core.multiarray", "scalar", NumpyScalar),
    ("numpy._core.multiarray", "scalar", NumpyScalar),
    ("numpy.core.multiarray", "_reconstruct", NumpyArray),
    ("numpy._core.multiarray", "_reconstruct", NumpyArray),
];

/// TorchScript names its own classes under this module. They only live in the archive's code, which is never read; here
/// they are names of modules.
const SCRIPT: &str = "__torch__";

/// What a name stands for, if a checkpoint may name it.
pub(crate) fn find(module: &str, name: &str) -> Option<Kind> {
    // Old files name the storages of a GPU by another module.
    let here = match module {
        "torch.cuda" if name.ends_with("Storage") => "torch",
        other => other,
    };
    if let Some((_, _, kind)) = ALLOWED
        .iter()
        .find(|(of, called, _)| *of == here && *called == name)
    {
        return Some(*kind);
    }
    let script = module
        .strip_prefix(SCRIPT)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    script.then_some(Module)
}
