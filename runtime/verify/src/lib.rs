//! Checks headers, certificates and receipts with no node, no network and few dependencies.
