//! Sentences about where a request comes from and where it goes.

use std::net::IpAddr;

use portcullis_engine::address::Verdict;
use portcullis_engine::path::Path;
use portcullis_engine::{Holder, Registry as _};

use crate::app::explanation::account::Account;
use crate::app::explanation::peer::Origin;

pub(super) fn of_path(holds: bool) -> String {
    if holds {
        "the path can be read in one way only".into()
    } else {
        "proxies may read the path in more than one way: it is not absolute, has an empty segment, `.` or `..`, an \
         encoded slash, backslash or dot, a wrong encoding, or a character that no path has. Envoy, as it is shipped, \
         resolves dot segments and joins slashes before the filter sees them"
            .into()
    }
}

pub(super) fn of_path_for_service(holds: bool) -> String {
    if holds {
        of_path(true)
    } else {
        "the service may read more into the path than Envoy does: it has `;`, an encoding of an encoding, encoded \
         control characters, bytes that are not UTF-8, or a segment of dots or blanks, and it leads to no collection \
         with `allows_dubious_paths`"
            .into()
    }
}

pub(super) fn of_host(holds: bool, account: &Account<'_>) -> String {
    let authority = &account.asked.target.authority;
    if !holds {
        return "the host can be read in more than one way: it is not just a name or an address, maybe with a port"
            .into();
    }
    if authority.is_empty() {
        return "none was given: only endpoints for any host are found".into();
    }
    format!("`{authority}` names one host")
}

/// With the methods that would have been right.
pub(super) fn of_no_route(account: &Account<'_>) -> String {
    let target = &account.asked.target;
    let method = &account.asked.method;
    let nothing = format!("no collection has an endpoint for `{method}` there");
    let (Some(routes), Ok(path)) = (
        account.records.routes(),
        Path::parse(target.path.as_bytes()),
    ) else {
        return nothing;
    };
    let is_known = |method: &&str| {
        let found = routes.find(target.authority.as_bytes(), method.as_bytes(), &path);
        found.is_some()
    };
    let known: Vec<&str> = account
        .records
        .methods()
        .into_iter()
        .filter(is_known)
        .collect();
    if known.is_empty() {
        return "no collection has an endpoint with this host and path".into();
    }
    format!("{nothing}, but for `{}`", known.join("`, `"))
}

pub(super) fn of_address(
    holder: &Holder,
    address: Option<IpAddr>,
    account: &Account<'_>,
) -> String {
    let lists = account.known(holder).map(|known| &known.told.addresses);
    let Some(Ok(verdict)) = lists.map(|lists| Verdict::of(lists, address)) else {
        return "the address rules of the profile cannot be read".into();
    };
    let shown = address.map(|address| address.to_canonical().to_string());
    let origin = match account.asked.origin {
        Origin::Peer => "the peer's own".into(),
        Origin::Forwarded(1) => "the last one in `x-forwarded-for`".into(),
        Origin::Forwarded(place) => {
            format!("the one in place {place} from the end of `x-forwarded-for`")
        }
    };
    let address = format!("`{}`, {origin}", shown.unwrap_or_default());
    match verdict {
        Verdict::Unruled => "the profile may be used from everywhere".into(),
        Verdict::Unknown => "the address is not known, and the profile has address rules".into(),
        Verdict::Denied(entry) => format!("{address}, is denied by `{entry}`"),
        Verdict::Unlisted => format!("{address}, is covered by no entry of the allow list"),
        Verdict::Allowed(entry) => format!("{address}, is allowed by `{entry}`"),
        Verdict::Undenied => format!("{address}, is denied by no entry"),
    }
}
