//! Encrypted connections, to a server that is encrypted.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use aqueduct_broker_api::{Broker, BrokerErrorKind};
use aqueduct_broker_redis::{RedisBroker, RedisConfig, Tls};
use aqueduct_redis_server::{RedisServer, ServerOptions};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// A server that speaks only TLS on one of its ports, and the certificates.
struct Encrypted {
    server: RedisServer,
    port: u16,
    folder: Folder,
}

/// A folder that goes with the value.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Encrypted {
    fn start(asks_for_certificates: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("aqueduct-tls-{}-{number}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        issue(&folder.0);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let file = |name: &str| folder.0.join(name).display().to_string();
        let (cert, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
        let server = RedisServer::start_with(&ServerOptions::with_settings(&[
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            &cert,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &ca,
            "--tls-auth-clients",
            asks_for_certificates,
        ]));
        Self {
            server: server.unwrap(),
            port,
            folder,
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.0.join(name).display().to_string()
    }

    async fn open(&self, options: &str) -> Result<RedisBroker, aqueduct_broker_api::BrokerError> {
        RedisBroker::from_url(&format!("rediss://127.0.0.1:{}{options}", self.port)).await
    }
}

/// Writes an authority, and certificates of it for a server and for a client.
fn issue(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    let authority = params.self_signed(&key).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for (name, host) in [("server", "127.0.0.1"), ("client", "somebody")] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[tokio::test]
async fn a_server_of_a_known_authority_is_used() {
    let encrypted = Encrypted::start("no");
    let broker = encrypted
        .open(&format!("?ca={}", encrypted.file("ca.pem")))
        .await
        .unwrap();
    assert!(broker.queue_lengths(&[]).await.unwrap().is_empty());
    let clients = encrypted.server.command(&["CLIENT", "LIST"]).unwrap();
    let to_tls_port = format!("laddr=127.0.0.1:{}", encrypted.port);
    assert!(clients.contains(&to_tls_port), "{clients}");
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_refused() {
    let encrypted = Encrypted::start("optional");
    let other = Folder(std::env::temp_dir().join(format!("aqueduct-tls-{}", std::process::id())));
    fs::create_dir_all(&other.0).unwrap();
    issue(&other.0);
    let ca = other.0.join("ca.pem").display().to_string();
    let error = encrypted.open(&format!("?ca={ca}")).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Config);
    assert!(
        whole(&error).contains("InvalidCertificate"),
        "{}",
        whole(&error)
    );
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_one() {
    let encrypted = Encrypted::start("yes");
    let url = format!("rediss://127.0.0.1:{}", encrypted.port);
    let tls = Tls::new().with_ca(encrypted.file("ca.pem"));
    let config = RedisConfig::from_url(&url).unwrap();
    let without = RedisBroker::open(config.clone().with_tls(tls.clone())).await;
    assert!(without.is_err(), "it is let in without a certificate");
    let tls = tls.with_identity(encrypted.file("client.pem"), encrypted.file("client.key"));
    let broker = RedisBroker::open(config.with_tls(tls)).await.unwrap();
    assert!(broker.queue_lengths(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_is_missing_is_named() {
    for option in ["ca=/nowhere.pem", "ca=/dev/null"] {
        let url = format!("rediss://127.0.0.1:1?{option}");
        let error = RedisBroker::from_url(&url).await.unwrap_err();
        assert_eq!(error.kind(), BrokerErrorKind::Config);
        assert!(whole(&error).contains("`ca`"), "{}", whole(&error));
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named() {
    let encrypted = Encrypted::start("no");
    let (port, ca) = (encrypted.server.port(), encrypted.file("ca.pem"));
    let error = RedisBroker::from_url(&format!("rediss://127.0.0.1:{port}?ca={ca}")).await;
    let error = whole(&error.unwrap_err());
    assert!(
        error.contains(&format!("127.0.0.1:{port}, which must speak TLS")),
        "{error}"
    );
    drop(encrypted);
    let error = RedisBroker::from_url(&format!("redis://me:canary@127.0.0.1:{port}")).await;
    let error = whole(&error.unwrap_err());
    assert!(error.contains(&format!("at 127.0.0.1:{port}")), "{error}");
    assert!(!error.contains("canary"), "{error}");
}
