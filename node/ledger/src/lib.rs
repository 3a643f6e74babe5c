//! Orders metadata: the operational ledger on Raft, its rules, its outbox to the chain.
