//! What is left of hostile pictures.

use image::{DynamicImage, ImageFormat, RgbaImage};

use super::picture::cleaned;
use super::*;

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let pixels = RgbaImage::from_fn(width, height, |x, _| {
        image::Rgba([u8::try_from(x % 256).unwrap(), 0, 0, 255])
    });
    let mut picture = DynamicImage::from(pixels);
    if format == ImageFormat::Jpeg {
        picture = DynamicImage::from(picture.into_rgb8());
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn drawn(svg: &str) -> String {
    let logo = cleaned(svg.as_bytes()).unwrap();
    assert_eq!(logo.kind, portcullis_store::LogoKind::Svg);
    String::from_utf8(logo.content).unwrap()
}

#[test]
fn pixels_are_written_anew_and_what_came_with_them_is_gone() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let mut content = picture(40, 30, format);
        content.extend_from_slice(b"<script>alert(1)</script>");
        let logo = cleaned(&content).unwrap();
        let again = image::load_from_memory_with_format(&logo.content, format).unwrap();
        assert_eq!((again.width(), again.height()), (40, 30));
        let text = String::from_utf8_lossy(&logo.content).into_owned();
        assert!(!text.contains("script"), "{format:?}");
    }
}

#[test]
fn large_pictures_are_made_smaller_and_keep_their_shape() {
    let logo = cleaned(&picture(1_024, 256, ImageFormat::Png)).unwrap();
    let kept = image::load_from_memory(&logo.content).unwrap();
    assert_eq!((kept.width(), kept.height()), (512, 128));
}

#[test]
fn a_picture_that_claims_endless_pixels_is_not_decoded() {
    let content = picture(4_097, 1, ImageFormat::Png);
    assert_eq!(cleaned(&content), Err(InvalidLogo::TooManyPixels));
    // The same file, which now says that it is 2,147,483,647 pixels wide and high.
    let mut bomb = picture(1, 1, ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    assert!(cleaned(&bomb).is_err());
}

#[test]
fn of_a_drawing_only_what_draws_is_left() {
    const OPEN: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" \
                        xmlns:xlink=\"http://www.w3.org/1999/xlink\"";
    for hostile in [
        format!("{OPEN}><script>alert(1)</script><circle r=\"4\"/></svg>"),
        format!("{OPEN}><script xlink:href=\"https://evil.example/a.js\"/><circle r=\"4\"/></svg>"),
        format!("{OPEN} onload=\"alert(1)\"><circle r=\"4\" onclick=\"alert(1)\"/></svg>"),
        format!(
            "{OPEN}><foreignObject><body xmlns=\"http://www.w3.org/1999/xhtml\"><iframe src=\"https://evil.example\"/></body></foreignObject><circle r=\"4\"/></svg>"
        ),
        format!("{OPEN}><image href=\"https://evil.example/a.png\"/><circle r=\"4\"/></svg>"),
        format!("{OPEN}><use xlink:href=\"https://evil.example/a.svg#x\"/><circle r=\"4\"/></svg>"),
        format!("{OPEN}><a xlink:href=\"javascript:alert(1)\"><circle r=\"4\"/></a></svg>"),
        format!(
            "{OPEN}><style>@import url(https://evil.example/a.css); circle {{ fill: url(https://evil.example/b) }}</style><circle r=\"4\"/></svg>"
        ),
        format!("{OPEN}><circle r=\"4\" style=\"fill: url('https://evil.example/b')\"/></svg>"),
        format!(
            "{OPEN}><circle r=\"4\"><animate attributeName=\"href\" values=\"javascript:alert(1)\"/><set attributeName=\"onclick\" to=\"alert(1)\"/></circle></svg>"
        ),
        format!(
            "<?xml-stylesheet href=\"https://evil.example/a.css\"?>{OPEN}><circle r=\"4\"/></svg>"
        ),
        format!(
            "{OPEN} xmlns:h=\"http://www.w3.org/1999/xhtml\"><h:script>alert(1)</h:script><circle r=\"4\"/></svg>"
        ),
    ] {
        let left = drawn(&hostile);
        assert!(left.contains("<circle"), "{hostile}: {left}");
        for trace in [
            "script",
            "alert",
            "evil.example",
            "onload",
            "foreignObject",
            "iframe",
            "animate",
            "<set",
            "@import",
            "url(",
        ] {
            assert!(!left.contains(trace), "{hostile}: {left}");
        }
    }
}

#[test]
fn colours_of_a_style_sheet_stay() {
    let left = drawn(
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><style>.a{fill:#0b5}</style>\
         <g><set attributeName=\"r\" to=\"9\"><title>x</title></set><circle class=\"a\" fill=\"url(#b)\" r=\"4\"/></g></svg>",
    );
    assert!(left.contains(".a{fill:#0b5}"), "{left}");
    assert!(
        left.contains("<circle class=\"a\" fill=\"url(#b)\" r=\"4\""),
        "{left}"
    );
    assert!(!left.contains("<set") && !left.contains("title"), "{left}");
}

#[test]
fn a_drawing_with_entities_is_refused() {
    let mut bomb = "<!DOCTYPE svg [<!ENTITY a0 \"xxxxxxxxxx\">".to_owned();
    for level in 1..10 {
        let before = format!("&a{};", level - 1).repeat(10);
        bomb.push_str(&format!("<!ENTITY a{level} \"{before}\">"));
    }
    bomb.push_str("]><svg xmlns=\"http://www.w3.org/2000/svg\"><text>&a9;</text></svg>");
    let file = "<!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\
                <svg xmlns=\"http://www.w3.org/2000/svg\"><text>&x;</text></svg>";
    for hostile in [bomb.as_str(), file] {
        assert_eq!(cleaned(hostile.as_bytes()), Err(InvalidLogo::Broken));
    }
}

#[test]
fn what_is_no_picture_is_none() {
    for content in [
        &b""[..],
        b"GIF89a",
        b"<html><svg xmlns=\"http://www.w3.org/2000/svg\"/></html>",
        b"<svg>",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        &[0xfe, 0xff, 0, b'<', 0, b's', 0, b'v', 0, b'g'],
    ] {
        assert!(cleaned(content).is_err(), "{content:?}");
    }
    assert_eq!(cleaned(&[0; LARGEST_BYTES + 1]), Err(InvalidLogo::TooLarge));
}
