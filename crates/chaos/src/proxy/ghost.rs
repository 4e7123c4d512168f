//! Ends that have nobody behind them.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::connection::reset;

/// Says this hello to the hub, and nothing else, for so long; then its connection is reset.
pub(super) async fn haunt(hub: SocketAddr, hello: Vec<u8>, lasts: Duration) {
    let Ok(mut stream) = TcpStream::connect(hub).await else {
        return;
    };
    let haunting = async {
        stream.write_all(&hello).await?;
        listen(&stream).await;
        io::Result::Ok(())
    };
    // It lasts so long, or until the hub ends it.
    _ = timeout(lasts, haunting).await;
    reset(&stream);
}

/// Hears what is said, to the end, and says nothing.
pub(super) async fn listen(stream: &TcpStream) {
    let mut bytes = vec![0; 4096];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut bytes) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return,
        }
    }
}
