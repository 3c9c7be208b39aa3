//! Style mixing (StyleGAN, section 3.1): pictures whose layers `--styles` take the latents of other pictures.

use burn::tensor::Tensor;
use clip2gan::png;
use image::RgbImage;
use serde_json::json;

use super::{Context, Drawing, text};
use crate::args::Format;
use crate::error::{Failure, Outcome};
use crate::picture;
use crate::seeds::Seeds;

/// `ROW-COL` for each pair, `SEED-SEED` for each picture itself, and `grid.png`, as upstream's `style_mixing.py`.
pub fn run(
    context: &Context,
    drawing: &mut Drawing,
    Seeds(rows): &Seeds,
    Seeds(cols): &Seeds,
) -> Outcome<Vec<u64>> {
    let num_ws = drawing.network.generator.num_ws();
    let styles = layers(&drawing.options.styles, num_ws)?;
    let latents = |seeds: &[u64], drawing: &Drawing| {
        seeds
            .iter()
            .map(|&seed| drawing.ws(seed))
            .collect::<Outcome<Vec<_>>>()
    };
    let (row_ws, col_ws) = (latents(rows, drawing)?, latents(cols, drawing)?);

    let mut seeds: Vec<u64> = rows.iter().chain(cols).copied().collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mut progress = drawing.start(context, rows.len() * cols.len())?;
    let own = |seed: u64, ws: &Tensor<3>, drawing: &mut Drawing| {
        let mut recipe = drawing.recipe();
        recipe.seed = Some(seed);
        drawing.draw(&format!("{seed}-{seed}"), ws.clone(), seed, &recipe)
    };
    // A grid as upstream's: the lenders on top, the receivers at the left.
    let mut grid: Vec<Option<RgbImage>> = vec![None];
    for (&col, ws) in cols.iter().zip(&col_ws) {
        grid.push(Some(own(col, ws, drawing)?));
    }
    let mut done = 0;
    for (&row, row_ws) in rows.iter().zip(&row_ws) {
        grid.push(Some(own(row, row_ws, drawing)?));
        for (&col, col_ws) in cols.iter().zip(&col_ws) {
            let recipe = drawing
                .recipe()
                .with("row", row)
                .with("col", col)
                .with("styles", json!(styles));
            let ws = mixed(row_ws, col_ws, &styles);
            let name = format!("{row}-{col}");
            // The pictures themselves are there already, and mixing them with themselves changes nothing.
            let picture = match row == col {
                true => own(row, row_ws, drawing)?,
                false => drawing.draw(&name, ws, row, &recipe)?,
            };
            grid.push(Some(picture));
            done += 1;
            progress.set(done, "");
        }
    }
    progress.finish();
    drawing.files.sort();
    drawing.files.dedup();
    if drawing.options.format == Format::Png {
        let recipe = drawing.recipe().with("rows", json!(rows));
        let recipe = recipe
            .with("cols", json!(cols))
            .with("styles", json!(styles));
        let path = drawing.options.outdir.join("grid.png");
        let sheet = picture::grid(&grid, cols.len() + 1);
        png::write(&path, &sheet, &recipe)?;
        drawing.files.push(text(&path));
    }
    Ok(seeds)
}

/// The layers to mix; of upstream's default those that the network has.
fn layers(Seeds(wanted): &Seeds, num_ws: usize) -> Outcome<Vec<usize>> {
    let default = wanted.iter().copied().eq(0..7);
    let layers: Vec<usize> = wanted
        .iter()
        .filter_map(|&layer| usize::try_from(layer).ok())
        .filter(|&layer| layer < num_ws)
        .collect();
    match wanted.iter().find(|&&layer| layer >= num_ws as u64) {
        Some(layer) if !default => Err(Failure::usage(format!("--styles: no layer {layer}"))
            .expected(format!("0 to {}", num_ws - 1))),
        _ => Ok(layers),
    }
}

/// `row` with the latents `styles` of `col`, each `[1, num_ws, w_dim]`.
fn mixed(row: &Tensor<3>, col: &Tensor<3>, styles: &[usize]) -> Tensor<3> {
    let num_ws = row.dims()[1];
    let latents = (0..num_ws).map(|layer| {
        let from = if styles.contains(&layer) { col } else { row };
        from.clone().narrow(1, layer, 1)
    });
    Tensor::cat(latents.collect(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_beyond_the_network_are_named_unless_by_default() {
        assert_eq!(layers(&"0-6".parse().unwrap(), 4).unwrap(), [0, 1, 2, 3]);
        assert_eq!(layers(&"1,3".parse().unwrap(), 4).unwrap(), [1, 3]);
        let error = layers(&"2-4".parse().unwrap(), 4).unwrap_err().to_string();
        assert!(error.contains("no layer 4") && error.contains("0 to 3"));
    }
}
