//! The reference page names every method that there is, and no other.

use std::collections::BTreeSet;

use crate::wire::TestServer;

#[tokio::test]
async fn the_reference_has_an_example_of_every_method_and_of_no_other() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rpc.md")).unwrap();
    let examples: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("rpc ")?.split([' ', '|']).next()).collect();
    let sources = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/api/src")).unwrap();
    let mut methods = BTreeSet::new();
    for file in sources {
        let Ok(text) = std::fs::read_to_string(file.unwrap().path()) else { continue };
        let Some((_, rest)) = text.split_once("namespace = \"") else { continue };
        let namespace = rest.split('"').next().unwrap();
        let names = text.split("#[method(name = \"").skip(1);
        methods.extend(names.map(|rest| format!("{namespace}_{}", rest.split('"').next().unwrap())));
    }
    assert_eq!(examples, methods.iter().map(String::as_str).collect());

    let server = TestServer::start().await;
    for method in methods {
        let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": [5]}).to_string();
        assert_ne!(server.post(&body).await["error"]["code"], -32601, "{method}");
    }
}
