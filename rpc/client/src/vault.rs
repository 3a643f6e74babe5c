//! Vaults: making them, finding them, opening their names.

use parity_scale_codec::{Decode, Encode};
use primitives::ledger::{Command, Refusal, VaultRecord, VaultTerms};
use primitives::{VaultId, decode_exact};
use seal::{Identity, OwnerSecret, SealedEnvelope, VaultKeys};

use crate::session::Session;
use crate::{Client, ClientError, VaultInfo, VaultOptions};

/// Longest vault name, bytes.
const NAME_MAX: usize = 255;
const SETTINGS_VERSION: u8 = 1;
const SETTINGS_MAX: usize = 16 * 1024;
const PURPOSE: &[u8] = b"strongroom vault settings v1";

/// What only the owner knows of a vault; sealed in its record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Settings {
    version: u8,
    name: String,
}

/// A vault with its keys.
pub(crate) struct OpenVault {
    pub(crate) name: String,
    pub(crate) id: VaultId,
    pub(crate) record: VaultRecord,
    pub(crate) keys: VaultKeys,
}

impl OpenVault {
    /// The owner's vault of this name.
    pub(crate) fn open(client: &Client, secret: &OwnerSecret, name: &str) -> Result<Self, ClientError> {
        let id = VaultId::derive(secret.address(), &secret.vault_salt(name));
        let unknown = || ClientError::UnknownVault { name: name.to_owned() };
        let record = client.node().vault(&id)?.ok_or_else(unknown)?;
        if record.terms.vault() != id {
            return Err(ClientError::damaged("the node's answer", "it is another vault"));
        }
        Ok(Self { name: name.to_owned(), id, record, keys: secret.vault_keys(&id) })
    }

    pub(crate) fn info(&self) -> VaultInfo {
        info(self.name.clone(), &self.record)
    }
}

/// Makes a vault, or finds it with the same options.
pub(crate) fn create(
    client: &Client,
    secret: &OwnerSecret,
    name: &str,
    options: VaultOptions,
) -> Result<VaultInfo, ClientError> {
    check_name(name)?;
    let terms = VaultTerms {
        owner: secret.address(),
        salt: secret.vault_salt(name),
        cluster: client.network().cluster,
        policy: options.policy,
        retention_ms: options.retention_ms,
        delegates: options.delegates,
    };
    let id = terms.vault();
    if let Some(record) = client.node().vault(&id)? {
        return if record.terms == terms {
            Ok(info(name.to_owned(), &record))
        } else {
            Err(ClientError::VaultExists { name: name.to_owned() })
        };
    }
    let settings = Settings { version: SETTINGS_VERSION, name: name.to_owned() };
    let recipients = [secret.recipient(), secret.x_wing().recipient()];
    let sealed = SealedEnvelope::seal(&recipients, &aad(&id), &settings.encode(), &mut rand::rng());
    let sealed = sealed.map_err(|error| ClientError::internal("sealing the vault's name")(&error))?.encode();
    let consent = secret.sign(&terms.consent_hash(&client.network().network));
    match Session::new(client, secret).apply("the vault", Command::VaultRegister { terms, sealed, consent }) {
        // Somebody else with this key was faster.
        Err(ClientError::Refused { refusal: Refusal::VaultExists { .. }, .. }) => {
            return Err(ClientError::VaultExists { name: name.to_owned() });
        }
        outcome => outcome?,
    };
    OpenVault::open(client, secret, name).map(|vault| vault.info())
}

/// All vaults of an owner, by name.
pub(crate) fn list(client: &Client, secret: &OwnerSecret) -> Result<Vec<VaultInfo>, ClientError> {
    let mut vaults = Vec::new();
    for record in client.node().vaults_of(&secret.address())? {
        let vault = record.terms.vault();
        if record.terms.owner != secret.address() {
            return Err(ClientError::damaged("the node's answer", "a vault of another owner"));
        }
        let name = open_name(secret, &vault, &record)?;
        vaults.push(info(name, &record));
    }
    vaults.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(vaults)
}

fn open_name(secret: &OwnerSecret, vault: &VaultId, record: &VaultRecord) -> Result<String, ClientError> {
    let wrong = |_| ClientError::WrongKey { vault: *vault };
    let envelope = SealedEnvelope::decode_exact(&record.sealed).map_err(wrong)?;
    let plain = envelope.open(&Identity::Owner(secret), &aad(vault)).map_err(wrong)?;
    let settings: Settings = decode_exact("vault settings", &plain, SETTINGS_MAX)
        .map_err(|error| ClientError::damaged(format!("vault {vault}"), error))?;
    if settings.version != SETTINGS_VERSION || secret.vault_salt(&settings.name) != record.terms.salt {
        return Err(ClientError::damaged(format!("vault {vault}"), "its sealed name is not the one of its id"));
    }
    Ok(settings.name)
}

fn check_name(name: &str) -> Result<(), ClientError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > NAME_MAX {
        "it is longer than 255 bytes"
    } else if name.contains(|c: char| c.is_control() || c == '@' || c == '/') {
        "it contains `@`, `/` or a control character"
    } else {
        return Ok(());
    };
    Err(ClientError::BadName { what: "vault name", name: name.to_owned(), reason })
}

fn aad(vault: &VaultId) -> Vec<u8> {
    [PURPOSE, vault.as_ref()].concat()
}

fn info(name: String, record: &VaultRecord) -> VaultInfo {
    VaultInfo {
        name,
        vault: record.terms.vault(),
        policy: record.terms.policy,
        retention_ms: record.terms.retention_ms,
        snapshots: record.head_seq,
        packs: record.packs,
        stored_bytes: record.stored_bytes,
        on_chain: record.on_chain.map(primitives::Height::get),
    }
}
