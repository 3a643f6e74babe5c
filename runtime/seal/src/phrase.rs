//! The recovery phrase: BIP-39 words whose entropy is the secret itself.

use bip39::{Language, Mnemonic};
use zeroize::Zeroizing;

use crate::KeyError;

/// Words of 256 bits of entropy and 8 bits of checksum, 11 bits each.
const WORDS: usize = 24;

/// The phrase of a secret.
pub(crate) fn of(secret: &[u8; 32]) -> Zeroizing<String> {
    let mnemonic = Mnemonic::from_entropy_in(Language::English, secret).expect("32 bytes are a BIP-39 entropy length");
    Zeroizing::new(mnemonic.words().collect::<Vec<_>>().join(" "))
}

/// The secret of a phrase.
pub(crate) fn parse(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let words: Zeroizing<Vec<String>> = Zeroizing::new(text.split_whitespace().map(str::to_lowercase).collect());
    if words.len() != WORDS {
        return Err(KeyError::WordCount { found: words.len() });
    }
    let normal = Zeroizing::new(words.join(" "));
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, &normal).map_err(|error| match error {
        bip39::Error::UnknownWord(index) => KeyError::UnknownWord { position: index.saturating_add(1) },
        bip39::Error::BadWordCount(found) => KeyError::WordCount { found },
        _ => KeyError::Checksum,
    })?;
    let entropy = Zeroizing::new(mnemonic.to_entropy());
    let bytes = entropy.as_slice().try_into().map_err(|_| KeyError::WordCount { found: WORDS })?;
    Ok(Zeroizing::new(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_secret_round_trips(secret in any::<[u8; 32]>()) {
            prop_assert_eq!(*parse(&of(&secret)).unwrap(), secret);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "(\\PC{0,12} ?){0,30}") {
            prop_assert!(parse(&text).is_err());
        }
    }

    #[test]
    fn official_bip39_vectors_hold() {
        // trezor/python-mnemonic vectors.json, 256 bits of zeros, of ones, and 0x7f.
        for (byte, phrase) in [
            (0x00, format!("{} art", ["abandon"; 23].join(" "))),
            (0xff, format!("{} vote", ["zoo"; 23].join(" "))),
            (
                0x7f,
                "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful \
                 legal winner thank year wave sausage worth title"
                    .to_owned(),
            ),
        ] {
            assert_eq!(*of(&[byte; 32]), phrase);
            assert_eq!(*parse(&phrase).unwrap(), [byte; 32]);
        }
    }

    #[test]
    fn typing_does_not_matter_and_mistakes_are_named() {
        let phrase = of(&[0x7f; 32]);
        let typed = format!("  {}\n", phrase.to_uppercase().replace(' ', " \t "));
        assert_eq!(*parse(&typed).unwrap(), [0x7f; 32]);
        assert_eq!(parse("legal winner"), Err(KeyError::WordCount { found: 2 }));
        assert_eq!(parse(&phrase.replacen("thank", "thanx", 1)), Err(KeyError::UnknownWord { position: 3 }));
        assert_eq!(parse(&phrase.replacen("legal winner", "winner legal", 1)), Err(KeyError::Checksum));
    }
}
