//! What a picture is, by its content, and how it is made safe.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use portcullis_store::{Logo, LogoKind};

use super::LARGEST_BYTES;
use super::still::still;

/// How many pixels a picture may have on each side. Others are not decoded at all.
const LARGEST_SIDE: u32 = 4_096;

/// How many bytes a decoder may take.
const LARGEST_DECODED_BYTES: u64 = 96 * 1024 * 1024;

/// How many pixels a logo has on each side at most, when it is kept: larger ones are made smaller.
const KEPT_SIDE: u32 = 512;

const JPEG_QUALITY: u8 = 88;

/// A file cannot be a logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLogo {
    /// Too many bytes.
    #[error("a logo has at most 256 KiB")]
    TooLarge,
    /// It is something else.
    #[error("a logo is a PNG, a JPEG or an SVG: the content is none of them")]
    Unknown,
    /// It cannot be decoded.
    #[error("the picture cannot be read: it is broken, or has parts that no logo needs")]
    Broken,
    /// It would take too much memory.
    #[error("a logo has at most {LARGEST_SIDE} pixels on each side")]
    TooManyPixels,
}

/// A logo of which nothing is left that a browser could be harmed by.
///
/// # Errors
/// When it is none.
pub(in crate::app) fn cleaned(content: &[u8]) -> Result<Logo, InvalidLogo> {
    if content.len() > LARGEST_BYTES {
        return Err(InvalidLogo::TooLarge);
    }
    match content {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => {
            let mut png = Vec::new();
            decoded(content, ImageFormat::Png)?
                .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
                .map_err(|_| InvalidLogo::Broken)?;
            Ok(logo(LogoKind::Png, png))
        }
        [0xff, 0xd8, 0xff, ..] => {
            let mut jpeg = Vec::new();
            // JPEG knows no transparency, and few readers know more than eight bits.
            let pixels = DynamicImage::from(decoded(content, ImageFormat::Jpeg)?.into_rgb8());
            pixels
                .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY))
                .map_err(|_| InvalidLogo::Broken)?;
            Ok(logo(LogoKind::Jpeg, jpeg))
        }
        _ => drawing(content).map(|svg| logo(LogoKind::Svg, svg)),
    }
}

const fn logo(kind: LogoKind, content: Vec<u8>) -> Logo {
    Logo { kind, content }
}

/// The pixels, and nothing else that came with them.
fn decoded(content: &[u8], format: ImageFormat) -> Result<DynamicImage, InvalidLogo> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| match error {
        image::ImageError::Limits(_) => InvalidLogo::TooManyPixels,
        _ => InvalidLogo::Broken,
    })?;
    if picture.width() <= KEPT_SIDE && picture.height() <= KEPT_SIDE {
        return Ok(picture);
    }
    Ok(picture.thumbnail(KEPT_SIDE, KEPT_SIDE))
}

/// The elements and attributes that draw: no scripts, no handlers, no foreign content, and nothing from elsewhere.
fn drawing(content: &[u8]) -> Result<Vec<u8>, InvalidLogo> {
    let text = std::str::from_utf8(content).map_err(|_| InvalidLogo::Unknown)?;
    if !text.contains("<svg") && !text.contains(":svg") {
        return Err(InvalidLogo::Unknown);
    }
    // By entities a small file becomes a very large one, or reads others. No drawing needs its own.
    if text.contains("<!ENTITY") {
        return Err(InvalidLogo::Broken);
    }
    let mut svg = Vec::new();
    svg_hush::Filter::new()
        .filter(&mut text.as_bytes(), &mut svg)
        .map_err(|_| InvalidLogo::Broken)?;
    let svg = still(&svg)?;
    let is_drawing = std::str::from_utf8(&svg).is_ok_and(|svg| {
        let begin = svg.find("?>").map_or(0, |at| at.saturating_add(2));
        svg.get(begin..)
            .is_some_and(|svg| svg.trim_start().starts_with("<svg"))
    });
    if !is_drawing || svg.len() > LARGEST_BYTES.saturating_mul(2) {
        return Err(InvalidLogo::Broken);
    }
    Ok(svg)
}
