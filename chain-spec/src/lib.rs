//! Describes networks: parameters, allocations, validators and clusters, checked, with presets.
