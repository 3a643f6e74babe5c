//! Which `Host` the node answers to: protection from DNS rebinding.

use std::collections::HashSet;
use std::net::IpAddr;

use http::uri::Authority;
use http::{Request, header};

/// The names that the node answers to: `localhost`, any IP address (no name, nothing to rebind), and those configured.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    names: HashSet<String>,
    any: bool,
    origins: HashSet<String>,
    any_origin: bool,
}

impl Hosts {
    pub(crate) fn new(names: &[String], origins: &[String]) -> Self {
        Self {
            names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            any: names.iter().any(|name| name == "*"),
            origins: origins.iter().map(|origin| origin.to_ascii_lowercase()).collect(),
            any_origin: origins.iter().any(|origin| origin == "*"),
        }
    }

    /// Whether the request is for this node. One without a host (HTTP/1.0) cannot come from a browser.
    pub(crate) fn allow<B>(&self, request: &Request<B>) -> bool {
        let authority = match request.headers().get(header::HOST) {
            Some(value) => value.to_str().ok().and_then(|text| text.parse::<Authority>().ok()),
            None => match request.uri().authority() {
                Some(authority) => Some(authority.clone()),
                None => return true,
            },
        };
        authority.is_some_and(|authority| self.any || self.is_ours(authority.host()))
    }

    /// Whether a WebSocket may be opened: browsers send `Origin` and apply no CORS rules, so the node does. Programs
    /// send none. A page that the node itself served has the node's own host as its origin.
    pub(crate) fn allow_socket<B>(&self, request: &Request<B>) -> bool {
        let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str().map(str::to_ascii_lowercase) else { return false };
        let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
        let own = origin.split_once("://").map(|(_, authority)| authority) == host;
        self.any_origin || own || self.origins.contains(&origin)
    }

    fn is_ours(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&host);
        host == "localhost" || bare.parse::<IpAddr>().is_ok() || self.names.contains(&host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_rebound_name_is_refused() {
        let hosts = Hosts::new(&["node.example".to_owned()], &[]);
        for good in
            ["localhost", "localhost:8545", "LOCALHOST", "127.0.0.1:8545", "[::1]:8545", "10.1.2.3", "Node.Example:1"]
        {
            assert!(hosts.allow(&request(&[("host", good)])), "{good}");
        }
        for bad in ["evil.example", "localhost.evil.example:8545", "node.example.evil", "127.0.0.1.nip.io", "", "a b"] {
            assert!(!hosts.allow(&request(&[("host", bad)])), "{bad}");
        }
        assert!(hosts.allow(&request(&[])));
        assert!(Hosts::new(&["*".to_owned()], &[]).allow(&request(&[("host", "evil.example")])));
    }

    #[test]
    fn a_strange_page_opens_no_socket() {
        let hosts = Hosts::new(&[], &["https://wallet.example".to_owned()]);
        let host = ("host", "localhost:8545");
        assert!(hosts.allow_socket(&request(&[host])));
        assert!(hosts.allow_socket(&request(&[host, ("origin", "https://wallet.example")])));
        assert!(hosts.allow_socket(&request(&[host, ("origin", "http://localhost:8545")])));
        assert!(!hosts.allow_socket(&request(&[host, ("origin", "https://evil.example")])));
        assert!(!hosts.allow_socket(&request(&[host, ("origin", "null")])));
        assert!(Hosts::new(&[], &["*".to_owned()]).allow_socket(&request(&[host, ("origin", "null")])));
    }
}
