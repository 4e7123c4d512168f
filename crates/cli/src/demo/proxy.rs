//! A cable that can be pulled: a worker reaches the hub through it.

use std::{io, net::SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::JoinSet,
};

/// Passes bytes on until it is dropped.
#[derive(Debug)]
pub(super) struct Proxy {
    address: SocketAddr,
    cut: broadcast::Sender<()>,
    /// Ends with this.
    _task: JoinSet<()>,
}

impl Proxy {
    /// A way to this address.
    pub(super) async fn start(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (cut, _) = broadcast::channel(1);
        let mut task = JoinSet::new();
        task.spawn(accept(listener, to, cut.clone()));
        Ok(Self {
            address,
            cut,
            _task: task,
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection, towards both sides. New ones may come at once.
    pub(super) fn cut(&self) {
        // Fails if there is none.
        let _ = self.cut.send(());
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, cut: broadcast::Sender<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((socket, _)) = accepted {
                connections.spawn(pass_on(socket, to, cut.subscribe()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Until either side or the demonstration ends it; an error is an end as well.
async fn pass_on(mut near: TcpStream, to: SocketAddr, mut cut: broadcast::Receiver<()>) {
    let passed = async {
        let mut far = TcpStream::connect(to).await?;
        far.set_nodelay(true)?;
        near.set_nodelay(true)?;
        copy_bidirectional(&mut near, &mut far).await
    };
    tokio::select! {
        _ = passed => {}
        _ = cut.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_pass_until_it_is_cut_and_then_again() {
        let hub = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(hub.local_addr().unwrap()).await.unwrap();
        for _ in 0..2 {
            let mut near = TcpStream::connect(proxy.address()).await.unwrap();
            let (mut far, _) = hub.accept().await.unwrap();
            near.write_all(b"hello").await.unwrap();
            let mut heard = [0; 5];
            far.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"hello");
            proxy.cut();
            assert!(matches!(near.read(&mut heard).await, Ok(0) | Err(_)));
            assert!(matches!(far.read(&mut heard).await, Ok(0) | Err(_)));
        }
    }
}
