//! An echo server.
//!
//! `cargo run -p barews-tokio --example echo -- --listen 127.0.0.1:9001 --deflate`

mod common;

use std::sync::Arc;

use barews_tokio::{Acceptor, Error, serve};
use tokio::net::{TcpListener, TcpStream};

use common::Arguments;

/// Connections at a time.
const MAX: usize = 100_000;

async fn echo(stream: TcpStream, acceptor: Arc<Acceptor>) -> Result<(), Error> {
    let mut ws = acceptor.accept(stream).await?;
    while let Some(message) = ws.recv_message().await {
        ws.feed(message?).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse(|_, _| Ok(false))?;
    let acceptor = Arc::new(arguments.acceptor);
    let listener = TcpListener::bind(&arguments.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    match serve(listener, MAX, |stream| echo(stream, Arc::clone(&acceptor))).await {}
}
