//! Pack to parity, in small column stripes, with working memory that is kept.

use primitives::Policy;
use reed_solomon_simd::ReedSolomonEncoder;

use crate::CodingError;
use crate::geometry::Geometry;

/// Bytes of each shard that are encoded at a time. Measured: 64 KiB to 256 KiB keep the working memory of 4+2 to 8+4 in
/// the second-level cache; a whole 8 MiB shard at once is three times slower. It changes nothing in the result.
const STRIPE: usize = 64 * 1024;

/// Computes parity shards. Keep one per thread: it keeps its working memory between packs.
#[derive(Default)]
pub struct Encoder {
    engine: Option<ReedSolomonEncoder>,
    /// Data shards, parity shards and bytes that `engine` is set up for.
    shape: (usize, usize, usize),
}

impl Encoder {
    /// An encoder without working memory yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { engine: None, shape: (0, 0, 0) }
    }

    /// The parity shards of `pack`, one after another; empty for copies.
    ///
    /// # Errors
    /// [`CodingError::PackLength`] when the pack cannot be cut for `policy`.
    pub fn encode(&mut self, policy: Policy, pack: &[u8]) -> Result<Vec<u8>, CodingError> {
        let mut parity = vec![0; Geometry::of_pack(policy, pack.len())?.parity_len()];
        self.encode_into(policy, pack, &mut parity)?;
        Ok(parity)
    }

    /// Writes the parity shards of `pack`, one after another, into `parity`, which has
    /// [`crate::parity_bytes`] bytes.
    ///
    /// # Errors
    /// [`CodingError::PackLength`] when the pack cannot be cut for `policy`, [`CodingError::BufferLength`] when `parity`
    /// has another length.
    pub fn encode_into(&mut self, policy: Policy, pack: &[u8], parity: &mut [u8]) -> Result<(), CodingError> {
        let geometry = Geometry::of_pack(policy, pack.len())?;
        Geometry::expect_len("parity", geometry.parity_len(), parity.len())?;
        if geometry.m == 0 {
            return Ok(());
        }
        for stripe in geometry.stripes(STRIPE) {
            let data = pack
                .chunks_exact(geometry.shard_len)
                .map(|shard| shard.get(stripe.clone()).expect("a stripe lies inside the shard"));
            self.encode_columns(&geometry, stripe.len(), data, geometry.columns_mut(parity, &stripe))?;
        }
        Ok(())
    }

    /// Encodes `len` columns of all data shards into as many columns of all parity shards.
    pub(crate) fn encode_columns<'a, 'b>(
        &mut self,
        geometry: &Geometry,
        len: usize,
        data: impl Iterator<Item = &'a [u8]>,
        parity: impl Iterator<Item = &'b mut [u8]>,
    ) -> Result<(), CodingError> {
        let engine = self.set_up(geometry.k, geometry.m, len)?;
        for columns in data {
            engine.add_original_shard(columns)?;
        }
        let encoded = engine.encode()?;
        for (target, source) in parity.zip(encoded.recovery_iter()) {
            Geometry::expect_len("parity column", source.len(), target.len())?;
            target.copy_from_slice(source);
        }
        Ok(())
    }

    /// The engine for this shape, empty.
    fn set_up(&mut self, k: usize, m: usize, len: usize) -> Result<&mut ReedSolomonEncoder, CodingError> {
        let shape = (k, m, len);
        let mut engine = match self.engine.take() {
            Some(engine) => engine,
            None => ReedSolomonEncoder::new(k, m, len)?,
        };
        // Also clears what an encoding that failed half-way left behind.
        engine.reset(k, m, len)?;
        self.shape = shape;
        Ok(self.engine.insert(engine))
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// The parity shards of `pack`, one after another, with an encoder of its own. For many packs keep an [`Encoder`].
///
/// # Errors
/// [`CodingError::PackLength`] when the pack cannot be cut for `policy`.
pub fn encode(policy: Policy, pack: &[u8]) -> Result<Vec<u8>, CodingError> {
    Encoder::new().encode(policy, pack)
}
