//! The same chat room on axum's `ws` and on `barews-tokio`; see the two modules.
//!
//! `cargo run -p barews-tokio --features axum --example chat -- 127.0.0.1:9001`
//!
//! `/axum` and `/barews` are two rooms.

mod on_axum;
mod on_barews;

use axum::Router;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9001".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let rooms = Router::new().nest("/axum", on_axum::room()).nest("/barews", on_barews::room());
    axum::serve(listener, rooms).await
}
