//! Pipes over encrypted connections.

use std::{fs, path::Path};

use levada_server::{ServerFiles, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::{
    equal,
    servers::{Served, eventually},
};

/// Makes an authority and a certificate of it for a host; the files are `ca.pem`, `server.pem` and `server.key`.
fn certificates(folder: &Path, host: &str) -> ServerTls {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(folder.join("ca.pem"), params.self_signed(&key).expect("a certificate").pem())
        .expect("written");
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    fs::write(folder.join("server.pem"), certificate.pem()).expect("written");
    fs::write(folder.join("server.key"), key.serialize_pem()).expect("written");
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    ServerTls::load(ServerFiles { certificate, key, authorities: None }).expect("a pair")
}

async fn sender_with_rows() -> Served {
    let sender = Served::start().await;
    sender.run("insert into root.a.d(time, s) values (1, 1.5), (2, 2.5)").await;
    sender
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_a_pipe_send_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Served::start_secured(certificates(folder.path(), "127.0.0.1")).await;
    let (address, ca) = (&receiver.address, folder.path().join("ca.pem"));
    let sender = sender_with_rows().await;
    let sink = format!("'node-urls'='{address}', 'tls.ca_file'='{}'", ca.display());
    sender.run(&format!("create pipe p with sink ({sink})")).await;
    sender.run("start pipe p").await;
    equal(&sender, &receiver).await;
    sender.run("drop pipe p").await;
    let port = address.rsplit_once(':').expect("a port").1;
    sender
        .run(&format!("create pipesink s as IoTDB (port={port}, tls='true', tls_ca_file='{}')", ca.display()))
        .await;
    sender.run("create pipe q to s").await;
    sender.run("start pipe q").await;
    sender.run("insert into root.a.d(time, s) values (3, 3.5)").await;
    equal(&sender, &receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_host_is_told_and_nothing_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Served::start_secured(certificates(folder.path(), "elsewhere.example")).await;
    let (address, ca) = (&receiver.address, folder.path().join("ca.pem"));
    let sender = sender_with_rows().await;
    let sink = format!("'node-urls'='{address}', 'tls.ca_file'='{}'", ca.display());
    sender.run(&format!("create pipe p with sink ({sink})")).await;
    sender.run("start pipe p").await;
    eventually("the pipe says why", async || {
        sender.rows("show pipes").await.iter().any(|row| row.contains("certificate"))
    })
    .await;
    assert!(receiver.rows("select ** from root").await.is_empty());
    sender.run("drop pipe p").await;
    sender.run(&format!("create pipe q with sink ({sink}, 'tls.verify_hostname'='false')")).await;
    sender.run("start pipe q").await;
    equal(&sender, &receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_are_told() {
    let sender = Served::start().await;
    let sink = "'node-urls'='127.0.0.1:6667', 'tls.ca_file'='/nowhere/ca.pem'";
    sender.run(&format!("create pipe p with sink ({sink})")).await;
    sender.run("start pipe p").await;
    eventually("the pipe says which file", async || {
        sender.rows("show pipes").await.iter().any(|row| row.contains("/nowhere/ca.pem"))
    })
    .await;
    sender.run("create pipesink s as IoTDB (tls_ca_file='/nowhere/ca.pem')").await;
    let told = sender.rejected("create pipe q to s").await;
    assert!(told.contains("/nowhere/ca.pem"), "{told}");
    let sink = "'node-urls'='127.0.0.1:6667', 'tls'='false', 'tls.ca_file'='ca.pem'";
    let told = sender.rejected(&format!("create pipe r with sink ({sink})")).await;
    assert!(told.contains("`tls` of the sink is `false`"), "{told}");
}
