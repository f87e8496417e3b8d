//! Tests for `src/bin/tls.rs`, with a client that trusts its certificate and one that does not.

mod common;

use std::sync::Arc;

use common::{Server, Target};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::WebSocketStream;

struct Tls {
    server: Server,
    roots: RootCertStore,
}

impl Tls {
    fn start() -> Self {
        let (server, output) = Server::start(env!("CARGO_BIN_EXE_tls"));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(output.as_bytes()).unwrap()).unwrap();
        Self { server: server.unwrap(), roots }
    }

    async fn connect_with(&self, roots: RootCertStore) -> std::io::Result<TlsStream<TcpStream>> {
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.server.address).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect("localhost".try_into().unwrap(), stream).await
    }
}

impl Target for Tls {
    type Stream = TlsStream<TcpStream>;

    async fn connect(&self) -> WebSocketStream<Self::Stream> {
        let stream = self.connect_with(self.roots.clone()).await.unwrap();
        tokio_tungstenite::client_async("wss://localhost/", stream).await.unwrap().0
    }
}

common::echo_tests!(Tls::start());

#[tokio::test]
async fn a_client_that_does_not_trust_the_certificate_fails() {
    let tls = Tls::start();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(other.cert.der().clone()).unwrap();
    assert_eq!(tls.connect_with(roots).await.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    // Other clients are not affected.
    tls.connect().await;
}
