//! The devices that this build and this machine have. A build knows the backends of its features: `cpu`, `wgpu`, `cuda`.

use burn::tensor::Device;

use crate::Error;

/// Opens a device by its name: `auto` (the first real GPU, else the CPU), `cpu`, `wgpu`, `wgpu:N`, `cuda` or `cuda:N`.
///
/// # Errors
/// [`Error::Device`], which says why it is not to be had and what would do.
pub fn pick(name: &str) -> Result<Device, Error> {
    let (backend, index) = match name.split_once(':') {
        Some((backend, index)) => match index.parse::<usize>() {
            Ok(index) => (backend, Some(index)),
            Err(_) => return Err(unknown(name)),
        },
        None => (name, None),
    };
    match (backend, index) {
        ("auto", None) => auto(),
        ("cpu", None) => cpu().ok_or_else(|| not_built(name, "cpu")),
        ("wgpu", index) => nth(name, "wgpu", wgpu(), index.unwrap_or(0)),
        ("cuda", index) => nth(name, "cuda", cuda(), index.unwrap_or(0)),
        _ => Err(unknown(name)),
    }
}

fn auto() -> Result<Device, Error> {
    let gpus = [cuda(), wgpu()].into_iter().flatten().flatten();
    // A software adapter is slower than our own CPU kernels.
    let gpu = gpus.into_iter().find(|device| !is_software(device));
    gpu.or_else(cpu).ok_or_else(|| Error::Device {
        name: "auto".into(),
        reason: "no GPU was found, and this build has no CPU backend".into(),
        expected: "a build with the feature cpu".into(),
    })
}

fn is_software(device: &Device) -> bool {
    format!("{device:?}").contains("Cpu")
}

fn nth(
    name: &str,
    backend: &'static str,
    devices: Option<Vec<Device>>,
    index: usize,
) -> Result<Device, Error> {
    let devices = devices.ok_or_else(|| not_built(name, backend))?;
    let found = devices.len();
    devices.into_iter().nth(index).ok_or_else(|| Error::Device {
        name: name.into(),
        reason: format!("{found} {backend} devices were found"),
        expected: match found {
            0 => "auto or cpu".into(),
            _ => format!("an index below {found}"),
        },
    })
}

fn unknown(name: &str) -> Error {
    Error::Device {
        name: name.into(),
        reason: "there is no such name".into(),
        expected: "auto, cpu, wgpu, wgpu:N, cuda or cuda:N".into(),
    }
}

fn not_built(name: &str, feature: &'static str) -> Error {
    Error::Device {
        name: name.into(),
        reason: format!("this program was built without {feature}"),
        expected: format!("auto, or a build with --features {feature}"),
    }
}

#[cfg(feature = "cpu")]
fn cpu() -> Option<Device> {
    Some(Device::flex())
}

#[cfg(not(feature = "cpu"))]
fn cpu() -> Option<Device> {
    None
}

/// `None` where the build has no such backend.
#[cfg(feature = "wgpu")]
fn wgpu() -> Option<Vec<Device>> {
    Some(listed(burn::tensor::DeviceType::Wgpu))
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Option<Vec<Device>> {
    None
}

#[cfg(feature = "cuda")]
fn cuda() -> Option<Vec<Device>> {
    Some(listed(burn::tensor::DeviceType::Cuda))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Option<Vec<Device>> {
    None
}

/// The devices of a kind. Some backends panic where the machine has no driver, which means: none.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn listed(kind: burn::tensor::DeviceType) -> Vec<Device> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let devices = std::panic::catch_unwind(|| Device::enumerate(kind).into_vec());
    std::panic::set_hook(hook);
    devices.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_would_do() {
        for bad in ["", "gpu", "cpu:0", "wgpu:x", "cuda:"] {
            let error = pick(bad).unwrap_err().to_string();
            assert!(error.contains("expected auto, cpu"), "{bad}: {error}");
        }
    }

    #[cfg(feature = "cpu")]
    #[test]
    fn the_cpu_is_always_there() {
        assert_eq!(pick("cpu").unwrap(), Device::flex());
        assert!(pick("auto").is_ok());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_that_was_not_built_is_named() {
        let error = pick("cuda:1").unwrap_err().to_string();
        assert!(error.contains("built without cuda"), "{error}");
    }
}
