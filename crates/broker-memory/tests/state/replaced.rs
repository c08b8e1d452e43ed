//! Runs that a later call replaces.
