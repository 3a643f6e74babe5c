//! The cryptography under `hpke-rs`, with our generator in place of its own, so that all randomness is the caller's.

use hpke_rs_crypto::HpkeCrypto;
use hpke_rs_crypto::error::Error;
use hpke_rs_crypto::types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm, SingleStageKdfAlgorithm, TwoStageKdfAlgorithm};
use hpke_rs_rust_crypto::HpkeRustCrypto as Inner;

use crate::hpke_rng::SeededRng;

/// Passes everything on but randomness.
#[derive(Debug)]
pub(crate) struct SeededProvider;

impl HpkeCrypto for SeededProvider {
    type HpkePrng = SeededRng;

    fn name() -> String {
        Inner::name()
    }

    fn supports_kdf(alg: KdfAlgorithm) -> Result<(), Error> {
        Inner::supports_kdf(alg)
    }

    fn supports_kem(alg: KemAlgorithm) -> Result<(), Error> {
        Inner::supports_kem(alg)
    }

    fn supports_aead(alg: AeadAlgorithm) -> Result<(), Error> {
        Inner::supports_aead(alg)
    }

    fn kdf_extract(alg: TwoStageKdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, Error> {
        Inner::kdf_extract(alg, salt, ikm)
    }

    fn kdf_expand(alg: TwoStageKdfAlgorithm, prk: &[u8], info: &[u8], output_size: usize) -> Result<Vec<u8>, Error> {
        Inner::kdf_expand(alg, prk, info, output_size)
    }

    fn kdf_derive(alg: SingleStageKdfAlgorithm, ikm: &[u8], l: usize) -> Result<Vec<u8>, Error> {
        Inner::kdf_derive(alg, ikm, l)
    }

    fn dh(alg: KemAlgorithm, pk: &[u8], sk: &[u8]) -> Result<Vec<u8>, Error> {
        Inner::dh(alg, pk, sk)
    }

    fn secret_to_public(alg: KemAlgorithm, sk: &[u8]) -> Result<Vec<u8>, Error> {
        Inner::secret_to_public(alg, sk)
    }

    fn kem_key_gen(_: KemAlgorithm, _: &mut SeededRng) -> Result<(Vec<u8>, Vec<u8>), Error> {
        // Keys come from the owner's secret and encapsulation derives its own: nothing here makes keys at random.
        Err(Error::UnsupportedKemOperation)
    }

    fn kem_key_gen_derand(alg: KemAlgorithm, seed: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Inner::kem_key_gen_derand(alg, seed)
    }

    fn kem_encaps(_: KemAlgorithm, _: &[u8], _: &mut SeededRng) -> Result<(Vec<u8>, Vec<u8>), Error> {
        // Only KEMs that are not Diffie-Hellman come here.
        Err(Error::UnsupportedKemOperation)
    }

    fn kem_encaps_derand(alg: KemAlgorithm, pk_r: &[u8], randomness: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Inner::kem_encaps_derand(alg, pk_r, randomness)
    }

    fn kem_decaps(alg: KemAlgorithm, ct: &[u8], sk_r: &[u8]) -> Result<Vec<u8>, Error> {
        Inner::kem_decaps(alg, ct, sk_r)
    }

    fn dh_validate_sk(alg: KemAlgorithm, sk: &[u8]) -> Result<Vec<u8>, Error> {
        Inner::dh_validate_sk(alg, sk)
    }

    fn aead_seal(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Result<Vec<u8>, Error> {
        Inner::aead_seal(alg, key, nonce, aad, msg)
    }

    fn aead_open(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Result<Vec<u8>, Error> {
        Inner::aead_open(alg, key, nonce, aad, msg)
    }
}
