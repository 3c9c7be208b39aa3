//! PIL's antialiased bicubic filter (a = −½, widened by the scale when shrinking), one axis at a time.

/// One output pixel as a weighted sum of neighbouring input pixels.
pub(crate) struct Filter {
    pub start: usize,
    pub weights: Vec<f64>,
}

/// Filters of the rows and of the columns of the cropped picture.
pub(super) fn filters(height: usize, width: usize, size: usize) -> [Vec<Filter>; 2] {
    let shorter = height.min(width);
    [height, width].map(|length| {
        // torchvision truncates the longer side and rounds the crop's offset.
        let resized = (size * length / shorter).max(size);
        let offset = ((resized - size) as f64 / 2.0).round_ties_even() as usize;
        let scale = length as f64 / resized as f64;
        (offset..offset + size)
            .map(|i| bicubic(i, scale, length))
            .collect()
    })
}

/// The filters of an axis of `length` pixels for one of `size` pixels, all of it.
pub(crate) fn axis(length: usize, size: usize) -> Vec<Filter> {
    let scale = length as f64 / size as f64;
    (0..size).map(|i| bicubic(i, scale, length)).collect()
}

/// PIL's filter for output pixel `i` of an axis that has `length` pixels and shrinks by `scale`.
fn bicubic(i: usize, scale: f64, length: usize) -> Filter {
    let widening = scale.max(1.0);
    let support = 2.0 * widening;
    let centre = (i as f64 + 0.5) * scale;
    let start = ((centre - support + 0.5).max(0.0) as usize).min(length - 1);
    let end = ((centre + support + 0.5) as usize).clamp(start + 1, length);
    let weights: Vec<f64> = (start..end)
        .map(|x| cubic((x as f64 - centre + 0.5) / widening))
        .collect();
    let sum: f64 = weights.iter().sum();
    Filter {
        start,
        weights: weights.iter().map(|w| w / sum).collect(),
    }
}

/// Keys' cubic convolution kernel with a = −½.
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}
