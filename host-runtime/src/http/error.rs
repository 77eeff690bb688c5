//! Errors as JSON with a fitting status.

use axum::response::{IntoResponse, Response};
use henge_core::cluster::BucketError;
use henge_core::wire::{ErrorCode, Failure};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::Serialize;

/// An answer that is an error: `{"code": ..., "message": ...}`.
#[derive(Clone, Debug, Serialize)]
pub struct HttpError {
    #[serde(skip)]
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl HttpError {
    /// An error with `status`; `code` is for programs, `message` for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// The request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// What the client meant is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }
}

impl From<Failure> for HttpError {
    fn from(failure: Failure) -> Self {
        Self::new(status(failure.code), failure.code.name(), failure.message)
    }
}

impl From<BucketError> for HttpError {
    fn from(error: BucketError) -> Self {
        let (status, code) = match error {
            BucketError::Level(_) => (StatusCode::BAD_REQUEST, "LEVEL"),
            BucketError::Name | BucketError::Default | BucketError::Ttl(_) => {
                (StatusCode::BAD_REQUEST, "BAD_REQUEST")
            }
            BucketError::Policy(_) => (StatusCode::CONFLICT, "POLICY"),
            BucketError::TooMany => (StatusCode::CONFLICT, "TOO_MANY_BUCKETS"),
        };
        Self::new(status, code, error.to_string())
    }
}

const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::NoSuchBucket => StatusCode::NOT_FOUND,
        ErrorCode::KeyTooLarge => StatusCode::URI_TOO_LONG,
        ErrorCode::ValueTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Level | ErrorCode::Protocol => StatusCode::BAD_REQUEST,
        ErrorCode::Unavailable | ErrorCode::ClockSkew => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Indeterminate | ErrorCode::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Misrouted => StatusCode::MISDIRECTED_REQUEST,
        ErrorCode::Corrupt | ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        // Two strings are always JSON.
        let mut body = serde_json::to_string(&self).unwrap_or_default();
        body.push('\n');
        let mut response =
            (self.status, [(CONTENT_TYPE, "application/json")], body).into_response();
        let later = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        if later.contains(&self.status) {
            response
                .headers_mut()
                .insert(RETRY_AFTER, hyper::header::HeaderValue::from_static("1"));
        }
        response
    }
}
