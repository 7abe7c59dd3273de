//! A listener and the connections that it accepted.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Before the next try when no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(10);

/// Accepts connections until told to stop; owns their tasks.
pub(crate) async fn listen<S, F>(
    listener: TcpListener,
    mut stopped: watch::Receiver<bool>,
    serve: S,
) where
    S: Fn(TcpStream) -> F + Send,
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = told(&mut stopped) => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    // Chunks and cuts must reach the client as they are written. A socket that is gone fails later.
                    let _ = socket.set_nodelay(true);
                    connections.spawn(serve(socket));
                }
                // A connection that is gone already, or no descriptor left: the next may do.
                Err(_) => sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Ends when the server is told to stop, or is gone.
pub(super) async fn told(stopped: &mut watch::Receiver<bool>) {
    // Without a sender there is nobody left to wait for.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
