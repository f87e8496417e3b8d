//! An echo server.
//!
//! `cargo run -p barews-tokio --example echo -- --listen 127.0.0.1:9001 --deflate`

mod common;

use std::time::Duration;

use barews_tokio::Error;
use tokio::net::{TcpListener, TcpStream};

use common::Arguments;

async fn echo(stream: TcpStream, arguments: Arguments) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut ws = arguments.acceptor.accept(stream).await?;
    while let Some(message) = ws.recv_message().await {
        ws.feed(message?).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse()?;
    let listener = TcpListener::bind(&arguments.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(echo(stream, arguments.clone()))),
            // No file descriptor is left.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
