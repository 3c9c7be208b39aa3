//! The three one-dimensional transforms of F(4, 3); each is applied along columns, then along rows.

use pulp::Simd;

/// `G·g`
#[inline(always)]
pub fn transform_kernel<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 6] {
    let scaled = |factor: f32, x| simd.mul_f32s(simd.splat_f32s(factor), x);
    let sixth = |x| scaled(-1.0 / 6.0, x);
    let outer = simd.add_f32s(a, c);
    let (far, near) = (
        simd.mul_add_e_f32s(simd.splat_f32s(1.0 / 24.0), a, scaled(1.0 / 6.0, c)),
        scaled(1.0 / 12.0, b),
    );
    [
        scaled(0.25, a),
        sixth(simd.add_f32s(outer, b)),
        sixth(simd.sub_f32s(outer, b)),
        simd.add_f32s(far, near),
        simd.sub_f32s(far, near),
        c,
    ]
}

/// `Bᵀ·d`
#[inline(always)]
pub fn transform_input<S: Simd>(simd: S, d: [S::f32s; 6]) -> [S::f32s; 6] {
    let times = |factor: f32, x, plus| simd.mul_add_e_f32s(simd.splat_f32s(factor), x, plus);
    let (even, odd) = (times(-4.0, d[2], d[4]), times(-4.0, d[1], d[3]));
    let (near, far) = (simd.sub_f32s(d[4], d[2]), simd.sub_f32s(d[3], d[1]));
    [
        times(4.0, d[0], times(-5.0, d[2], d[4])),
        simd.add_f32s(even, odd),
        simd.sub_f32s(even, odd),
        times(2.0, far, near),
        times(-2.0, far, near),
        times(4.0, d[1], times(-5.0, d[3], d[5])),
    ]
}

/// `Gᵀ·m` of several kernels' gradients, side by side.
#[inline(always)]
pub fn transform_products<const N: usize>(m: [[f32; N]; 6]) -> [[f32; N]; 3] {
    let mut out = [[0.0; N]; 3];
    for lane in 0..N {
        let m = m.map(|point| point[lane]);
        let (p, q) = (m[1] + m[2], m[2] - m[1]);
        let (r, s) = (m[3] + m[4], m[3] - m[4]);
        let taps = [
            m[0] / 4.0 - p / 6.0 + r / 24.0,
            q / 6.0 + s / 12.0,
            (r - p) / 6.0 + m[5],
        ];
        for (out, tap) in out.iter_mut().zip(taps) {
            out[lane] = tap;
        }
    }
    out
}

/// `A·e`
#[inline(always)]
pub fn transform_gradient<S: Simd>(simd: S, e: [S::f32s; 4]) -> [S::f32s; 6] {
    let times = |factor: f32, x, plus| simd.mul_add_e_f32s(simd.splat_f32s(factor), x, plus);
    let (even, odd) = (simd.add_f32s(e[0], e[2]), simd.add_f32s(e[1], e[3]));
    let even_far = times(4.0, e[2], e[0]);
    // Twice 4·e₃ + e₁.
    let odd_far = times(4.0, e[3], e[1]);
    [
        e[0],
        simd.add_f32s(even, odd),
        simd.sub_f32s(even, odd),
        times(2.0, odd_far, even_far),
        times(-2.0, odd_far, even_far),
        e[3],
    ]
}

/// `Aᵀ·m`
#[inline(always)]
pub fn transform_output<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 4] {
    let times = |factor: f32, x, plus| simd.mul_add_e_f32s(simd.splat_f32s(factor), x, plus);
    let (p, q) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
    let (r, s) = (simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4]));
    [
        simd.add_f32s(m[0], simd.add_f32s(p, r)),
        times(2.0, s, q),
        times(4.0, r, p),
        times(8.0, s, simd.add_f32s(q, m[5])),
    ]
}
