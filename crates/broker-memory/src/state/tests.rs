//! Tests of the pure state: what a test through the broker cannot see.
