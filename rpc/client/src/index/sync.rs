//! Brings the index up to date with the ledger.

use std::collections::HashSet;

use primitives::ledger::{PackRecord, VaultRecord};
use primitives::{PackHeader, VaultId};
use seal::pack::{FooterKeys, FrameEntry, PackError, PackFooter};

use super::{Kind, PackInfo, VaultIndex};
use crate::fetch::{Fetcher, Wait};
use crate::{ClientError, Node};

/// Bytes that are read first from a pack's end: enough for the footer of a pack of large chunks.
const TAIL: u64 = 8 * 1024;
/// Packs in one page of the ledger's list.
const PAGE: u32 = 500;

impl VaultIndex {
    /// Learns the packs that the ledger has and the index has not. Returns how many.
    ///
    /// That is how packs of an interrupted run, of another machine, or of a lost cache become known again.
    pub(crate) fn sync(
        &mut self,
        node: &dyn Node,
        record: &VaultRecord,
        keys: &FooterKeys,
        fetcher: &Fetcher,
    ) -> Result<usize, ClientError> {
        let expected = usize::try_from(record.packs).unwrap_or(usize::MAX);
        if self.len() == expected {
            return Ok(0);
        }
        if self.len() > expected {
            // The ledger knows less than this index: it is another ledger under the same names.
            self.clear()?;
        }
        let vault = record.terms.vault();
        let mut added = 0;
        let mut cursor: Option<Vec<u8>> = None;
        loop {
            let page = node.pack_page(&vault, cursor.as_deref(), PAGE)?;
            for pack in page.items {
                let header = pack.header;
                header.check().map_err(|error| ClientError::damaged("the ledger's answer", error))?;
                let id = header.id();
                if self.number_of(&id).is_some() {
                    continue;
                }
                let Some((kind, entries)) = read_footer(&header, keys, fetcher)? else { continue };
                self.append(PackInfo { id, kind, header }, &entries)?;
                added += 1;
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(added),
            }
        }
    }

    /// [`Self::find_lost`], and counts what is in these packs as unknown: a backup stores it again. Returns how many
    /// there are.
    pub(crate) fn forget_lost(&mut self, node: &dyn Node, vault: &VaultId) -> Result<usize, ClientError> {
        let count = self.find_lost(node, vault)?;
        self.forgets = true;
        if let Some(chunks) = self.chunks.get() {
            chunks.forget(&self.lost);
        }
        Ok(count)
    }

    /// Looks for packs that the ledger knows fewer holders of than reading takes, before the chunks are loaded: what
    /// another pack has too is then read from that one. Returns how many there are.
    ///
    /// One small question while nothing in the network is degraded; otherwise it reads the list of the vault's packs.
    pub(crate) fn find_lost(&mut self, node: &dyn Node, vault: &VaultId) -> Result<usize, ClientError> {
        self.lost.clear();
        if node.degraded_packs()? == 0 {
            return Ok(0);
        }
        let mut cursor: Option<Vec<u8>> = None;
        loop {
            let page = node.pack_page(vault, cursor.as_deref(), PAGE)?;
            for pack in page.items.iter().filter(|pack| is_lost(pack)) {
                let id = pack.header.id();
                tracing::warn!(target: "client", pack = %id, "a pack is lost: too few of its shards are held");
                self.lost.extend(self.number_of(&id));
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(self.lost.len()),
            }
        }
    }
}

/// Whether fewer different shards are held than reading takes.
fn is_lost(pack: &PackRecord) -> bool {
    let held: HashSet<u8> = pack.holders.iter().map(|holder| holder.index).collect();
    held.len() < usize::from(pack.header.policy.data_shards())
}

type Footer = (Kind, Vec<FrameEntry>);

/// The frames of a pack: from its last bytes, or from the decoded pack when those are gone.
fn read_footer(header: &PackHeader, keys: &FooterKeys, fetcher: &Fetcher) -> Result<Option<Footer>, ClientError> {
    let len = Fetcher::pack_len(header);
    let pack_len = usize::try_from(len).unwrap_or(usize::MAX);
    let mut want = TAIL.min(len);
    for _ in 0..2 {
        let mut tail = vec![0; usize::try_from(want).unwrap_or(0)];
        if fetcher.read(header, len - want..len, &mut tail, Wait::AWhile).is_err() {
            break;
        }
        match PackFooter::open(keys, pack_len, &tail) {
            Ok(footer) => return Ok(Some((footer.kind.into(), footer.entries))),
            Err(PackError::NeedTail { bytes }) => want = u64::try_from(bytes).unwrap_or(len).min(len),
            Err(_) => break,
        }
    }
    match fetcher.rebuild(header) {
        Ok(pack) => match PackFooter::open(keys, pack_len, &pack) {
            Ok(footer) => Ok(Some((footer.kind.into(), footer.entries))),
            // A pack without a footer of ours, kept as copies, is a manifest.
            Err(PackError::WrongKey) if header.policy.is_copies() => Ok(Some((Kind::Manifest, Vec::new()))),
            Err(error) => Err(ClientError::damaged(format!("pack {}", header.id()), error)),
        },
        // What is in a lost pack is not known now; it is asked for again next time, for shards may come back.
        Err(error @ ClientError::PackLost { .. }) => {
            tracing::warn!(target: "client", %error, "what a lost pack holds is not known here");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
