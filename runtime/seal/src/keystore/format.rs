//! The JSON of a key file, and its checked content.

use std::fmt::Display;

use primitives::{Address, Hash32};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kdf::{DERIVED, Kdf, ScryptCost};
use super::{FILE_MAX, KeystoreError};

/// Longest salt, bytes; real ones have 32.
const SALT_MAX: usize = 1024;

/// A checked key file.
#[derive(Debug)]
pub(super) struct File {
    /// The account that it says it holds.
    pub(super) address: Option<Address>,
    pub(super) cipher: Cipher,
    pub(super) kdf: Kdf,
    /// A random name, which nothing depends on.
    pub(super) id: Uuid,
}

/// The encrypted key.
#[derive(Debug)]
pub(super) struct Cipher {
    pub(super) iv: [u8; 16],
    /// 1 to 32 bytes.
    pub(super) ciphertext: Vec<u8>,
    pub(super) mac: Hash32,
}

#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    // Early writers, and ethers 5, use a capital letter.
    #[serde(alias = "Crypto")]
    crypto: JsonCrypto,
    #[serde(default)]
    id: Option<String>,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct JsonCrypto {
    cipher: String,
    ciphertext: String,
    cipherparams: JsonCipherParams,
    kdf: String,
    kdfparams: JsonKdfParams,
    mac: String,
}

#[derive(Serialize, Deserialize)]
struct JsonCipherParams {
    iv: String,
}

#[derive(Serialize, Deserialize)]
struct JsonKdfParams {
    dklen: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prf: Option<String>,
    salt: String,
}

impl File {
    /// Parses and checks a key file; computes nothing.
    pub(super) fn from_json(text: &str) -> Result<Self, KeystoreError> {
        if text.len() > FILE_MAX {
            return Err(KeystoreError::TooLong { found: text.len(), max: FILE_MAX });
        }
        let json: Json =
            serde_json::from_str(text).map_err(|error| KeystoreError::Malformed { reason: error.to_string() })?;
        expect("version", &json.version, &3, "3")?;
        expect("cipher", &json.crypto.cipher.as_str(), &"aes-128-ctr", "aes-128-ctr")?;
        let address = match json.address.as_deref() {
            None | Some("") => None,
            Some(text) => Some(text.to_lowercase().parse().map_err(|error| field("address", error))?),
        };
        let iv = bytes("iv", &json.crypto.cipherparams.iv)?;
        let iv = <[u8; 16]>::try_from(iv).map_err(|iv| field("iv", format!("{} bytes, must be 16", iv.len())))?;
        let ciphertext = bytes("ciphertext", &json.crypto.ciphertext)?;
        if ciphertext.is_empty() || ciphertext.len() > 32 {
            return Err(field("ciphertext", format!("{} bytes, must be 1 to 32", ciphertext.len())));
        }
        let mac = bytes("mac", &json.crypto.mac)?;
        let mac = <[u8; 32]>::try_from(mac).map_err(|mac| field("mac", format!("{} bytes, must be 32", mac.len())))?;
        let kdf = kdf(&json.crypto.kdf, json.crypto.kdfparams)?;
        let id = json.id.and_then(|id| id.parse().ok()).unwrap_or_default();
        Ok(Self { address, cipher: Cipher { iv, ciphertext, mac: Hash32::new(mac) }, kdf, id })
    }

    /// The file as geth writes it.
    pub(super) fn to_json(&self) -> String {
        let none = JsonKdfParams { dklen: 32, n: None, p: None, r: None, c: None, prf: None, salt: String::new() };
        let (kdf, kdfparams) = match &self.kdf {
            Kdf::Scrypt { cost, salt } => (
                "scrypt",
                JsonKdfParams {
                    n: Some(cost.n()),
                    p: Some(cost.p()),
                    r: Some(cost.r()),
                    salt: hex::encode(salt),
                    ..none
                },
            ),
            Kdf::Pbkdf2 { rounds, salt } => (
                "pbkdf2",
                JsonKdfParams {
                    c: Some(u64::from(*rounds)),
                    prf: Some("hmac-sha256".to_owned()),
                    salt: hex::encode(salt),
                    ..none
                },
            ),
        };
        let json = Json {
            address: self.address.map(|address| address.to_string()),
            crypto: JsonCrypto {
                cipher: "aes-128-ctr".to_owned(),
                ciphertext: hex::encode(&self.cipher.ciphertext),
                cipherparams: JsonCipherParams { iv: hex::encode(self.cipher.iv) },
                kdf: kdf.to_owned(),
                kdfparams,
                mac: self.cipher.mac.to_string(),
            },
            id: Some(self.id.hyphenated().to_string()),
            version: 3,
        };
        serde_json::to_string(&json).expect("strings and numbers are always JSON")
    }
}

/// The checked key derivation.
fn kdf(name: &str, params: JsonKdfParams) -> Result<Kdf, KeystoreError> {
    let salt = bytes("salt", &params.salt)?;
    if salt.len() > SALT_MAX {
        return Err(field("salt", format!("{} bytes, at most {SALT_MAX}", salt.len())));
    }
    if params.dklen < u64::try_from(DERIVED).unwrap_or(u64::MAX) {
        return Err(field("dklen", format!("{} bytes, must be at least {DERIVED}", params.dklen)));
    }
    let missing = |what| move || field(what, "missing");
    match name {
        "scrypt" => {
            let n = params.n.ok_or_else(missing("n"))?;
            let cost = ScryptCost::new(n, params.r.ok_or_else(missing("r"))?, params.p.ok_or_else(missing("p"))?)?;
            Ok(Kdf::Scrypt { cost, salt })
        }
        "pbkdf2" => {
            let prf = params.prf.ok_or_else(missing("prf"))?;
            expect("prf", &prf.as_str(), &"hmac-sha256", "hmac-sha256")?;
            Kdf::pbkdf2(params.c.ok_or_else(missing("c"))?, salt)
        }
        other => Err(KeystoreError::Unsupported {
            what: "key derivation",
            found: other.to_owned(),
            supported: "scrypt or pbkdf2",
        }),
    }
}

fn bytes(what: &'static str, text: &str) -> Result<Vec<u8>, KeystoreError> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| field(what, error))
}

fn field(what: &'static str, reason: impl Display) -> KeystoreError {
    KeystoreError::Field { what, reason: reason.to_string() }
}

fn expect<T: PartialEq + Display>(
    what: &'static str,
    found: &T,
    expected: &T,
    supported: &'static str,
) -> Result<(), KeystoreError> {
    if found == expected {
        return Ok(());
    }
    Err(KeystoreError::Unsupported { what, found: found.to_string(), supported })
}
