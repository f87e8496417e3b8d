//! Shared code of the servers on tokio: one thread, one listener, one task per client.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

/// Prints the address, then spawns `echo` for every client.
pub fn serve<F>(runtime: &mut Builder, echo: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    runtime.build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("listening on {}", listener.local_addr()?);
        io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(echo(stream));
        }
    })
}
