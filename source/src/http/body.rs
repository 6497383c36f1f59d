//! Bodies as they come: whole, within the largest size, unpacked where they are packed.

use std::io::Read as _;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, StatusCode, header::CONTENT_ENCODING},
};
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use levada_connector_api::ByteSize;

/// Why a body is not taken, as it is answered.
pub(super) type Unfit = (StatusCode, String);

/// The bytes of a body, which may be packed with gzip; neither as it comes nor unpacked may it have more than `most` bytes.
///
/// # Errors
/// It is larger, does not come whole, or is packed in another way.
pub(super) async fn taken(headers: &HeaderMap, body: Body, most: ByteSize) -> Result<Bytes, Unfit> {
    let packed = is_packed(headers)?;
    let limit = usize::try_from(most.0).unwrap_or(usize::MAX);
    let body = to_bytes(body, limit).await.map_err(|error| {
        let is_too_large = format!("{error:?}").contains("LengthLimit");
        if is_too_large { too_large(most) } else { broken(&format!("did not come whole: {error}")) }
    })?;
    if !packed {
        return Ok(body);
    }
    let unpacking = tokio::task::spawn_blocking(move || unpacked(&body, most)).await;
    unpacking.unwrap_or_else(|error| Err(broken(&format!("cannot be unpacked: {error}"))))
}

fn is_packed(headers: &HeaderMap) -> Result<bool, Unfit> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    match (encodings.next().map(|value| value.to_str().unwrap_or("?").trim()), encodings.next()) {
        (None | Some(""), None) => Ok(false),
        (Some(one), None) if one.eq_ignore_ascii_case("identity") => Ok(false),
        (Some(one), None) if ["gzip", "x-gzip"].iter().any(|each| one.eq_ignore_ascii_case(each)) => Ok(true),
        (Some(other), _) => {
            let message = format!("a body packed as `{other}` is not read: pack it with gzip, or not at all");
            Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
        }
        (None, Some(_)) => Ok(false),
    }
}

/// A little packs much: what is unpacked is bounded as it grows.
fn unpacked(body: &[u8], most: ByteSize) -> Result<Bytes, Unfit> {
    let mut whole = Vec::new();
    let mut from = MultiGzDecoder::new(body).take(most.0.saturating_add(1));
    from.read_to_end(&mut whole).map_err(|error| broken(&format!("is no gzip: {error}")))?;
    if whole.len() as u64 > most.0 {
        return Err(too_large(most));
    }
    Ok(whole.into())
}

fn too_large(most: ByteSize) -> Unfit {
    (StatusCode::PAYLOAD_TOO_LARGE, format!("a body may have {most} at most, also unpacked"))
}

fn broken(reason: &str) -> Unfit {
    (StatusCode::BAD_REQUEST, format!("the body {reason}"))
}
