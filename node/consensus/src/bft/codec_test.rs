use bytes::Bytes;
use malachite_app_channel::app::consensus::{LivenessMsg, ProposedValue, SignedConsensusMsg};
use malachite_app_channel::app::streaming::{StreamContent, StreamId, StreamMessage};
use malachite_codec::{Codec, HasEncodedLen};
use malachite_core_types::{
    NilOrVal, PolkaCertificate, PolkaSignature, Round, RoundCertificate, RoundCertificateType, RoundSignature,
    SignedMessage, Validity, VoteType,
};
use malachite_peer::PeerId;
use malachite_sync::{RawDecidedValue, Request, Response, Status, ValueRequest, ValueResponse};
use primitives::{BlockHash, Certificate, CodecError, CommitSignature, Ed25519Signature, Height, ValidatorKey};
use proptest::prelude::*;

use super::{Bft, BftHeight, BlockProposal, BlockValue, BlockVote, Part, Scale, SetAddress, extended_of};

/// Round-trips, then shows that a byte more, a byte less and another version are refused.
fn check<T: PartialEq + std::fmt::Debug>(message: &T)
where
    Scale: Codec<T, Error = CodecError>,
{
    let bytes = Scale.encode(message).unwrap();
    assert_eq!(&Scale.decode(bytes.clone()).unwrap(), message);
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(matches!(
        Codec::<T>::decode(&Scale, Bytes::from(longer)),
        Err(CodecError::Malformed { .. } | CodecError::TooLong { .. })
    ));
    let shorter = bytes.slice(..bytes.len() - 1);
    assert!(Codec::<T>::decode(&Scale, shorter).is_err());
    let mut other = bytes.to_vec();
    other[0] = 2;
    assert!(matches!(Codec::<T>::decode(&Scale, Bytes::from(other)), Err(CodecError::Version { found: 2, .. })));
    assert!(matches!(Codec::<T>::decode(&Scale, Bytes::from(vec![1; 16 << 20])), Err(CodecError::TooLong { .. })));
    assert!(Codec::<T>::decode(&Scale, Bytes::new()).is_err());
}

fn round() -> impl Strategy<Value = Round> {
    any::<Option<u32>>().prop_map(Round::from)
}

fn hash() -> impl Strategy<Value = BlockHash> {
    any::<[u8; 32]>().prop_map(BlockHash::new)
}

fn address() -> impl Strategy<Value = SetAddress> {
    any::<[u8; 32]>().prop_map(|bytes| SetAddress(ValidatorKey::new(bytes)))
}

fn signature() -> impl Strategy<Value = Ed25519Signature> {
    any::<[u8; 32]>().prop_map(|half| {
        let mut bytes = [7; 64];
        bytes[..32].copy_from_slice(&half);
        Ed25519Signature::new(bytes)
    })
}

fn block() -> impl Strategy<Value = NilOrVal<BlockHash>> {
    proptest::option::of(hash()).prop_map(|hash| hash.map_or(NilOrVal::Nil, NilOrVal::Val))
}

fn vote() -> impl Strategy<Value = SignedMessage<Bft, BlockVote>> {
    (any::<bool>(), any::<u64>(), round(), block(), address(), signature()).prop_map(
        |(precommit, height, round, block, validator, signature)| {
            let kind = if precommit { VoteType::Precommit } else { VoteType::Prevote };
            let vote = BlockVote { kind, height: BftHeight::new(height), round, block, validator };
            SignedMessage::new(vote, signature)
        },
    )
}

fn proposal() -> impl Strategy<Value = SignedMessage<Bft, BlockProposal>> {
    (any::<u64>(), round(), hash(), round(), address(), signature()).prop_map(
        |(height, round, hash, pol_round, proposer, signature)| {
            let value = BlockValue(hash);
            SignedMessage::new(
                BlockProposal { height: BftHeight::new(height), round, value, pol_round, proposer },
                signature,
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn votes_and_proposals(vote in vote(), proposal in proposal()) {
        check(&SignedConsensusMsg::<Bft>::Vote(vote.clone()));
        check(&SignedConsensusMsg::<Bft>::Proposal(proposal));
        check(&LivenessMsg::<Bft>::Vote(vote));
    }

    #[test]
    fn proposed_values(height: u64, round in round(), valid_round in round(), proposer in address(), hash in hash(), valid: bool) {
        let (height, value, validity) = (BftHeight::new(height), BlockValue(hash), Validity::from_bool(valid));
        check(&ProposedValue::<Bft> { height, round, valid_round, proposer, value, validity });
    }

    #[test]
    fn certificates(
        height: u64, round in round(), hash in hash(), skip: bool,
        votes in proptest::collection::vec((any::<bool>(), block(), address(), signature()), 0..8),
    ) {
        let height = BftHeight::new(height);
        let polka_signatures = votes.iter().map(|(_, _, by, signature)| PolkaSignature::new(*by, *signature)).collect();
        let polka = PolkaCertificate::<Bft> { height, round, value_id: hash, polka_signatures };
        check(&polka);
        check(&LivenessMsg::<Bft>::PolkaCertificate(polka));
        let round_signatures = votes.iter().map(|(precommit, block, by, signature)| {
            let kind = if *precommit { VoteType::Precommit } else { VoteType::Prevote };
            RoundSignature::new(kind, *block, *by, *signature)
        }).collect();
        let cert_type = if skip { RoundCertificateType::Skip } else { RoundCertificateType::Precommit };
        check(&LivenessMsg::<Bft>::SkipRoundCertificate(RoundCertificate { height, round, cert_type, round_signatures }));
    }

    #[test]
    fn parts(
        height: u64, round in round(), valid_round in round(), proposer in address(), hash in hash(),
        signature in signature(), bytes in proptest::collection::vec(any::<u8>(), 0..300), stream: u64, sequence: u64,
    ) {
        let height = BftHeight::new(height);
        let contents = [
            StreamContent::Data(Part::Open { height, round, valid_round, proposer, block_bytes: 9 }),
            StreamContent::Data(Part::Chunk(bytes)),
            StreamContent::Data(Part::Close { block: hash, signature }),
            StreamContent::Fin,
        ];
        for content in contents {
            let id = StreamId::new(Bytes::copy_from_slice(&stream.to_le_bytes()));
            check(&StreamMessage::<Part>::new(id, sequence, content));
        }
    }

    #[test]
    fn sync_messages(tip: u64, oldest: u64, round: u32, hash in hash(), key: [u8; 32], signature in signature(), body: Vec<u8>) {
        let mut peer = vec![0x00, 36, 0x08, 0x01, 0x12, 0x20];
        peer.extend_from_slice(&key);
        let peer_id = PeerId::from_bytes(&peer).unwrap();
        let (tip_height, history_min_height) = (BftHeight::new(tip), BftHeight::new(oldest));
        check(&Status::<Bft> { peer_id, tip_height, history_min_height });
        check(&Request::<Bft>::ValueRequest(ValueRequest::new(history_min_height..=tip_height)));
        let certificate = Certificate {
            height: Height::new(tip),
            round: primitives::Round::new(round),
            block: hash,
            signatures: vec![CommitSignature { validator: ValidatorKey::new(key), signature }],
        };
        let value = RawDecidedValue::<Bft>::new(Bytes::from(body), extended_of(&certificate));
        let response = Response::<Bft>::ValueResponse(ValueResponse::new(tip_height, vec![value]));
        check(&response);
        prop_assert_eq!(Scale.encoded_len(&response).unwrap(), Scale.encode(&response).unwrap().len());
    }
}
