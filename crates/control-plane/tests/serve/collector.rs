//! A collector of OpenTelemetry, as these tests need it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What a collector was sent and has taken: paths, headers and bodies.
pub type Sent = Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>;

/// A collector on a free port, until the runtime ends.
pub fn collector(runtime: &Runtime) -> (SocketAddr, Sent) {
    collector_that(runtime, 0, Duration::ZERO)
}

/// One that cannot take what it is sent so many times, and then takes everything.
pub fn collector_after(runtime: &Runtime, failures: u32) -> (SocketAddr, Sent) {
    collector_that(runtime, failures, Duration::ZERO)
}

/// One that takes everything, and says so that much later.
pub fn collector_slow_by(runtime: &Runtime, pause: Duration) -> (SocketAddr, Sent) {
    collector_that(runtime, 0, pause)
}

fn collector_that(runtime: &Runtime, failures: u32, pause: Duration) -> (SocketAddr, Sent) {
    let sent = Sent::default();
    let kept = Arc::clone(&sent);
    let left = Arc::new(AtomicU32::new(failures));
    let take = move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let less = |left: u32| left.checked_sub(1);
        let is_busy = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let status = match is_busy {
            Ok(_) => StatusCode::SERVICE_UNAVAILABLE,
            Err(_) => {
                let exported = (uri.path().to_owned(), headers, body);
                kept.lock().unwrap().push(exported);
                StatusCode::OK
            }
        };
        async move {
            tokio::time::sleep(pause).await;
            status
        }
    };
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(take);
    runtime.spawn(async { axum::serve(listener, router).await });
    (address, sent)
}

pub fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    found.value.as_ref()?.value.as_ref()
}

pub fn text_of<'a>(attributes: &'a [KeyValue], name: &str) -> &'a str {
    match attribute(attributes, name) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{name}: {other:?}"),
    }
}
