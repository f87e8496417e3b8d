//! The accept loop of a server.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// How long to wait for a file descriptor, which the end of another connection may bring.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Accepts connections, and runs `serve` for each one in a task of its own: for at most `max` at a
/// time, more of them wait in the backlog of the listener. They have `TCP_NODELAY`: a message leaves
/// when it is written.
///
/// It never returns. While connections cannot be accepted, because the process has no file
/// descriptor left, it tries again every 100 ms.
///
/// ```no_run
/// use barews_tokio::{Acceptor, Error, serve};
/// use tokio::net::{TcpListener, TcpStream};
///
/// async fn echo(stream: TcpStream) -> Result<(), Error> {
///     let mut ws = Acceptor::new().deflate().accept(stream).await?;
///     while let Some(message) = ws.recv_message().await {
///         ws.feed(message?).await?;
///     }
///     Ok(())
/// }
///
/// # async fn run() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:9001").await?;
/// serve(listener, 10_000, echo).await;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// If `max` is greater than [`Semaphore::MAX_PERMITS`].
pub async fn serve<F>(
    listener: TcpListener,
    max: usize,
    mut serve: impl FnMut(TcpStream) -> F,
) -> Infallible
where
    F: Future + Send + 'static,
{
    let places = Arc::new(Semaphore::new(max));
    loop {
        // It is never closed.
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                // A peer that is gone already ends by itself.
                _ = stream.set_nodelay(true);
                let served = serve(stream);
                tokio::spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(_) => sleep(RETRY_AFTER).await,
        }
    }
}
