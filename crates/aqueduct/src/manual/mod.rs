//! The guide, as pages that compile.
