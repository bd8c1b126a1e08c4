//! How much the tests try: `EMBERT_TEST_DEPTH` is `quick` (the default) or `deep`.

/// Whether the slow half of a test runs too.
///
/// # Panics
/// If `EMBERT_TEST_DEPTH` is anything but `quick` or `deep`.
pub fn is_deep() -> bool {
    match std::env::var("EMBERT_TEST_DEPTH").as_deref() {
        Ok("deep") => true,
        Ok("quick" | "") | Err(_) => false,
        Ok(other) => panic!("EMBERT_TEST_DEPTH is {other:?}, not quick or deep"),
    }
}

/// The value for the depth that is set.
pub fn pick<T>(quick: T, deep: T) -> T {
    if is_deep() { deep } else { quick }
}
