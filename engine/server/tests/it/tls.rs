//! Encrypted connections, with certificates made here.

use std::{fs, path::PathBuf};

use levada_engine::{Engine, EngineOptions};
use levada_rpc::{
    Client, ClientFiles, ClientOptions, ClientTls, TlsError,
    client::{Answer, ClientError},
};
use levada_server::{Server, ServerFiles, ServerOptions, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// An authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a host, and its key.
    fn certify(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }
}

fn server_tls(certificate: PathBuf, key: PathBuf) -> Result<ServerTls, TlsError> {
    ServerTls::load(ServerFiles { certificate, key, authorities: None })
}

/// A server, and the files of both sides.
struct Secured {
    rpc: String,
    rest: String,
    folder: TempDir,
    _stop: tokio_util::sync::DropGuard,
}

impl Secured {
    async fn start(authority: &Authority, host: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(EngineOptions::new(folder.path().join("data"))).expect("a new folder");
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let mut secured = Self { rpc: String::new(), rest: String::new(), folder, _stop: guard };
        secured.write("ca.pem", &authority.pem);
        secured.present(authority.certify(host));
        let tls = server_tls(secured.file("server.pem"), secured.file("server.key")).expect("a pair");
        let server = Server::new(engine, ServerOptions::default()).with_tls(tls);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        secured.rpc = listener.local_addr().expect("bound").to_string();
        let (serves, until) = (server.clone(), stop.clone());
        tokio::spawn(async move { serves.serve(listener, until).await });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        secured.rest = listener.local_addr().expect("bound").to_string();
        tokio::spawn(async move { server.serve_rest(listener, stop).await });
        secured
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect("written");
    }

    /// What the server shows from now on.
    fn present(&self, (certificate, key): (String, String)) {
        self.write("server.pem", &certificate);
        self.write("server.key", &key);
    }

    fn trusting(&self) -> ClientFiles {
        ClientFiles { authorities: Some(self.file("ca.pem")), ..ClientFiles::default() }
    }

    async fn open(&self, files: &ClientFiles) -> Result<Client, ClientError> {
        let tls = Some(ClientTls::load(files.clone()).expect("files that can be used"));
        Client::open(&self.rpc, &ClientOptions { tls, ..ClientOptions::default() }).await
    }

    /// The error of a client that is turned away for good.
    async fn rejection(&self, files: &ClientFiles) -> String {
        match self.open(files).await {
            Err(ClientError::Rejected(error)) if !error.transient => error.to_string(),
            other => panic!("expected to be turned away for good: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_and_their_rows_go_over_an_encrypted_connection() {
    let secured = Secured::start(&Authority::new("mountain"), "127.0.0.1").await;
    let mut client = secured.open(&secured.trusting()).await.expect("trusted");
    let text = "x".repeat(100_000);
    client.execute(&format!("insert into root.d(time, s) values (1, '{text}')")).await.expect("stored");
    let Answer::Rows(mut cursor) = client.query("select s from root.d").await.expect("asked") else {
        panic!("a query gives rows");
    };
    let batch = client.next_batch(&mut cursor).await.expect("rows").expect("one");
    assert_eq!(batch.num_rows(), 1);
    client.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_that_change_count_for_the_next_connection_of_the_same_client() {
    let (mountain, valley) = (Authority::new("mountain"), Authority::new("valley"));
    let secured = Secured::start(&mountain, "127.0.0.1").await;
    let tls = Some(ClientTls::load(secured.trusting()).expect("files that can be used"));
    let options = ClientOptions { tls, ..ClientOptions::default() };
    let open = async || Client::open(&secured.rpc, &options).await;
    secured.present(valley.certify("127.0.0.1"));
    open().await.expect_err("nobody trusted vouches for it");
    secured.write("ca.pem", &valley.pem);
    open().await.expect("trusted from now on");
    // What cannot be used changes nothing.
    secured.write("ca.pem", "no certificate");
    open().await.expect("what was read before counts");
    secured.write("ca.pem", &mountain.pem);
    open().await.expect_err("nobody trusted vouches for it any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_trusted_vouches_for_is_rejected_for_good() {
    let secured = Secured::start(&Authority::new("mountain"), "127.0.0.1").await;
    secured.write("other.pem", &Authority::new("valley").pem);
    let files = ClientFiles { authorities: Some(secured.file("other.pem")), ..ClientFiles::default() };
    let rejection = secured.rejection(&files).await;
    let expected = "no authority that is trusted here vouches for its certificate";
    assert!(rejection.contains(expected) && rejection.contains(&secured.rpc), "{rejection}");
    // That any host will do says nothing of who vouches.
    assert!(secured.rejection(&ClientFiles { any_host: true, ..files }).await.contains(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_host_is_rejected_unless_any_will_do() {
    let secured = Secured::start(&Authority::new("mountain"), "elsewhere.example").await;
    let rejection = secured.rejection(&secured.trusting()).await;
    assert!(rejection.contains("elsewhere.example"), "{rejection}");
    let any = ClientFiles { any_host: true, ..secured.trusting() };
    secured.open(&any).await.expect("vouched for").ping().await.expect("answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_does_not_encrypt_is_told_so() {
    let secured = Secured::start(&Authority::new("mountain"), "127.0.0.1").await;
    let rejected = Client::open(&secured.rpc, &ClientOptions::default()).await.expect_err("not encrypted");
    assert!(rejected.to_string().contains("it wants TLS"), "{rejected}");
    let served = crate::peer::serve().await;
    let tls = Some(ClientTls::load(secured.trusting()).expect("files"));
    let options = ClientOptions { tls, ..ClientOptions::default() };
    let rejected = Client::open(&served.address, &options).await.expect_err("a plain server");
    assert!(rejected.to_string().contains("perhaps it does not serve TLS"), "{rejected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_changes_is_read_anew_and_a_broken_one_is_not_taken() {
    let (before, after) = (Authority::new("mountain"), Authority::new("valley"));
    let secured = Secured::start(&before, "127.0.0.1").await;
    secured.write("after.pem", &after.pem);
    let trusting_after =
        ClientFiles { authorities: Some(secured.file("after.pem")), ..ClientFiles::default() };
    let mut open = secured.open(&secured.trusting()).await.expect("trusted");
    // As while somebody copies: half of it, and a key that is another's.
    secured.write("server.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    secured.open(&secured.trusting()).await.expect("the one before counts");
    let (certificate, key) = after.certify("127.0.0.1");
    secured.write("server.pem", &certificate);
    secured.open(&secured.trusting()).await.expect("the one before counts");
    secured.write("server.key", &key);
    secured.open(&trusting_after).await.expect("the new one counts");
    secured.rejection(&secured.trusting()).await;
    open.ping().await.expect("connections that stand go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_interface_is_encrypted_too() {
    let secured = Secured::start(&Authority::new("mountain"), "127.0.0.1").await;
    // Somebody who never shakes hands holds up nobody.
    let _mute = TcpStream::connect(&secured.rest).await.expect("served");
    let mut plain = TcpStream::connect(&secured.rest).await.expect("served");
    plain.write_all(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).await.expect("an alert");
    assert_eq!(answer.get(..2), Some([0x15, 3].as_slice()), "{answer:?}");
    let mut stream = https(&secured).await;
    stream.write_all(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("}"), "{answer}");
}

/// A connection with the REST interface.
async fn https(secured: &Secured) -> tokio_rustls::client::TlsStream<TcpStream> {
    use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(secured.file("ca.pem")).expect("PEM")).expect("an authority");
    let config = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("versions")
    .with_root_certificates(roots)
    .with_no_client_auth();
    let stream = TcpStream::connect(&secured.rest).await.expect("served");
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    connector.connect(name, stream).await.expect("a handshake")
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (mountain, valley) = (Authority::new("mountain"), Authority::new("valley"));
    let ((certificate, key), (_, other)) = (mountain.certify("h"), valley.certify("h"));
    for (name, text) in
        [("a.pem", certificate.as_str()), ("a.key", &key), ("other.key", &other), ("empty.pem", "no PEM")]
    {
        fs::write(at(name), text).expect("written");
    }
    server_tls(at("a.pem"), at("a.key")).expect("a pair");
    for (certificate, key, named) in [
        ("missing.pem", "a.key", "missing.pem"),
        ("a.pem", "missing.key", "missing.key"),
        ("empty.pem", "a.key", "empty.pem"),
        ("a.pem", "a.pem", "a.pem"),
        ("a.pem", "other.key", "other.key"),
    ] {
        let error = server_tls(at(certificate), at(key)).expect_err("not usable");
        assert!(matches!(&error, TlsError::File { file, .. } if *file == at(named)), "{error}");
        let files = ClientFiles {
            authorities: Some(at("a.pem")),
            certificate: Some(at(certificate)),
            key: Some(at(key)),
            any_host: false,
        };
        let error = ClientTls::load(files).expect_err("not usable").to_string();
        assert!(error.contains(named), "{error}");
    }
    let alone =
        ClientFiles { authorities: Some(at("a.pem")), key: Some(at("a.key")), ..ClientFiles::default() };
    assert!(ClientTls::load(alone).expect_err("half a pair").to_string().contains("belong together"));
}
