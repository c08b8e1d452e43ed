//! Encrypted connections.

use std::path::Path;
use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::LinkError;
use crate::config::Tls;

/// Makes what the client library encrypts with.
pub(super) fn config(tls: &Tls) -> Result<TlsConfig, LinkError> {
    // Named, not taken from the process: an application may have two providers, and then there is no default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| LinkError::denied(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(authorities(tls.ca())?);
    let client = match tls.identity() {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key_der = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| unreadable("key", key, &error))?;
            builder
                .with_client_auth_cert(certificates("cert", certificate)?, key_der)
                .map_err(|error| {
                    LinkError::denied(format!("`cert` and `key` do not fit: {error}"))
                })?
        }
    };
    Ok(TlsConfig::from(TlsConnector::from(client)))
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, LinkError> {
    let mut store = RootCertStore::empty();
    let (found, place) = match ca {
        Some(file) => (certificates("ca", file)?, file.display().to_string()),
        None => (
            rustls_native_certs::load_native_certs().certs,
            "this machine".to_owned(),
        ),
    };
    let (added, _) = store.add_parsable_certificates(found);
    if added == 0 {
        let message = format!(
            "no certificate of an authority at {place}; name a PEM file with the option `ca`"
        );
        return Err(LinkError::denied(message));
    }
    Ok(store)
}

fn certificates(option: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, LinkError> {
    let all = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    all.map_err(|error| unreadable(option, file, &error))
}

fn unreadable(option: &str, file: &Path, error: &dyn std::error::Error) -> LinkError {
    LinkError::denied(format!(
        "the file of `{option}`, {}, cannot be read: {error}",
        file.display()
    ))
}
