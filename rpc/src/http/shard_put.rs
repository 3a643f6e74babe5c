//! `PUT /shards/{id}?pack=…&index=…&width=…`: one shard in, one signed acknowledgement out.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use jsonrpsee::server::{HttpBody, HttpResponse};
use primitives::{PackId, ShardId};

use super::budget::NoRoom;
use super::buffer::ShardBuffer;
use super::drain::drain;
use super::reply;
use super::shards::{LEN_MAX, Shards, refuse};
use crate::metrics;

impl Shards {
    pub(super) async fn put(&self, shard: ShardId, head: Parts, mut body: HttpBody) -> HttpResponse {
        let place = Place::parse(head.uri.query().unwrap_or_default());
        let len = content_length(&head.headers);
        let refused = match (place, &len) {
            (Ok(place), Ok(len)) => match self.receive(*len, &mut body).await {
                Ok(bytes) => return self.store(shard, place, bytes).await,
                Err(Broken::Answer(answer)) => return answer,
                Err(Broken::NoRoom) => reply::busy("the node takes as many shards as it has memory for; try again"),
            },
            (_, Err((status, reason))) => reply::text(*status, reason),
            (Err(reason), _) => reply::text(StatusCode::BAD_REQUEST, reason),
        };
        if len.is_ok() {
            drain(&mut body, LEN_MAX).await;
        }
        refused
    }

    /// Reads the body; memory is taken for what has come.
    async fn receive(&self, len: usize, body: &mut HttpBody) -> Result<Bytes, Broken> {
        let bad = |reason| Broken::Answer(reply::text(StatusCode::BAD_REQUEST, reason));
        let mut share = self.puts.share();
        let mut buffer = None;
        loop {
            let part = match self.puts.part(&mut share, body).await.map_err(|NoRoom| Broken::NoRoom)? {
                None => return Err(bad("the body ended before Content-Length")),
                Some(Err(error)) => return Err(Broken::Answer(reply::broken_body(&error))),
                Some(Ok(part)) => part,
            };
            let received = buffer.as_ref().map_or(0, ShardBuffer::received);
            self.puts
                .grow(&mut share, received.saturating_add(part.len()).min(len))
                .await
                .map_err(|NoRoom| Broken::NoRoom)?;
            let mut filling = match buffer.take() {
                Some(buffer) => buffer,
                None => ShardBuffer::new(len, &self.pool).ok_or(Broken::NoRoom)?,
            };
            if !filling.push(&part) {
                return Err(bad("the body is longer than Content-Length"));
            }
            if filling.missing() == 0 {
                return Ok(filling.into_bytes(share));
            }
            buffer = Some(filling);
        }
    }

    async fn store(&self, shard: ShardId, place: Place, bytes: Bytes) -> HttpResponse {
        metrics::shard_received(bytes.len());
        match self.backend.shard_put(place.pack, place.index, place.width, shard, bytes).await {
            Ok(ack) => reply::json(StatusCode::OK, &ack),
            Err(error) => refuse(&error),
        }
    }
}

/// Why a shard has not come in.
enum Broken {
    /// There was no memory in time; the rest of the body may still come.
    NoRoom,
    /// It is over.
    Answer(HttpResponse),
}

/// Where in its pack a shard belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    pack: PackId,
    index: u8,
    width: u8,
}

impl Place {
    /// Reads `pack=<64 hex>&index=<u8>&width=<u8>`; each exactly once, nothing else.
    fn parse(query: &str) -> Result<Self, String> {
        let (mut pack, mut index, mut width) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let wrong = |error: &dyn std::fmt::Display| format!("query parameter {name}={value:?}: {error}");
            let again = match name {
                "pack" => pack.replace(value.parse::<PackId>().map_err(|error| wrong(&error))?).is_some(),
                "index" => index.replace(value.parse::<u8>().map_err(|error| wrong(&error))?).is_some(),
                "width" => width.replace(value.parse::<u8>().map_err(|error| wrong(&error))?).is_some(),
                _ => return Err(format!("unknown query parameter {name:?}: there are pack, index and width")),
            };
            if again {
                return Err(format!("query parameter {name} is there twice"));
            }
        }
        let (Some(pack), Some(index), Some(width)) = (pack, index, width) else {
            return Err("the query must say where the shard belongs: ?pack=<64 hex>&index=<n>&width=<n>".to_owned());
        };
        if index >= width || width > 128 {
            return Err(format!("index {index} must be below width {width}, and width at most 128"));
        }
        Ok(Self { pack, index, width })
    }
}

/// The declared length, checked.
fn content_length(headers: &HeaderMap) -> Result<usize, (StatusCode, &'static str)> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else {
        return Err((StatusCode::LENGTH_REQUIRED, "say how long the shard is: a Content-Length header is required"));
    };
    let len = value.to_str().ok().and_then(|text| text.parse::<usize>().ok());
    match len {
        None => Err((StatusCode::BAD_REQUEST, "Content-Length is not a number")),
        Some(len) if len > LEN_MAX => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, "a shard has at most 33554432 bytes (32 MiB)"))
        }
        Some(len) if len == 0 || !len.is_multiple_of(64) => {
            Err((StatusCode::BAD_REQUEST, "a shard's length is a positive multiple of 64 bytes"))
        }
        Some(len) => Ok(len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_that_of_pack_headers() {
        assert_eq!(usize::try_from(primitives::PackHeader::SHARD_LEN_MAX).unwrap(), LEN_MAX);
    }

    #[test]
    fn the_query_is_read_strictly() {
        let pack = "ab".repeat(32);
        let place = Place::parse(&format!("pack={pack}&index=2&width=6")).unwrap();
        assert_eq!(place, Place { pack: PackId::new([0xab; 32]), index: 2, width: 6 });
        assert_eq!(Place::parse(&format!("width=6&index=2&pack=0x{pack}")).unwrap(), place);
        for bad in [
            String::new(),
            format!("pack={pack}&index=2"),
            format!("pack={pack}&index=6&width=6"),
            format!("pack={pack}&index=2&width=129"),
            format!("pack={pack}&index=256&width=6"),
            format!("pack={pack}&index=-1&width=6"),
            format!("pack={pack}&index=2&index=2&width=6"),
            format!("pack={pack}&index=2&width=6&x=1"),
            "pack=12&index=2&width=6".to_owned(),
        ] {
            assert!(Place::parse(&bad).is_err(), "{bad}");
        }
    }
}
