//! Fixed-point arithmetic: the few operations every kernel must reproduce bit for bit.
//!
//! Numbers that exist once per element are integers; numbers that exist once per row or per
//! tensor are `f32` and use only `+ - * /` and square root, which IEEE 754 rounds the same way
//! everywhere. Nothing here contracts to a fused multiply-add and nothing can panic: integer
//! overflow, possible only with a hostile blob, wraps.

/// `a * b / 2^31`, rounded down, of a multiplier `b` whose magnitude is below 2^30.
///
/// That it can be doubled makes this the high half of a product, which is one instruction
/// (`SMMUL`, `MULH`).
#[inline(always)]
pub fn mul_q31(a: i32, b: i32) -> i32 {
    if cfg!(embert_muls) {
        high_half(a, b << 1)
    } else {
        ((a as i64 * (b << 1) as i64) >> 32) as i32
    }
}

/// The same of `a * b / 2^32` where products have 32 bits and no more: by halves of 16, as on
/// paper. A call to a product of 64 bits would take twice as long.
#[inline(always)]
fn high_half(a: i32, b: i32) -> i32 {
    let (a_high, a_low) = (a >> 16, a as u32 & 0xffff);
    let (b_high, b_low) = (b >> 16, b as u32 & 0xffff);
    let middle = a_high * b_low as i32 + ((a_low * b_low) >> 16) as i32;
    let rest = a_low as i32 * b_high + (middle & 0xffff);
    a_high * b_high + (middle >> 16) + (rest >> 16)
}

/// Rounded Q15 product of numbers of 16 bits: `(a * b + 2^14) / 2^15`. `a` and `b` are never both
/// -32768, so this has 16 bits too.
#[inline(always)]
pub const fn mul_q15(a: i32, b: i32) -> i32 {
    (a * b + (1 << 14)) >> 15
}

/// `mul_q15(p, x) + c`, a step of Horner's scheme: what is added may be added before the shift.
#[inline(always)]
pub const fn horner_q15(p: i32, x: i32, c: i32) -> i32 {
    (p * x + ((c << 15) + (1 << 14))) >> 15
}

/// `v / 2^shift` rounded half up, `shift` in `0..=31`.
#[inline(always)]
pub fn round_shift(v: i32, shift: u32) -> i32 {
    v.wrapping_add(((1u32 << shift) >> 1) as i32) >> shift
}

/// A positive factor below one half, as a Q31 multiplier in `2^29..2^30` and a right shift:
/// `v * factor = round_shift(mul_q31(v, multiplier), shift)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FixedMultiplier {
    pub multiplier: i32,
    pub shift: u32,
}

impl FixedMultiplier {
    /// The nearest representable factor. A factor of one half or more (no valid blob asks for
    /// one) becomes the largest there is; one below 2^-33 becomes zero.
    pub fn new(factor: f32) -> Self {
        let (mantissa, exponent) = split(factor);
        match -(exponent + 2) {
            shift @ 0..=31 => FixedMultiplier {
                multiplier: (mantissa << 6) as i32,
                shift: shift as u32,
            },
            i32::MIN..=-1 => FixedMultiplier {
                multiplier: (1 << 30) - 1,
                shift: 0,
            },
            _ => FixedMultiplier::default(),
        }
    }

    #[inline(always)]
    pub fn apply(self, v: i32) -> i32 {
        round_shift(mul_q31(v, self.multiplier), self.shift)
    }
}

/// Brings a row of integers of any range to a narrow one:
/// `round((v >> pre_shift) * multiplier / 2^shift)`.
///
/// The first shift leaves 16 bits, so that the product is one 16 x 16 bit multiplication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requantizer {
    pub pre_shift: u32,
    pub multiplier: i32,
    pub shift: u32,
}

impl Requantizer {
    /// Scales by `factor` values whose magnitude is at most `max_abs`.
    /// `max_abs * factor` must be below 2^13.
    pub fn new(max_abs: u32, factor: f32) -> Self {
        let bits = 32 - max_abs.leading_zeros();
        let pre_shift = bits.saturating_sub(15);
        let (mantissa, exponent) = split(factor);
        // 24 bits of mantissa to 15, rounded; the carry out of the top moves to the exponent.
        let rounded = (mantissa + (1 << 8)) >> 9;
        let (multiplier, exponent) = if rounded >> 15 != 0 {
            (rounded >> 1, exponent + 1)
        } else {
            (rounded, exponent)
        };
        match 14 - exponent - pre_shift as i32 {
            shift @ 0..=30 => Requantizer {
                pre_shift,
                multiplier: multiplier as i32,
                shift: shift as u32,
            },
            _ => Requantizer::default(),
        }
    }

    /// What is added before the last shift: one half of what it drops.
    pub fn rounding(self) -> i32 {
        ((1u32 << self.shift) >> 1) as i32
    }

    #[inline(always)]
    pub fn apply(self, v: i32) -> i32 {
        round_shift(
            (v >> self.pre_shift).wrapping_mul(self.multiplier),
            self.shift,
        )
    }
}

/// Mantissa in `2^23..2^24` and exponent with `f = mantissa / 2^23 * 2^exponent`; a number that
/// is zero, negative, subnormal or not finite counts as zero.
fn split(f: f32) -> (u32, i32) {
    let bits = f.to_bits();
    let biased = bits >> 23;
    if biased == 0 || biased >= 255 {
        return (0, -127);
    }
    ((bits & 0x7f_ffff) | 0x80_0000, biased as i32 - 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn high_half_by_halves() {
        let ends = [
            i32::MIN,
            i32::MIN + 1,
            -65536,
            -65535,
            -1,
            0,
            1,
            65535,
            65536,
            i32::MAX,
        ];
        let middles = (0..100u32).map(|i| i.wrapping_mul(0x9e37_79b9) as i32);
        let numbers: Vec<i32> = ends.into_iter().chain(middles).collect();
        for &a in &numbers {
            for &b in &numbers {
                let expected = (a as i64 * b as i64) >> 32;
                assert_eq!(high_half(a, b) as i64, expected, "{a} * {b}");
            }
        }
    }

    #[test]
    fn factor_is_close_over_its_range() {
        for e in 2..30 {
            for m in 0..50 {
                let f = (1.0 + m as f32 / 50.0) * 0.5f32.powi_exact(e + 1);
                let v = 0x3fff_ffff;
                let want = v as f64 * f as f64;
                let got = FixedMultiplier::new(f).apply(v) as f64;
                assert!((got - want).abs() <= 1.0, "{f}: {got} for {want}");
            }
        }
    }

    #[test]
    fn factor_saturates_and_vanishes() {
        assert_eq!(FixedMultiplier::new(0.75).multiplier, (1 << 30) - 1);
        assert_eq!(
            FixedMultiplier::new(f32::INFINITY),
            FixedMultiplier::default()
        );
        assert_eq!(FixedMultiplier::new(f32::NAN), FixedMultiplier::default());
        assert_eq!(FixedMultiplier::new(-0.25), FixedMultiplier::default());
        assert_eq!(FixedMultiplier::new(1e-20), FixedMultiplier::default());
    }

    #[test]
    fn narrow_reaches_its_target_for_every_magnitude() {
        for bits in 0..31 {
            for max in [1i32 << bits, (1 << bits) + (1 << bits) / 3] {
                for target in [127.0f32, 254.0, 4064.0] {
                    let narrow = Requantizer::new(max as u32, target / max as f32);
                    let error = (narrow.apply(max) as f32 - target).abs();
                    assert!(error <= 1.0, "{max} to {target}: off by {error}");
                    assert!((narrow.apply(-max) as f32 + target).abs() <= 1.0);
                }
            }
        }
    }

    trait PowiExact {
        fn powi_exact(self, n: i32) -> f32;
    }
    impl PowiExact for f32 {
        fn powi_exact(self, n: i32) -> f32 {
            (0..n).fold(1.0, |p, _| p * self)
        }
    }
}
