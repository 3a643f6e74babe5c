//! Single objects: what is sealed in their records, and reading them.

use std::io::Write;
use std::sync::Arc;

use parity_scale_codec::{Decode, Encode};
use primitives::ledger::{ObjectRecord, SEALED_MAX};
use primitives::{Hash32, ObjectKey, TimestampMs, VaultId, decode_exact};
use seal::tree::{Content, FileNode, Piece};
use seal::{Identity, OwnerSecret, SealedEnvelope};

use crate::snapshot::Reading;
use crate::width::u64_of;
use crate::{Client, ClientError, ObjectInfo, Progress};

const VERSION: u8 = 1;
const PURPOSE: &[u8] = b"strongroom object v1";
/// Longest object name, bytes.
const NAME_MAX: usize = 1024;
/// Objects in one page of the ledger's list.
const PAGE: u32 = 500;

/// What to put, and under which name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PutOptions<'a> {
    pub(crate) vault: &'a str,
    pub(crate) name: &'a str,
    pub(crate) file_name: &'a str,
    pub(crate) media_type: Option<&'a str>,
}

impl PutOptions<'_> {
    pub(crate) fn check(&self) -> Result<(), ClientError> {
        let reason = if self.name.is_empty() {
            "it is empty"
        } else if self.name.len() > NAME_MAX {
            "it is longer than 1024 bytes"
        } else if self.name.contains('\0') {
            "it contains NUL"
        } else {
            return Ok(());
        };
        Err(ClientError::BadName { what: "object name", name: self.name.to_owned(), reason })
    }
}

/// What only the owner knows of an object; sealed in its record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ObjectManifest {
    version: u8,
    pub(crate) name: String,
    file_name: String,
    media_type: String,
    size: u64,
    put_at: TimestampMs,
    digest: Hash32,
    content: Content,
}

impl ObjectManifest {
    pub(crate) fn new(
        options: &PutOptions<'_>,
        content: Content,
        digest: Hash32,
        size: u64,
        put_at: TimestampMs,
    ) -> Self {
        Self {
            version: VERSION,
            name: options.name.to_owned(),
            file_name: options.file_name.to_owned(),
            media_type: options.media_type.unwrap_or_else(|| guess(options.file_name)).to_owned(),
            size,
            put_at,
            digest,
            content,
        }
    }

    pub(crate) fn seal(&self, secret: &OwnerSecret, vault: &VaultId, version: u64) -> Result<Vec<u8>, ClientError> {
        let recipients = [secret.recipient(), secret.x_wing().recipient()];
        let sealed = SealedEnvelope::seal(&recipients, &aad(vault, version), &self.encode(), &mut rand::rng());
        Ok(sealed.map_err(|error| ClientError::internal("sealing the object's record")(&error))?.encode())
    }

    fn open(secret: &OwnerSecret, vault: &VaultId, record: &ObjectRecord) -> Result<Self, ClientError> {
        let bad = |error: &dyn std::error::Error| ClientError::damaged(format!("object {}", record.key), error);
        let envelope = SealedEnvelope::decode_exact(&record.sealed).map_err(|error| bad(&error))?;
        let plain =
            envelope.open(&Identity::Owner(secret), &aad(vault, record.version)).map_err(|error| bad(&error))?;
        let manifest: Self = decode_exact("object", &plain, SEALED_MAX).map_err(|error| bad(&error))?;
        if manifest.version != VERSION {
            return Err(ClientError::damaged(format!("object {}", record.key), "its version is not known"));
        }
        Ok(manifest)
    }

    pub(crate) fn info(&self, version: u64) -> ObjectInfo {
        ObjectInfo {
            name: self.name.clone(),
            version,
            size: self.size,
            media_type: self.media_type.clone(),
            file_name: self.file_name.clone(),
            put_at: self.put_at,
            digest: self.digest,
        }
    }
}

/// The newest version of an object.
fn find(
    client: &Client,
    secret: &OwnerSecret,
    (vault, id): (&str, &VaultId),
    key: &ObjectKey,
    name: &str,
) -> Result<(ObjectManifest, u64), ClientError> {
    let unknown = || ClientError::UnknownObject { vault: vault.to_owned(), name: name.to_owned() };
    let record = client.node().object(id, key)?.filter(|record| !record.sealed.is_empty()).ok_or_else(unknown)?;
    let manifest = ObjectManifest::open(secret, id, &record)?;
    if manifest.name != name || record.key != *key {
        return Err(ClientError::damaged(format!("object {name:?}"), "its record is another object's"));
    }
    Ok((manifest, record.version))
}

/// What is known of an object.
pub(crate) fn info(client: &Client, secret: &OwnerSecret, vault: &str, name: &str) -> Result<ObjectInfo, ClientError> {
    let open = crate::vault::OpenVault::open(client, secret, vault)?;
    let (manifest, version) = find(client, secret, (vault, &open.id), &open.keys.object_key(name), name)?;
    Ok(manifest.info(version))
}

/// Writes an object's bytes.
pub(crate) fn get(
    client: &Client,
    secret: &OwnerSecret,
    vault: &str,
    name: &str,
    target: &mut dyn Write,
    progress: Arc<dyn Progress>,
) -> Result<ObjectInfo, ClientError> {
    let reading = Reading::open(client, secret, vault, Arc::clone(&progress))?;
    let key = reading.vault.keys.object_key(name);
    let (manifest, version) = find(client, secret, (vault, &reading.vault.id), &key, name)?;
    progress.total(1, manifest.size);
    let mut tree = reading.tree()?;
    let file = FileNode { size: manifest.size, content: manifest.content.clone(), sparse: false, link: None };
    let write = || ClientError::io("cannot write", "the object");
    for piece in tree.pieces(&file)? {
        match piece {
            Piece::Chunk { id, len } => target.write_all(&tree.chunk(&id, len)?).map_err(write())?,
            Piece::Zeros { len } => write_zeros(target, len).map_err(write())?,
        }
        progress.done(0, piece.len());
    }
    target.flush().map_err(write())?;
    progress.done(1, 0);
    Ok(manifest.info(version))
}

fn write_zeros(target: &mut dyn Write, mut len: u64) -> std::io::Result<()> {
    let zeros = [0u8; 64 * 1024];
    while len > 0 {
        let part = usize::try_from(len).unwrap_or(usize::MAX).min(zeros.len());
        target.write_all(&zeros[..part])?;
        len -= u64_of(part);
    }
    Ok(())
}

/// All objects of a vault, by name.
pub(crate) fn list(client: &Client, secret: &OwnerSecret, vault: &str) -> Result<Vec<ObjectInfo>, ClientError> {
    let vault = crate::vault::OpenVault::open(client, secret, vault)?;
    let (mut objects, mut cursor) = (Vec::new(), None::<Vec<u8>>);
    loop {
        let page = client.node().object_page(&vault.id, cursor.as_deref(), PAGE)?;
        for record in page.items.iter().filter(|record| !record.sealed.is_empty()) {
            objects.push(ObjectManifest::open(secret, &vault.id, record)?.info(record.version));
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    objects.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(objects)
}

fn aad(vault: &VaultId, version: u64) -> Vec<u8> {
    [PURPOSE, vault.as_ref(), &version.to_le_bytes()].concat()
}

/// The media type of a file, by its name (RFC 6838 types of common extensions).
fn guess(file_name: &str) -> &'static str {
    let extension = file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("txt" | "log" | "md") => "text/plain",
        Some("html" | "htm") => "text/html",
        Some("css") => "text/css",
        Some("csv") => "text/csv",
        Some("js") => "text/javascript",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("pdf") => "application/pdf",
        Some("zip") => "application/zip",
        Some("gz" | "tgz") => "application/gzip",
        Some("tar") => "application/x-tar",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("svg") => "image/svg+xml",
        Some("webp") => "image/webp",
        Some("mp3") => "audio/mpeg",
        Some("wav") => "audio/wav",
        Some("mp4") => "video/mp4",
        Some("webm") => "video/webm",
        _ => "application/octet-stream",
    }
}
