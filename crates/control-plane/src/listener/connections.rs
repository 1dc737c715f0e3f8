//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Limits, ListenerMeters};

/// The connections that are open.
#[derive(Clone)]
pub(super) struct Connections {
    limits: Limits,
    meters: ListenerMeters,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_origin: HashMap<IpAddr, usize>,
}

/// One of them, until this is dropped.
pub(super) struct Place {
    connections: Connections,
    origin: IpAddr,
}

impl Connections {
    pub(super) fn within(limits: Limits, meters: ListenerMeters) -> Self {
        Self {
            limits,
            meters,
            open: Arc::default(),
        }
    }

    /// Takes one in, if there is room for it.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let origin = origin(address);
        let mut open = self.open();
        if open.all >= self.limits.connections {
            self.meters.refused("all").inc();
            return None;
        }
        let of_origin = open.by_origin.entry(origin).or_default();
        if *of_origin >= self.limits.connections_per_address {
            self.meters.refused("address").inc();
            return None;
        }
        *of_origin += 1;
        open.all += 1;
        self.meters.open.inc();
        drop(open);
        Some(Place {
            connections: self.clone(),
            origin,
        })
    }

    /// What a panic left behind is whole all the same.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.all = open.all.saturating_sub(1);
        if let Some(of_origin) = open.by_origin.get_mut(&self.origin) {
            *of_origin = of_origin.saturating_sub(1);
            if *of_origin == 0 {
                open.by_origin.remove(&self.origin);
            }
        }
        self.connections.meters.open.dec();
    }
}

/// Who counts as one. With IPv6 that is a network of 64 bits, which every host has for itself.
fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(connections: usize, connections_per_address: usize) -> Connections {
        let limits = Limits {
            connections,
            connections_per_address,
            ..Limits::default()
        };
        Connections::within(limits, ListenerMeters::default())
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn there_is_room_again_when_one_has_left() {
        let connections = within(2, 2);
        let first = connections.enter(address("192.0.2.1")).unwrap();
        let _second = connections.enter(address("192.0.2.2")).unwrap();
        assert!(connections.enter(address("192.0.2.3")).is_none());
        drop(first);
        assert!(connections.enter(address("192.0.2.3")).is_some());
        assert_eq!(connections.meters.refused("all").get(), 1);
        assert_eq!(connections.meters.open.get(), 1);
    }

    #[test]
    fn one_address_does_not_take_the_room_of_others() {
        let connections = within(100, 2);
        let same = [
            ["192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"],
            ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:3"],
        ];
        let mut places = Vec::new();
        for [first, second, third] in same {
            places.push(connections.enter(address(first)).unwrap());
            places.push(connections.enter(address(second)).unwrap());
            assert!(connections.enter(address(third)).is_none());
        }
        for other in ["192.0.2.2", "2001:db8:0:1::1"] {
            assert!(connections.enter(address(other)).is_some());
        }
        assert_eq!(connections.meters.refused("address").get(), 2);
        drop(places);
        assert!(connections.open().by_origin.is_empty());
    }
}
