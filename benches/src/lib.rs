//! Seeded logs and the serde_json baseline.
