//! What an owner can do.

use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use primitives::{Address, Commitment, Hash32};
use seal::OwnerSecret;

use crate::object::{self, PutOptions};
use crate::vault::{self, OpenVault};
use crate::{
    BackupOptions, BackupReport, Client, ClientError, Difference, FileDifference, FilesVerdict, ListedEntry,
    ObjectInfo, Progress, RestoreOptions, RestoreReport, SnapshotInfo, SnapshotRef, VaultInfo, VaultOptions, backup,
    browse, differing, digest, restore, snapshot,
};

/// A client with an owner's secret: everything that needs keys.
pub struct Owner {
    client: Client,
    secret: OwnerSecret,
}

impl Owner {
    pub(crate) fn new(client: Client, secret: OwnerSecret) -> Self {
        Self { client, secret }
    }

    /// The owner's account.
    #[must_use]
    pub fn address(&self) -> Address {
        self.secret.address()
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens a vault. The same name and options again are a success without effect.
    ///
    /// # Errors
    /// [`ClientError::BadName`], [`ClientError::Refused`] when the vault exists with other options.
    pub fn vault_create(&self, name: &str, options: VaultOptions) -> Result<VaultInfo, ClientError> {
        vault::create(&self.client, &self.secret, name, options)
    }

    /// All vaults of the owner, by name. This is also how a client recovers on an empty machine: the names and settings
    /// come from the network and open with the secret.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn vault_list(&self) -> Result<Vec<VaultInfo>, ClientError> {
        vault::list(&self.client, &self.secret)
    }

    /// One vault.
    ///
    /// # Errors
    /// [`ClientError::UnknownVault`].
    pub fn vault_info(&self, name: &str) -> Result<VaultInfo, ClientError> {
        OpenVault::open(&self.client, &self.secret, name).map(|vault| vault.info())
    }

    /// Takes a snapshot.
    ///
    /// # Errors
    /// [`ClientError`]; what concerns single files is in the report.
    pub fn backup(&self, options: BackupOptions) -> Result<BackupReport, ClientError> {
        backup::backup(&self.client, &self.secret, &options)
    }

    /// The vault's snapshots, oldest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn snapshots(&self, vault: &str) -> Result<Vec<SnapshotInfo>, ClientError> {
        browse::snapshots(&self.client, &self.secret, vault)
    }

    /// One snapshot.
    ///
    /// # Errors
    /// [`ClientError::UnknownSnapshot`], [`ClientError::NoSnapshot`].
    pub fn snapshot(&self, vault: &str, snapshot: SnapshotRef) -> Result<SnapshotInfo, ClientError> {
        browse::snapshot(&self.client, &self.secret, vault, snapshot)
    }

    /// What is in a snapshot: hands every entry below `path` (the root when empty) to `each`, in order.
    ///
    /// # Errors
    /// [`ClientError`]; also what `each` returns.
    pub fn ls(
        &self,
        vault: &str,
        snapshot: SnapshotRef,
        path: &Path,
        recursive: bool,
        each: &mut dyn FnMut(ListedEntry) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        browse::ls(&self.client, &self.secret, vault, snapshot, (path, recursive), each)
    }

    /// How two snapshots differ, by path.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn diff(&self, vault: &str, from: SnapshotRef, to: SnapshotRef) -> Result<Vec<Difference>, ClientError> {
        browse::diff(&self.client, &self.secret, vault, from, to)
    }

    /// Writes a snapshot's files.
    ///
    /// # Errors
    /// [`ClientError`]; lost files and single failures are in the report.
    pub fn restore(&self, options: RestoreOptions) -> Result<RestoreReport, ClientError> {
        restore::restore(&self.client, &self.secret, &options)
    }

    /// Puts an object; a name that exists gets a new version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn put(
        &self,
        vault: &str,
        name: &str,
        file_name: &str,
        media_type: Option<&str>,
        source: &mut dyn Read,
        progress: Arc<dyn Progress>,
    ) -> Result<ObjectInfo, ClientError> {
        let options = PutOptions { vault, name, file_name, media_type };
        options.check()?;
        backup::put(&self.client, &self.secret, options, source, progress)
    }

    /// What is known of an object.
    ///
    /// # Errors
    /// [`ClientError::UnknownObject`].
    pub fn object(&self, vault: &str, name: &str) -> Result<ObjectInfo, ClientError> {
        object::info(&self.client, &self.secret, vault, name)
    }

    /// Writes an object's bytes to `target`.
    ///
    /// # Errors
    /// [`ClientError::UnknownObject`], or what reading and writing say.
    pub fn get(
        &self,
        vault: &str,
        name: &str,
        target: &mut dyn Write,
        progress: Arc<dyn Progress>,
    ) -> Result<ObjectInfo, ClientError> {
        object::get(&self.client, &self.secret, vault, name, target, progress)
    }

    /// The vault's objects, by name.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn list(&self, vault: &str) -> Result<Vec<ObjectInfo>, ClientError> {
        object::list(&self.client, &self.secret, vault)
    }

    /// The receipt of a snapshot, as JSON text. It is not verified here; `verify::Receipt` does.
    ///
    /// # Errors
    /// [`ClientError::NotFinal`] while the chain has not taken the snapshot.
    pub fn receipt(&self, vault: &str, snapshot: SnapshotRef) -> Result<String, ClientError> {
        let vault = OpenVault::open(&self.client, &self.secret, vault)?;
        let record = snapshot::record(&self.client, &vault, snapshot)?;
        let (seq, hash) = (record.commitment.seq, record.commitment.hash());
        self.client.node().receipt(&hash)?.ok_or(ClientError::NotFinal { seq })
    }

    /// Whether the files under `directory` are those of a commitment with this content root, in the vault that the
    /// commitment names. Needs no node.
    ///
    /// # Errors
    /// [`ClientError`] when the directory cannot be read at all.
    pub fn verify_files(
        secret: &OwnerSecret,
        vault: &primitives::VaultId,
        expected: &Hash32,
        directory: &Path,
        progress: &dyn Progress,
    ) -> Result<FilesVerdict, ClientError> {
        digest::verify_files(secret, vault, expected, directory, progress)
    }

    /// Names what under `directory` is not as committed: the first `max` differences, in the order of names. The node has
    /// the snapshot's directories; every one of them is checked against the commitment.
    ///
    /// # Errors
    /// [`ClientError`] when the node does not have the snapshot, or its directories are lost.
    pub fn differing_files(
        &self,
        commitment: &Commitment,
        directory: &Path,
        max: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<FileDifference>, ClientError> {
        differing::differing_files(&self.client, &self.secret, commitment, directory, max, progress)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("address", &self.address()).finish_non_exhaustive()
    }
}
