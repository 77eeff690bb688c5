//! Which path goes where, and what every answer carries.

use super::error::HttpError;
use super::{assets, buckets, headers, health, kv, list, members, metrics, ring, status};
use crate::net::upgrade;
use crate::stone::Stone;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, put};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use std::sync::Arc;
use tower_http::cors::{Any, CorsLayer};

/// The routes of a stone.
pub fn router(stone: Arc<Stone>) -> Router {
    let open = Router::new()
        .route(
            "/v1/kv/{*key}",
            get(kv::get)
                .put(kv::put)
                .delete(kv::delete)
                .fallback(method),
        )
        .route(kv::PREFIX, any(kv::get))
        .route("/v1/kv", get(list::get).fallback(method))
        .route("/v1/status", get(status::get).fallback(method))
        .route("/v1/ring", get(ring::get).fallback(method))
        .route("/v1/buckets", get(buckets::get).fallback(method))
        .route("/v1/members", get(members::list).fallback(method))
        .layer(cors());
    Router::new()
        .merge(open)
        .route("/v1/ws", any(upgrade::upgrade))
        .route("/v1/cluster", get(members::get).fallback(method))
        // Not for pages from elsewhere.
        .route(
            "/v1/members/{name}",
            delete(members::delete).fallback(method),
        )
        .route("/v1/buckets/{name}", put(buckets::put).fallback(method))
        .route("/health", get(health::get).fallback(method))
        .route("/metrics", get(metrics::get).fallback(method))
        .fallback(get(assets::get).fallback(method))
        .with_state(stone)
}

/// Pages from elsewhere may read status, ring, buckets and members, and use keys: the console shows all
/// stones, and there are no cookies that could be abused.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::PUT, Method::DELETE])
        .allow_headers([CONTENT_TYPE, headers::CONTEXT, headers::REQUEST_ID])
        .expose_headers([headers::VERSION, headers::CONTEXT, headers::SIBLINGS])
}

async fn method(method: Method) -> Response {
    HttpError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD",
        format!("{method} is not possible here; keys take GET, PUT and DELETE, /v1/buckets/NAME takes PUT, the rest GET"),
    )
    .into_response()
}
