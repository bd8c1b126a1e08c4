//! A fingerprint of a run's settings and data: a saved state is continued only by a run with the same
//! fingerprint.

use serde::Serialize;

/// Version of the descriptions; a change of what a setting means raises it.
const VERSION: u32 = 1;

/// CRC-32 of a description as JSON, whose field names and order are part of it.
///
/// # Panics
/// When the description has no JSON form: a map whose keys are no strings.
pub fn fingerprint(description: &impl Serialize) -> u32 {
    let json = serde_json::to_vec(&(VERSION, description)).expect("a description has a JSON form");
    crc32fast::hash(&json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trainer::Settings;
    use crate::trainer::optimizer;

    /// The literal value: a saved state must be continued by the next build of the same version too.
    #[test]
    fn fingerprints_are_stable() {
        let settings = Settings {
            epochs: 3,
            learning_rate: 5e-5,
            warmup: 0.1,
            dropout: 0.1,
            patience: 3,
            seed: 1,
            optimizer: optimizer::Settings::default(),
            checkpoint: None,
        };
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(
            json,
            "{\"epochs\":3,\"learning_rate\":0.00005,\"warmup\":0.1,\"dropout\":0.1,\"patience\":3,\
             \"seed\":1,\"optimizer\":{\"betas\":[0.9,0.999],\"epsilon\":0.000001,\"weight_decay\":0.01,\
             \"clip\":1.0}}"
        );
        assert_eq!(fingerprint(&settings), 0xbf44b4af);
        let folder = Settings {
            checkpoint: Some(("elsewhere".into(), 7)),
            ..settings.clone()
        };
        assert_eq!(fingerprint(&folder), fingerprint(&settings));
        let longer = Settings {
            epochs: 4,
            ..settings.clone()
        };
        assert_ne!(fingerprint(&longer), fingerprint(&settings));
    }
}
