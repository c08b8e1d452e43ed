//! Which certificates an encrypted connection goes by.

use std::path::{Path, PathBuf};

use super::ConfigError;

/// Which certificates an encrypted connection goes by: files in the PEM format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// Trusts the authorities that this machine trusts, and shows no certificate of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts only the authorities in a file.
    #[must_use]
    pub fn with_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca = Some(file.into());
        self
    }

    /// Shows the server a certificate; the file of its key is not encrypted.
    #[must_use]
    pub fn with_identity(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    pub(crate) fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// Returns the files of the certificate and of its key.
    pub(crate) fn identity(&self) -> Option<(&Path, &Path)> {
        self.identity
            .as_ref()
            .map(|(certificate, key)| (certificate.as_path(), key.as_path()))
    }
}

/// The options of a URL that are about certificates.
#[derive(Debug, Default)]
pub(super) struct TlsOptions {
    pub(super) ca: Option<String>,
    pub(super) cert: Option<String>,
    pub(super) key: Option<String>,
}

impl TlsOptions {
    /// Returns what they say, for a URL that asks for encryption or not.
    pub(super) fn resolve(self, is_encrypted: bool) -> Result<Option<Tls>, ConfigError> {
        let is_any = self.ca.is_some() || self.cert.is_some() || self.key.is_some();
        if !is_encrypted {
            let message = "`ca`, `cert` and `key` need an encrypted connection: write `rediss` instead of `redis`";
            return if is_any {
                Err(ConfigError::new("options", message))
            } else {
                Ok(None)
            };
        }
        let mut tls = Tls::new();
        if let Some(ca) = self.ca {
            tls = tls.with_ca(ca);
        }
        match (self.cert, self.key) {
            (Some(certificate), Some(key)) => tls = tls.with_identity(certificate, key),
            (None, None) => {}
            _ => return Err(ConfigError::new("options", "`cert` and `key` go together")),
        }
        Ok(Some(tls))
    }
}
