//! The console and the SDK.

use super::error::HttpError;
use crate::stone::Stone;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::{StatusCode, Uri};
use percent_encoding::percent_decode_str;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::path::{Component, Path};
use std::sync::Arc;

/// The console's files.
#[derive(RustEmbed)]
#[folder = "../www"]
#[exclude = "test/*"]
#[exclude = "package.json"]
#[allow_missing = true]
struct Console;

/// The SDK as browsers take it.
#[derive(RustEmbed)]
#[folder = "../wasm-sdk/dist"]
#[exclude = "testing/*"]
#[allow_missing = true]
struct Sdk;

const SDK_PREFIX: &str = "sdk/";

/// A file of the console, or below `/sdk/` one of the SDK.
///
/// # Errors
/// If there is no such file.
pub async fn get(
    State(stone): State<Arc<Stone>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let path = percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8();
    let path = path.map_err(|_| HttpError::not_found("no file has such a name"))?;
    let path = match &*path {
        "" => "index.html".into(),
        folder if folder.ends_with('/') => format!("{folder}index.html"),
        file => file.to_owned(),
    };
    if let Some(file) = path.strip_prefix(SDK_PREFIX) {
        return sdk(file, &headers);
    }
    match &stone.settings.www {
        Some(folder) => from_folder(folder, &path).await,
        None => match Console::get(&path) {
            Some(file) => Ok(embedded(&path, file, &headers)),
            None => Err(nothing(&path)),
        },
    }
}

fn sdk(file: &str, headers: &HeaderMap) -> Result<Response, HttpError> {
    if let Some(found) = Sdk::get(file) {
        return Ok(embedded(file, found, headers));
    }
    if Sdk::iter().next().is_none() {
        return Err(HttpError::not_found(
            "this server was built without the SDK; run `cargo xtask wasm`, then build it again",
        ));
    }
    Err(nothing(&format!("{SDK_PREFIX}{file}")))
}

fn nothing(path: &str) -> HttpError {
    HttpError::not_found(format!(
        "there is no /{path}; keys are below /v1/kv/, the console is at /, and there are \
         /v1/status, /v1/ring, /health and /metrics"
    ))
}

fn embedded(path: &str, file: rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    let digest = file.metadata.sha256_hash();
    let tag = digest[..16]
        .iter()
        .fold(String::from("\""), |tag, byte| format!("{tag}{byte:02x}"));
    let tag = format!("{tag}\"");
    let same = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known == tag.as_str());
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match file.data {
            Cow::Borrowed(bytes) => Body::from(bytes).into_response(),
            Cow::Owned(bytes) => Body::from(bytes).into_response(),
        }
    };
    describe(&mut response, path);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

async fn from_folder(folder: &Path, path: &str) -> Result<Response, HttpError> {
    let inside = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return Err(nothing(path));
    }
    let bytes = tokio::fs::read(folder.join(path))
        .await
        .map_err(|_| nothing(path))?;
    let mut response = Body::from(bytes).into_response();
    describe(&mut response, path);
    Ok(response)
}

/// Type, and that a browser asks each time: a new server comes with new files.
fn describe(response: &mut Response, path: &str) {
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let name = match mime.type_() {
        _ if mime.subtype() == mime_guess::mime::JAVASCRIPT => {
            "text/javascript; charset=utf-8".into()
        }
        mime_guess::mime::TEXT => format!("{mime}; charset=utf-8"),
        _ => mime.to_string(),
    };
    let headers = response.headers_mut();
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(CONTENT_TYPE, name);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_the_types_they_insist_on() {
        for (path, expected) in [
            ("a.wasm", "application/wasm"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("index.html", "text/html; charset=utf-8"),
            ("a.svg", "image/svg+xml"),
        ] {
            let mut response = Body::empty().into_response();
            describe(&mut response, path);
            assert_eq!(response.headers()[CONTENT_TYPE], expected);
        }
    }

    #[tokio::test]
    async fn a_path_cannot_leave_its_folder() {
        for path in ["../Cargo.toml", "a/../../Cargo.toml", "/etc/passwd"] {
            assert!(from_folder(Path::new("src"), path).await.is_err(), "{path}");
        }
    }
}
