//! What commands and agent say to one another: one request of fixed length, one answer until the end of the stream.
//!
//! ```text
//!   request   version 1 | what 1 | zero 2 | account 20 | secret 32 | milliseconds 8, little endian     64 bytes
//!   answer    status 1  | nothing, or memory locked 1, or secret 32, or any number of (account 20 | milliseconds 8)
//! ```
//! Both ends are the same program, of the same user, on the same machine: the version only tells an agent of an older
//! program apart.

use std::fmt;
use std::time::Duration;

use primitives::Address;
use zeroize::Zeroizing;

/// Version of these bytes.
const VERSION: u8 = 1;
/// Length of a request.
pub(super) const REQUEST_BYTES: usize = 64;
/// Longest answer: a list of all the keys that an agent can hold.
pub(super) const REPLY_BYTES_MAX: usize = 1 + super::page::SLOTS * LISTED_BYTES;
/// Length of one key in a list.
const LISTED_BYTES: usize = 28;

/// A secret on its way; never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// A copy of these bytes, wiped when dropped.
    pub(super) fn new(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes.
    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a command asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Keep this key for so long.
    Keep { address: Address, secret: Secret, ttl: Duration },
    /// Give the secret of this account.
    Secret { address: Address },
    /// Name what is unlocked.
    List,
    /// Forget this account's key.
    Lock { address: Address },
    /// Forget every key.
    LockAll,
}

/// What the agent answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The key is kept.
    Kept {
        /// Whether it stays out of swap.
        memory_locked: bool,
    },
    /// The secret asked for.
    Secret(Secret),
    /// Accounts, and how long they stay unlocked; or those that were locked.
    Unlocked(Vec<(Address, Duration)>),
    /// This account is not unlocked.
    NotUnlocked,
    /// No room for another key.
    Full,
    /// Not a request of this version.
    Unknown,
}

impl Request {
    /// Its bytes.
    pub(super) fn encode(&self) -> Zeroizing<[u8; REQUEST_BYTES]> {
        let none = (Address::ZERO, Secret::new(&[0; 32]), Duration::ZERO);
        let (what, (address, secret, ttl)) = match self {
            Self::Keep { address, secret, ttl } => (1, (*address, secret.clone(), *ttl)),
            Self::Secret { address } => (2, (*address, none.1, none.2)),
            Self::List => (3, none),
            Self::Lock { address } => (4, (*address, none.1, none.2)),
            Self::LockAll => (5, none),
        };
        let mut bytes = Zeroizing::new([0; REQUEST_BYTES]);
        bytes[0] = VERSION;
        bytes[1] = what;
        bytes[4..24].copy_from_slice(address.as_bytes());
        bytes[24..56].copy_from_slice(secret.expose());
        bytes[56..].copy_from_slice(&milliseconds(ttl).to_le_bytes());
        bytes
    }

    /// The request; `None` when it is not one of this version.
    pub(super) fn decode(bytes: &[u8; REQUEST_BYTES]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<4>()?;
        let (address, rest) = rest.split_first_chunk::<20>()?;
        let (secret, ttl) = rest.split_first_chunk::<32>()?;
        let address = Address::new(*address);
        match head {
            [VERSION, 1, 0, 0] => Some(Self::Keep {
                address,
                secret: Secret::new(secret),
                ttl: Duration::from_millis(u64::from_le_bytes(ttl.try_into().ok()?)),
            }),
            [VERSION, 2, 0, 0] => Some(Self::Secret { address }),
            [VERSION, 3, 0, 0] => Some(Self::List),
            [VERSION, 4, 0, 0] => Some(Self::Lock { address }),
            [VERSION, 5, 0, 0] => Some(Self::LockAll),
            _ => None,
        }
    }
}

impl Reply {
    /// Its bytes.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Never grown: what a vector leaves behind when it moves is not wiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(REPLY_BYTES_MAX));
        match self {
            Self::Kept { memory_locked } => bytes.extend_from_slice(&[0, u8::from(*memory_locked)]),
            Self::Secret(secret) => {
                bytes.push(1);
                bytes.extend_from_slice(secret.expose());
            }
            Self::Unlocked(list) => {
                bytes.push(2);
                for (address, left) in list {
                    bytes.extend_from_slice(address.as_bytes());
                    bytes.extend_from_slice(&milliseconds(*left).to_le_bytes());
                }
            }
            Self::NotUnlocked => bytes.push(3),
            Self::Full => bytes.push(4),
            Self::Unknown => bytes.push(5),
        }
        bytes
    }

    /// The answer; `None` when it is none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (status, rest) = bytes.split_first()?;
        match (status, rest) {
            (0, [locked @ (0 | 1)]) => Some(Self::Kept { memory_locked: *locked == 1 }),
            (1, secret) => Some(Self::Secret(Secret::new(secret.try_into().ok()?))),
            (2, list) => {
                let (entries, []) = list.as_chunks::<LISTED_BYTES>() else { return None };
                let entry = |entry: &[u8; LISTED_BYTES]| {
                    let (address, left) = entry.split_first_chunk::<20>()?;
                    let left = u64::from_le_bytes(left.try_into().ok()?);
                    Some((Address::new(*address), Duration::from_millis(left)))
                };
                entries.iter().map(entry).collect::<Option<_>>().map(Self::Unlocked)
            }
            (3, []) => Some(Self::NotUnlocked),
            (4, []) => Some(Self::Full),
            (5, []) => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// Whole milliseconds, rounded down.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_back() {
        let address = Address::new([7; 20]);
        for request in [
            Request::Keep { address, secret: Secret::new(&[9; 32]), ttl: Duration::from_millis(1_500) },
            Request::Secret { address },
            Request::List,
            Request::Lock { address },
            Request::LockAll,
        ] {
            assert_eq!(Request::decode(&request.encode()), Some(request));
        }
        for (place, value) in [(0, 2), (1, 0), (1, 6), (2, 1), (3, 1)] {
            let mut bytes = Request::List.encode();
            bytes[place] = value;
            assert_eq!(Request::decode(&bytes), None, "byte {place} = {value}");
        }
    }

    #[test]
    fn answers_come_back() {
        let list = vec![(Address::new([1; 20]), Duration::from_millis(1)), (Address::new([2; 20]), Duration::ZERO)];
        for reply in [
            Reply::Kept { memory_locked: true },
            Reply::Kept { memory_locked: false },
            Reply::Secret(Secret::new(&[9; 32])),
            Reply::Unlocked(list),
            Reply::Unlocked(Vec::new()),
            Reply::NotUnlocked,
            Reply::Full,
            Reply::Unknown,
        ] {
            let bytes = reply.encode();
            assert!(bytes.len() <= REPLY_BYTES_MAX);
            assert_eq!(Reply::decode(&bytes), Some(reply));
        }
        for bytes in [&[][..], &[0], &[0, 2], &[1; 32], &[1; 34], &[2; 28], &[2; 30], &[6]] {
            assert_eq!(Reply::decode(bytes), None, "{bytes:?}");
        }
    }
}
