//! An echo server.
//!
//! `cargo run -p barews-tokio --example echo -- --listen 127.0.0.1:9001 --deflate`

mod common;

use std::sync::Arc;
use std::time::Duration;

use barews_tokio::{Acceptor, Error};
use tokio::net::{TcpListener, TcpStream};

use common::Arguments;

async fn echo(stream: TcpStream, acceptor: Arc<Acceptor>) -> Result<(), Error> {
    stream.set_nodelay(true)?;
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
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(echo(stream, Arc::clone(&acceptor)))),
            // No file descriptor is left.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
