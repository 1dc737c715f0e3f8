//! What grows with what operators write: lists of addresses, and endpoints.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use portcullis_engine::address::AddressRules;
use portcullis_engine::path::Path;
use portcullis_engine::route::Routes;
use portcullis_feed::{AddressLists, Collection, CollectionId, Endpoint};

use crate::rounds::Measure;

const SIZES: [u32; 3] = [10, 1_000, 10_000];
/// How many different ones are asked for in turn, so that no branch is learnt by heart.
const ASKED: u32 = 1_024;
/// How many endpoints a collection has.
const ENDPOINTS_EACH: u32 = 10;

/// All of them.
pub fn measures() -> Result<Vec<Measure>> {
    let mut measures = vec![];
    for size in SIZES {
        measures.extend(addresses(size)?);
    }
    for size in SIZES {
        measures.push(routes(size));
    }
    Ok(measures)
}

/// Half of the entries are of IPv4, half of IPv6, and no two touch.
fn addresses(size: u32) -> Result<Vec<Measure>> {
    let of_ipv4 = |number: u32, host: u32| Ipv4Addr::from_bits(0x0a00_0000 | (number << 8) | host);
    let of_ipv6 = |number: u32, host: u32| {
        let network = 0x2001_0db8_0000_0000_0000_0000_0000_0000 | (u128::from(number) << 64);
        Ipv6Addr::from_bits(network | u128::from(host))
    };
    let allow = (0..size / 2).flat_map(|number| {
        [
            format!("{}/25", of_ipv4(number, 0)),
            format!("{}/112", of_ipv6(number, 0)),
        ]
    });
    let rules = AddressRules::parse(&AddressLists {
        allow: allow.collect(),
        deny: vec![],
    })?;
    let asked = |of: &dyn Fn(u32) -> IpAddr| -> Vec<IpAddr> {
        (0..ASKED)
            .map(|turn| of(scattered(turn) % (size / 2)))
            .collect()
    };
    let kinds: [(&str, bool, Vec<IpAddr>); 4] = [
        (
            "IPv4, listed",
            true,
            asked(&|number| of_ipv4(number, 5).into()),
        ),
        (
            "IPv4, not listed",
            false,
            asked(&|number| of_ipv4(number, 200).into()),
        ),
        (
            "IPv6, listed",
            true,
            asked(&|number| of_ipv6(number, 5).into()),
        ),
        (
            "IPv6, not listed",
            false,
            asked(&|number| of_ipv6(number, 0x2_0000).into()),
        ),
    ];
    let measure = |(kind, is_listed, asked): (&str, bool, Vec<IpAddr>)| {
        let rules = rules.clone();
        Measure::new(
            format!("address among {size} entries: {kind}"),
            move |turn| {
                let address = asked.get(turn % asked.len()).copied();
                assert_eq!(black_box(&rules).allows(black_box(address)), is_listed);
            },
        )
    };
    Ok(kinds.into_iter().map(measure).collect())
}

fn routes(size: u32) -> Measure {
    let path = |number: u32| {
        let (api, resource) = (number / ENDPOINTS_EACH, number % ENDPOINTS_EACH);
        format!("/api-{api}/v1/resource-{resource}/")
    };
    let endpoint = |number: u32| Endpoint {
        host: None,
        method: "GET".into(),
        path: format!("{}{{id}}", path(number)),
        enabled: true,
    };
    let collections: Vec<Collection> = (0..size / ENDPOINTS_EACH)
        .map(|number| Collection {
            id: CollectionId::from_parts(0, number.into()),
            name: format!("api {number}"),
            version: "v1".into(),
            endpoints: (number * ENDPOINTS_EACH..(number + 1) * ENDPOINTS_EACH)
                .map(endpoint)
                .collect(),
            public: false,
            allows_dubious_paths: false,
        })
        .collect();
    let routes = Routes::compile(&collections);
    let asked: Vec<String> = (0..ASKED)
        .map(|turn| format!("{}{turn}?page=2", path(scattered(turn) % size)))
        .collect();
    Measure::new(
        format!("path read and routed among {size} endpoints"),
        move |turn| {
            let target = asked.get(turn % asked.len()).map_or("", String::as_str);
            let path = Path::parse(black_box(target.as_bytes()));
            let found = path.is_ok_and(|path| routes.find(b"api.example", b"GET", &path).is_some());
            assert!(found, "{target}");
        },
    )
}

/// A number that follows from another without order.
fn scattered(number: u32) -> u32 {
    number.wrapping_mul(2_654_435_769).rotate_left(13)
}
