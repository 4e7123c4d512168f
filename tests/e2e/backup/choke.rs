//! A cable that lets so many bytes of a hub's through and then no more.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::support::within;

/// Dropped, it hangs up.
pub(crate) struct Choke {
    address: SocketAddr,
    choked: watch::Receiver<bool>,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Choke {
    pub(crate) async fn to(hub: SocketAddr, bytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (is_choked, choked) = watch::channel(false);
        let (open, is_open) = watch::channel(false);
        let task = tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                let Ok(hub) = TcpStream::connect(hub).await else {
                    continue;
                };
                pass(node, hub, bytes, &is_choked, is_open.clone()).await;
            }
        });
        Self {
            address,
            choked,
            open,
            task,
        }
    }

    pub(crate) fn at(&self) -> String {
        self.address.to_string()
    }

    /// Waits until no more passes.
    pub(crate) async fn choked(&mut self) {
        let choked = within("that it chokes", self.choked.wait_for(|choked| *choked)).await;
        drop(choked.expect("it is there"));
    }

    /// Lets everything through from here on.
    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Choke {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    node: TcpStream,
    hub: TcpStream,
    mut left: usize,
    choked: &watch::Sender<bool>,
    mut open: watch::Receiver<bool>,
) {
    let (mut node_in, mut node_out) = node.into_split();
    let (mut hub_in, mut hub_out) = hub.into_split();
    let down = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = hub_in.read(&mut bytes).await {
            if read > left && !*open.borrow() {
                choked.send_replace(true);
                // An error says that nobody will open it.
                let _ = open.wait_for(|open| *open).await;
            }
            left = left.saturating_sub(read);
            if node_out.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = down => {}
        _ = copy(&mut node_in, &mut hub_out) => {}
    }
}
