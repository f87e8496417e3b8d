//! The client for the fuzzing server of the Autobahn test suite.
//!
//! `cargo run -p barews-tokio --example tokio_autobahn_client -- ws://127.0.0.1:9401 AGENT`

use std::error::Error;

use barews::handshake::deflate::DeflateOffer;
use barews_tokio::{Connector, WebSocket};
use tokio::net::TcpStream;

async fn open(url: &str) -> Result<WebSocket<TcpStream>, barews_tokio::Error> {
    // Otherwise the cases 13.2 to 13.7 count as not implemented.
    let offer = DeflateOffer::new().client_no_context_takeover(true).client_max_window_bits(None);
    Connector::new().deflate_with(offer).connect(url).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("the URL is missing")?;
    let agent = arguments.next().ok_or("the agent is missing")?;
    let mut ws = open(&format!("{url}/getCaseCount")).await?;
    let count = ws.recv_message().await.ok_or("no answer")??;
    let count: u32 = count.as_text().ok_or("no number")?.parse()?;
    drop(ws);
    for case in 1..=count {
        let mut ws = open(&format!("{url}/runCase?case={case}&agent={agent}")).await?;
        while let Some(Ok(message)) = ws.recv_message().await {
            if ws.feed(message).await.is_err() {
                break;
            }
        }
        // After an error: the Close, and the end that the server makes.
        while ws.recv().await.is_some() {}
    }
    let mut ws = open(&format!("{url}/updateReports?agent={agent}")).await?;
    while ws.recv().await.is_some() {}
    Ok(())
}
