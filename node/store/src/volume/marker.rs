//! The marker file: which volume this directory is, and whose.

use primitives::{NetworkId, NodeKey, VolumeId};

/// First line of a marker file.
const HEADING: &str = "strongroom volume 1";

/// Contents of a volume's marker file. Text, so that a person with a loose disk in hand can read whose it is.
///
/// ```text
/// strongroom volume 1\n
/// volume <decimal>\n
/// node <64 hex digits>\n
/// network <64 hex digits>\n
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeMarker {
    /// The volume's id, unique within its node and never used again.
    pub volume: VolumeId,
    /// The node that it belongs to.
    pub node: NodeKey,
    /// The network that its shards belong to.
    pub network: NetworkId,
}

impl VolumeMarker {
    /// Name of the marker file in the volume's directory.
    pub const FILE: &'static str = "strongroom-volume";
    /// Longest marker file that is read, bytes.
    pub(crate) const LEN_MAX: usize = 512;

    pub(crate) fn to_text(self) -> String {
        format!("{HEADING}\nvolume {}\nnode {}\nnetwork {}\n", self.volume.0, self.node, self.network)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.split('\n');
        let heading = lines.next().unwrap_or_default();
        if heading != HEADING {
            return Err(format!("the first line is {heading:?}, expected {HEADING:?}"));
        }
        let volume = field(lines.next(), "volume")?;
        let node = field(lines.next(), "node")?;
        let network = field(lines.next(), "network")?;
        if lines.next() != Some("") || lines.next().is_some() {
            return Err("it has the wrong number of lines".to_owned());
        }
        Ok(Self {
            volume: VolumeId(volume.parse().map_err(|_| format!("{volume:?} is no volume number"))?),
            node: node.parse().map_err(|error| format!("node: {error}"))?,
            network: network.parse().map_err(|error| format!("network: {error}"))?,
        })
    }
}

fn field<'a>(line: Option<&'a str>, name: &str) -> Result<&'a str, String> {
    line.and_then(|line| line.strip_prefix(name))
        .and_then(|rest| rest.strip_prefix(' '))
        .ok_or_else(|| format!("no {name:?} line where one should be"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_every_damaged_text_is_refused() {
        let marker =
            VolumeMarker { volume: VolumeId(7), node: NodeKey::new([0xab; 32]), network: NetworkId::new([0xcd; 32]) };
        let text = marker.to_text();
        assert_eq!(VolumeMarker::parse(&text), Ok(marker));
        for cut in 0..text.len() {
            assert!(VolumeMarker::parse(&text[..cut]).is_err(), "cut at {cut}");
        }
        assert!(VolumeMarker::parse(&format!("{text}more\n")).is_err());
        assert!(VolumeMarker::parse(&text.replace("volume 7", "volume 70000")).is_err());
        assert!(VolumeMarker::parse(&text.replace("volume 1", "volume 2")).is_err());
    }
}
