//! Latents of a seed as the reference draws them: `numpy.random.RandomState(seed).randn(z_dim)`.
//!
//! NumPy's legacy generator is the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998) with Marsaglia's polar method,
//! whose second normal of a pair comes out first.

use burn::tensor::{Device, Tensor, TensorData};

/// Words of the twister's state.
const WORDS: usize = 624;

/// `numpy.random.RandomState`, as far as `randn` goes.
#[derive(Clone, Debug)]
pub struct RandomState {
    key: [u32; WORDS],
    position: usize,
    /// The normal of a pair that has not been asked for yet.
    spare: Option<f64>,
}

impl RandomState {
    /// `RandomState(seed)`.
    pub fn new(seed: u32) -> Self {
        let mut key = [seed; WORDS];
        for index in 1..WORDS {
            let last = key[index - 1];
            key[index] = (last ^ (last >> 30))
                .wrapping_mul(1_812_433_253)
                .wrapping_add(index as u32);
        }
        Self {
            key,
            position: WORDS,
            spare: None,
        }
    }

    /// `randn()`: a standard normal number.
    pub fn randn(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let x = 2.0 * self.uniform() - 1.0;
            let y = 2.0 * self.uniform() - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(scale * x);
                return scale * y;
            }
        }
    }

    /// 53 random bits in 0..1.
    fn uniform(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    fn word(&mut self) -> u32 {
        if self.position == WORDS {
            self.twist();
        }
        let mut word = self.key[self.position];
        self.position += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for index in 0..WORDS {
            let joined =
                (self.key[index] & 0x8000_0000) | (self.key[(index + 1) % WORDS] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.key[index] = self.key[(index + 397) % WORDS] ^ (joined >> 1) ^ odd;
        }
        self.position = 0;
    }
}

/// `z` `[1, z_dim]` of a seed, the same as the reference's `generate` draws.
pub fn z_of_seed(seed: u32, z_dim: usize, device: &Device) -> Tensor<2> {
    let mut state = RandomState::new(seed);
    let values: Vec<f32> = (0..z_dim).map(|_| state.randn() as f32).collect();
    Tensor::from_data(TensorData::new(values, [1, z_dim]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numpys() {
        let draw = |seed| {
            let mut state = RandomState::new(seed);
            [(); 5].map(|()| (state.randn() * 1e8).round() / 1e8)
        };
        assert_eq!(
            draw(0),
            [1.76405235, 0.40015721, 0.97873798, 2.2408932, 1.86755799]
        );
        assert_eq!(
            draw(42),
            [0.49671415, -0.1382643, 0.64768854, 1.52302986, -0.23415337]
        );
    }
}
