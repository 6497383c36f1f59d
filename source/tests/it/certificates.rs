//! An authority and certificates from it, for tests of encrypted connections.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Writes an authority, and a certificate from it for this machine: `NAME.ca`, `NAME.pem`, `NAME.key`.
pub(crate) fn certify(folder: &Path, name: &str) {
    certify_host(folder, name, "127.0.0.1");
}

/// Writes an authority, and a certificate from it for a host.
pub(crate) fn certify_host(folder: &Path, name: &str, host: &str) {
    let write = |end: &str, text: String| {
        std::fs::write(folder.join(format!("{name}.{end}")), text).expect("written");
    };
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect("a key");
    write("ca", params.self_signed(&key).expect("a certificate").pem());
    let issuer = rcgen::Issuer::new(params, key);
    let params = rcgen::CertificateParams::new(vec![host.to_owned()]).expect("a host");
    let key = rcgen::KeyPair::generate().expect("a key");
    write("pem", params.signed_by(&key, &issuer).expect("a certificate").pem());
    write("key", key.serialize_pem());
}

fn authority(folder: &Path, name: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let file = CertificateDer::from_pem_file(folder.join(format!("{name}.ca"))).expect("an authority");
    roots.add(file).expect("an authority");
    roots
}

fn pair(folder: &Path, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate =
        CertificateDer::from_pem_file(folder.join(format!("{name}.pem"))).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).expect("a key");
    (vec![certificate], key)
}

/// A server with a certificate; `clients` names the authority of its clients, which need no certificate without one.
pub(crate) fn server(folder: &Path, name: &str, clients: Option<&str>) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let roots = Arc::new(authority(folder, clients));
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            builder.with_client_cert_verifier(verifier.expect("an authority"))
        }
    };
    let (chain, key) = pair(folder, name);
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).expect("a pair")))
}

/// A client that trusts an authority, and shows a certificate where it has one.
pub(crate) fn client(folder: &Path, trusts: &str, shows: Option<&str>) -> TlsConnector {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let builder = builder.with_root_certificates(authority(folder, trusts));
    let config = match shows {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let (chain, key) = pair(folder, name);
            builder.with_client_auth_cert(chain, key).expect("a pair")
        }
    };
    TlsConnector::from(Arc::new(config))
}
