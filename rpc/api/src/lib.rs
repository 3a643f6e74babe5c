//! Names the RPC methods and their wire types, for server and client.
