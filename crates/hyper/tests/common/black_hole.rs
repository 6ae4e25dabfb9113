//! Addresses that lead nowhere.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// A port whose packets are swallowed: its queue of connections is full, and no process accepts them.
pub struct BlackHole {
    pub address: SocketAddr,
    listener: Socket,
    _full: Vec<TcpStream>,
}

impl BlackHole {
    /// On this address of the machine; port 0 takes a free one.
    pub fn new(address: SocketAddr) -> std::io::Result<Self> {
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if address.is_ipv6() {
            listener.set_only_v6(true)?;
        }
        listener.bind(&address.into())?;
        listener.listen(0)?;
        let address = listener
            .local_addr()?
            .as_socket()
            .expect("an address of IP");
        let queued = std::iter::from_fn(|| {
            TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok()
        });
        let full = queued.take(64).collect::<Vec<_>>();
        assert!(full.len() < 64, "the queue never fills");
        Ok(Self {
            address,
            listener,
            _full: full,
        })
    }

    /// Of 127.0.0.1.
    pub fn here() -> Self {
        Self::new((IpAddr::from([127, 0, 0, 1]), 0).into()).expect("a port")
    }

    /// From now on packets arrive.
    pub fn open(self) -> std::net::TcpListener {
        self.listener.listen(128).expect("a longer queue");
        self.listener.into()
    }
}
