//! Which vector instructions the kernels run on: the best that the processor has, or fewer, for comparison.

use std::sync::atomic::{AtomicU8, Ordering};

use pulp::{Arch, Scalar256b, WithSimd};

use crate::Instructions;

static MOST: AtomicU8 = AtomicU8::new(Instructions::Best as u8);

/// Limits the choice from now on.
pub fn set_limit(most: Instructions) {
    MOST.store(most as u8, Ordering::Relaxed);
}

/// The limit now.
pub fn limit() -> Instructions {
    let most = MOST.load(Ordering::Relaxed);
    let all = [
        Instructions::Best,
        Instructions::Avx2,
        Instructions::Portable,
    ];
    all.into_iter()
        .find(|&limit| limit as u8 == most)
        .unwrap_or(Instructions::Portable)
}

/// Instructions that were chosen: what belongs together runs on the same ones, even if the limit changes meanwhile.
#[derive(Clone, Copy)]
pub struct Chosen(Arch, bool);

/// The best that the processor has and the limit allows.
pub fn chosen() -> Chosen {
    let best = Arch::new();
    let most = limit();
    if most == Instructions::Best {
        return Chosen(best, false);
    }
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if most == Instructions::Avx2
        && let Some(simd) = pulp::x86::V3::try_new()
    {
        return Chosen(Arch::V3(simd), false);
    }
    Chosen(best, true)
}

impl Chosen {
    /// Runs `op` on them.
    #[inline(always)]
    pub fn dispatch<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self {
            Self(arch, false) => arch.dispatch(op),
            // Arrays of eight, which compilers turn into whatever vectors the target is sure to have.
            Self(_, true) => op.with_simd(Scalar256b),
        }
    }
}

/// Runs `op` on the best instructions that the processor has and the limit allows.
#[inline(always)]
pub fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    chosen().dispatch(op)
}

/// Declares a function whose body is compiled for every instruction set and runs on the best of them. A closure would not do: it is
/// a function of its own, compiled for what the target is sure to have, unless the compiler happens to inline it.
macro_rules! vectorised {
    (
        $(#[$doc:meta])*
        $vis:vis fn $name:ident<$life:lifetime>($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block
    ) => {
        $(#[$doc])*
        $vis fn $name<$life>($($arg: $type),*) $(-> $out)? {
            struct Op<$life> {
                $($arg: $type),*
            }
            impl<$life> pulp::WithSimd for Op<$life> {
                type Output = $crate::fast::instructions::vectorised!(@output $($out)?);

                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
                    let Self { $($arg),* } = self;
                    $body
                }
            }
            $crate::fast::instructions::dispatch(Op { $($arg),* })
        }
    };
    (@output) => { () };
    (@output $out:ty) => { $out };
}
pub(crate) use vectorised;
