//! The description that an emulator is made from.

use std::time::Duration;

use countermand_core::Service;

use crate::fate::Fate;
use crate::quirks::Quirks;
use crate::quota::ServerQuota;
use crate::script::Script;

/// 2026-11-02T08:00:00Z: a fixed start, so that names and times are the same in every run.
const START: u64 = 1_793_606_400_000;

/// The description of an emulated fleet; the same description is the same fleet, name by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub(crate) service: &'static Service,
    pub(crate) seed: u64,
    pub(crate) parents: usize,
    pub(crate) pending: usize,
    pub(crate) history: usize,
    pub(crate) tokens: Vec<String>,
    pub(crate) start: u64,
    pub(crate) quirks: Quirks,
    pub(crate) mix: Vec<(u32, Fate)>,
    pub(crate) script: Script,
    pub(crate) quota: ServerQuota,
    pub(crate) time_scale: u32,
    pub(crate) streams: u32,
    pub(crate) hosts: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self {
            service: Service::DEFAULT,
            seed: 0,
            parents: 3,
            pending: 1,
            history: 2,
            tokens: vec!["emulator-token".to_owned()],
            start: START,
            quirks: Quirks::default(),
            mix: vec![
                (82, Fate::Cancellable),
                (6, Fate::Acknowledged { after: secs(8) }),
                (3, Fate::Wiped { after: secs(8) }),
                (2, Fate::Completes { after: secs(5) }),
                (
                    2,
                    Fate::Fails {
                        after: secs(2),
                        code: 9,
                    },
                ),
                (2, Fate::Expires),
                (2, Fate::Purged { after: secs(5) }),
                (1, Fate::Stuck),
            ],
            script: Script::default(),
            quota: ServerQuota::default(),
            time_scale: 1,
            streams: 250,
            hosts: Vec::new(),
        }
    }
}

impl Config {
    /// The service whose API it is. Default: [`Service::DEFAULT`].
    ///
    /// Methods, names, pages, scope, metadata and the resources of a quota are those of the description.
    #[must_use]
    pub const fn service(mut self, service: &'static Service) -> Self {
        self.service = service;
        self
    }

    /// The seed of the fleet, and of the faults that have a probability. Default 0.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The number of parents of operations, all below one grandparent. Default 3.
    #[must_use]
    pub const fn parents(mut self, parents: usize) -> Self {
        self.parents = parents;
        self
    }

    /// The number of operations of each parent that are open at the start, and of finished ones before them. Default 1 and 2.
    #[must_use]
    pub const fn operations(mut self, pending: usize, history: usize) -> Self {
        self.pending = pending;
        self.history = history;
        self
    }

    /// The one access token that is accepted. Default `emulator-token`.
    #[must_use]
    pub fn token(self, token: impl Into<String>) -> Self {
        self.accept_tokens([token])
    }

    /// The access tokens that are accepted; without any, every call answers 401.
    #[must_use]
    pub fn accept_tokens(mut self, tokens: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tokens = tokens.into_iter().map(Into::into).collect();
        self
    }

    /// The wall clock at the emulator's start, in Unix milliseconds. Default: a fixed day in 2026, for reproducible names.
    #[must_use]
    pub const fn start(mut self, unix_ms: u64) -> Self {
        self.start = unix_ms;
        self
    }

    /// The behaviour of the server where the documentation is silent. Default: the plainest one.
    #[must_use]
    pub const fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// The fates of the open operations, with their weights; times vary by half around what is given. Default: mostly
    /// cancellable, and a few of each other kind.
    #[must_use]
    pub fn mix(mut self, mix: impl IntoIterator<Item = (u32, Fate)>) -> Self {
        self.mix = mix.into_iter().collect();
        self
    }

    /// The faults to begin with. Default: none.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// The quota: calls that are answered in a time. Default: all of them.
    #[must_use]
    pub fn quota(mut self, quota: ServerQuota) -> Self {
        self.quota = quota;
        self
    }

    /// The speed of the emulator's clock, as a multiple of the real one, from 1 to a million. Default 1.
    ///
    /// [`Shared`](crate::Shared) runs the clock; in [`Emulator::handle`](crate::Emulator::handle), whose clock is the caller's,
    /// it divides only what refusals for the quota tell the client to wait, in either case into the client's real seconds.
    #[must_use]
    pub fn time_scale(mut self, times: u32) -> Self {
        self.time_scale = times.clamp(1, 1_000_000);
        self
    }

    /// The number of requests that a [`Server`](crate::Server) takes on one HTTP/2 connection at a time, at least 1. Default
    /// 250; Google's front ends allow a number of this order.
    #[must_use]
    pub fn streams(mut self, streams: u32) -> Self {
        self.streams = streams.max(1);
        self
    }

    /// A name by which clients may call a [`Server`](crate::Server), beside `localhost` and the address it listens on; may be
    /// given again. Default: none. A request for any other host is refused with 421.
    ///
    /// A web page can point a name of its own to this machine and would then be the same origin (DNS rebinding).
    #[must_use]
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }
}
