//! Drawings that stand still, and stand alone.

use std::io::Write;

use xml::reader::{Events, XmlEvent};
use xml::{EmitterConfig, EventReader, EventWriter};

use super::InvalidLogo;

/// What changes a drawing after it is shown: by it an attribute gets a value that no filter of attributes looked at.
const ANIMATIONS: [&str; 6] = [
    "animate",
    "animateColor",
    "animateMotion",
    "animateTransform",
    "discard",
    "set",
];

/// A drawing without animations, and without styles that speak of other places.
///
/// # Errors
/// When it cannot be read.
pub(super) fn still(drawing: &[u8]) -> Result<Vec<u8>, InvalidLogo> {
    let mut still = Vec::with_capacity(drawing.len());
    let mut events = EventReader::new(drawing).into_iter();
    let mut writer = EventWriter::new_with_config(&mut still, EmitterConfig::new());
    while let Some(event) = events.next() {
        let event = event.map_err(|_| InvalidLogo::Broken)?;
        let named = match &event {
            XmlEvent::StartElement { name, .. } => name.local_name.as_str(),
            _ => "",
        };
        if ANIMATIONS.contains(&named) {
            let _left_out = element(event, &mut events)?;
        } else if named == "style" {
            let sheet = element(event, &mut events)?;
            if !is_open(&sheet) {
                for event in sheet {
                    write(&mut writer, event)?;
                }
            }
        } else {
            write(&mut writer, event)?;
        }
    }
    Ok(still)
}

/// The events of the element that begins with `start`, with all that it holds.
fn element(start: XmlEvent, events: &mut Events<&[u8]>) -> Result<Vec<XmlEvent>, InvalidLogo> {
    let mut open = 1_u32;
    let mut held = vec![start];
    while open > 0 {
        let event = events.next().and_then(Result::ok);
        let event = event.ok_or(InvalidLogo::Broken)?;
        match event {
            XmlEvent::StartElement { .. } => open = open.saturating_add(1),
            XmlEvent::EndElement { .. } => open = open.saturating_sub(1),
            _ => {}
        }
        held.push(event);
    }
    Ok(held)
}

/// Whether a style sheet has a rule that may fetch, an address, or what is left of one.
fn is_open(sheet: &[XmlEvent]) -> bool {
    sheet.iter().any(|event| match event {
        XmlEvent::Characters(text) | XmlEvent::CData(text) => {
            text.contains('@') || text.contains("//") || refers_elsewhere(text)
        }
        _ => false,
    })
}

/// Whether a value of CSS refers to anything that is not a part of the drawing.
fn refers_elsewhere(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let mut references = value.split("url(").skip(1);
    references.any(|to| !to.trim_start_matches([' ', '"', '\'']).starts_with('#'))
}

fn write(writer: &mut EventWriter<impl Write>, mut event: XmlEvent) -> Result<(), InvalidLogo> {
    if let XmlEvent::StartElement { attributes, .. } = &mut event {
        attributes.retain(|attribute| !refers_elsewhere(&attribute.value));
    }
    let Some(event) = event.as_writer_event() else {
        return Ok(());
    };
    writer.write(event).map_err(|_| InvalidLogo::Broken)
}
