//! The random numbers of names and templates.

/// Park and Miller's generator, "Random Number Generators: Good Ones Are Hard to Find", 1988.
pub struct ParkMiller {
    state: u64,
}

const MODULUS: u64 = 2_147_483_647;

impl ParkMiller {
    /// Starts from a state from 1 to 2,147,483,646.
    #[must_use]
    pub const fn new(state: u64) -> Self {
        Self { state }
    }

    /// A number from 0 to `count` - 1.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    pub fn below(&mut self, count: usize) -> usize {
        self.state = self.state * 16807 % MODULUS;
        (self.state as f64 / MODULUS as f64 * count as f64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's check: from 1, the state after 10,000 steps is 1,043,618,065.
    #[test]
    fn equals_the_published_sequence() {
        let mut random = ParkMiller::new(1);
        for _ in 0..10_000 {
            random.below(1);
        }
        assert_eq!(random.state, 1_043_618_065);
    }

    /// Expected values from `mawk 1.3.4` with the function `below` of the first recipe.
    #[test]
    fn draws_equal_those_of_awk() {
        let mut random = ParkMiller::new(5);
        let drawn: Vec<usize> = (0..8).map(|_| random.below(1000)).collect();
        assert_eq!(drawn, [0, 657, 778, 293, 663, 94, 235, 394]);
    }
}
