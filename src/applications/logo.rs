//! Logos: PNG, JPEG or WebP by their first bytes, decoded within bounds and written again as PNG, so that nothing
//! of the uploaded file survives. SVG is refused: it can hold scripts.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, Limits};

use crate::applications::{require, store};
use crate::base::id::ApplicationId;
use crate::base::{Ctx, Error, Result};
use crate::db::epoch::{Scope, bump};
use crate::db::{Db, Executor};
use crate::events::{Event, EventName, record};

/// Largest upload, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// Largest side of what is kept, in pixels.
const KEPT_SIDE: u32 = 256;
/// Largest side that is decoded at all, in pixels.
const MAX_SIDE: u32 = 4096;

/// Decodes, shrinks to 256 pixels and writes as PNG. Takes milliseconds: call it on a blocking thread.
pub fn re_encode(bytes: &[u8]) -> Result<Vec<u8>> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::field(
            "logo",
            "logo_too_large",
            "The picture is larger than 256 KiB. Make it smaller.",
        ));
    }
    let format = match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => ImageFormat::Png,
        [0xff, 0xd8, 0xff, ..] => ImageFormat::Jpeg,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ImageFormat::WebP,
        _ => {
            return Err(Error::field("logo", "logo_unknown_format", "Use a PNG, JPEG or WebP picture."));
        }
    };
    let unreadable = |error| {
        Error::field(
            "logo",
            "logo_unreadable",
            "The picture can't be read, or is larger than 4,096 pixels. Save it again as PNG.",
        )
        .because(error)
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(64 * 1024 * 1024);
    reader.limits(limits);
    let picture = reader.decode().map_err(unreadable)?;
    let picture = if picture.width() > KEPT_SIDE || picture.height() > KEPT_SIDE {
        picture.thumbnail(KEPT_SIDE, KEPT_SIDE)
    } else {
        picture
    };
    let mut out = Cursor::new(Vec::new());
    picture.to_rgba8().write_to(&mut out, ImageFormat::Png).map_err(Error::internal)?;
    Ok(out.into_inner())
}

/// Stores a PNG made by [`re_encode`].
pub async fn set(db: &Db, ctx: &Ctx, id: ApplicationId, png: Vec<u8>) -> Result<()> {
    use std::fmt::Write as _;
    let mut digest = String::new();
    for byte in &openssl::sha::sha256(&png)[..16] {
        let _ = write!(digest, "{byte:02x}");
    }
    change(db, ctx, id, Some((png, digest))).await
}

/// Removes the logo; the tile shows its monogram again.
pub async fn remove(db: &Db, ctx: &Ctx, id: ApplicationId) -> Result<()> {
    change(db, ctx, id, None).await
}

async fn change(db: &Db, ctx: &Ctx, id: ApplicationId, logo: Option<(Vec<u8>, String)>) -> Result<()> {
    let mut tx = db.begin().await?;
    let application = require(&mut tx, id).await?;
    let what = match logo {
        Some((png, digest)) => {
            store::put_logo(&mut tx, id, png, &digest).await?;
            "set"
        }
        None if store::delete_logo(&mut tx, id).await? => "removed",
        None => return Ok(()),
    };
    bump(&mut tx, Scope::Applications).await?;
    let event = Event::new(EventName::ApplicationUpdate)
        .target("application", id, application.label)
        .application(id)
        .detail("logo", what);
    record(&mut tx, ctx, event).await?;
    tx.commit().await
}

/// The stored PNG and its digest.
pub async fn find(executor: &mut impl Executor, id: ApplicationId) -> Result<Option<(Vec<u8>, String)>> {
    store::find_logo(executor, id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let picture = image::RgbImage::from_pixel(width, height, image::Rgb([1, 2, 3]));
        picture.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        picture(width, height, ImageFormat::Png)
    }

    #[test]
    fn jpeg_and_webp_become_png() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let kept = re_encode(&picture(300, 200, format)).unwrap();
            assert_eq!(image::guess_format(&kept).unwrap(), ImageFormat::Png, "{format:?}");
        }
    }

    #[test]
    fn a_35_only_pictures_are_kept_and_they_are_written_anew() {
        let mut polyglot = png(300, 300);
        polyglot.extend_from_slice(b"<script>alert(1)</script>");
        let kept = re_encode(&polyglot).unwrap();
        assert!(!kept.windows(6).any(|w| w == b"script"));
        let picture = image::load_from_memory(&kept).unwrap();
        assert_eq!((picture.width(), picture.height()), (256, 256));
    }

    #[test]
    fn a_35_svg_bombs_and_large_files_are_refused() {
        let code = |bytes: &[u8]| re_encode(bytes).unwrap_err().fields[0].code.clone().into_owned();
        assert_eq!(code(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"), "logo_unknown_format");
        assert_eq!(code(b"GIF89a"), "logo_unknown_format");
        assert_eq!(code(&vec![0x89; MAX_BYTES + 1]), "logo_too_large");
        assert_eq!(code(&png(5000, 2)), "logo_unreadable", "more pixels than are decoded");
        assert_eq!(code(&png(10, 10)[..40]), "logo_unreadable");
    }
}
