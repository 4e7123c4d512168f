//! A cable between nodes and a hub, to be pulled.

use std::{net::SocketAddr, time::Duration};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{broadcast, watch},
    task::JoinSet,
};

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pull {
    /// Both ends read an end of file.
    Fin,
    /// Both ends are reset.
    Reset,
    /// The hub reads an end of file; when it has hung up, the node does.
    HubFirst,
}

/// A loopback proxy. Dropped, it ends all its connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    pulls: broadcast::Sender<Pull>,
    stalled: watch::Sender<bool>,
    doors: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// A cable to this hub. When a node hangs up by itself, the hub sees that node end so.
    pub(crate) async fn to(hub: SocketAddr, node_ends_by: Pull) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("some port is free");
        let address = listener.local_addr().expect("it has an address");
        let (pulls, _) = broadcast::channel(16);
        let (stalled, _) = watch::channel(false);
        let (doors, _) = watch::channel(true);
        let mut tasks = JoinSet::new();
        let cable = Cable {
            hub,
            node_ends_by,
            pulls: pulls.clone(),
            stalled: stalled.subscribe(),
        };
        tasks.spawn(cable.serve(listener, doors.subscribe()));
        Self {
            address,
            pulls,
            stalled,
            doors,
            _tasks: tasks,
        }
    }

    /// Where nodes connect.
    pub(crate) fn at(&self) -> String {
        self.address.to_string()
    }

    /// Ends every connection that is open now. New ones are made as before.
    pub(crate) fn pull(&self, how: Pull) {
        // Without connections there is nobody to hear it.
        let _ = self.pulls.send(how);
    }

    /// Nothing passes any more, either way, and nobody is told.
    pub(crate) fn stall(&self) {
        self.stalled.send_replace(true);
    }

    /// All that was held up passes.
    pub(crate) fn flow(&self) {
        self.stalled.send_replace(false);
    }

    /// New connections are hung up on.
    pub(crate) fn shut(&self) {
        self.doors.send_replace(false);
    }

    /// New connections are made again.
    pub(crate) fn reopen(&self) {
        self.doors.send_replace(true);
    }
}

struct Cable {
    hub: SocketAddr,
    node_ends_by: Pull,
    pulls: broadcast::Sender<Pull>,
    stalled: watch::Receiver<bool>,
}

impl Cable {
    async fn serve(self, listener: TcpListener, door: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        while let Ok((node, _)) = listener.accept().await {
            if !*door.borrow() {
                continue;
            }
            let (pulls, stalled) = (self.pulls.subscribe(), self.stalled.clone());
            let (hub, ends_by) = (self.hub, self.node_ends_by);
            connections.spawn(async move {
                // A hub that is down is a node's affair.
                if let Ok(hub) = TcpStream::connect(hub).await {
                    connected(node, hub, ends_by, pulls, stalled).await;
                }
            });
        }
    }
}

async fn connected(
    node: TcpStream,
    hub: TcpStream,
    node_ends_by: Pull,
    mut pulls: broadcast::Receiver<Pull>,
    stalled: watch::Receiver<bool>,
) {
    // Failing, it is merely slower.
    let _ = (node.set_nodelay(true), hub.set_nodelay(true));
    let (mut node_in, mut node_out) = node.into_split();
    let (mut hub_in, mut hub_out) = hub.into_split();
    let how = tokio::select! {
        () = copy(&mut node_in, &mut hub_out, stalled.clone()) => node_ends_by,
        () = copy(&mut hub_in, &mut node_out, stalled) => Pull::Fin,
        pulled = pulls.recv() => pulled.unwrap_or(Pull::Reset),
    };
    match how {
        Pull::Fin => {}
        Pull::Reset => {
            for end in [node_in.as_ref(), hub_in.as_ref()] {
                // Of one that is gone already, nothing is to be reset.
                let _ = SockRef::from(end).set_linger(Some(Duration::ZERO));
            }
        }
        Pull::HubFirst => {
            let _ = hub_out.shutdown().await;
            let mut rest = Vec::new();
            let _ = hub_in.read_to_end(&mut rest).await;
        }
    }
}

async fn copy(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    mut stalled: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        // Fails only when the proxy is gone, and this with it.
        let _ = stalled.wait_for(|stalled| !stalled).await;
        let Ok(read @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        let _ = stalled.wait_for(|stalled| !stalled).await;
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
