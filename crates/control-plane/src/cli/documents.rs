//! Configuration in files: read, put together, and found again when the control plane points at a field.

mod place;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_saphyr::{Options, budget, options};

use crate::app::configuration::document::Configuration;
use crate::app::draft::{self, Object};
use crate::client::Problem;

/// What the names of files in a folder end in.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// How many bytes a file has at most: as many as the control plane takes.
const LARGEST_BYTES: u64 = 256 * 1024 * 1024;

/// What stands for the standard input.
const STANDARD_INPUT: &str = "-";

/// Files, and what they say together.
#[derive(Default)]
pub struct Documents {
    /// All of it.
    pub configuration: Configuration,
    files: Vec<File>,
}

/// A file with the number of records that it adds to each list.
struct File {
    name: String,
    text: String,
    counts: [(&'static str, usize); 3],
}

/// Files cannot be read, or say what no configuration says.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    /// A file or folder cannot be read.
    #[error("cannot read `{name}`")]
    Unreadable {
        /// Which one.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A file is too large.
    #[error("`{name}` has more than 256 MiB")]
    TooLarge {
        /// Which one.
        name: String,
    },
    /// A folder has nothing to read.
    #[error("`{name}` holds no file that ends in `.yaml`, `.yml` or `.json`")]
    Nothing {
        /// Which one.
        name: String,
    },
    /// A file is not what it should be.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
}

impl Documents {
    /// Reads files, folders with all that is below them, and the standard input where `-` stands.
    ///
    /// # Errors
    /// When one cannot be read, or says what no configuration says: then all mistakes are told, with file, line and field.
    pub fn read(paths: &[PathBuf]) -> Result<Self, DocumentsError> {
        let mut documents = Self::default();
        let mut mistakes = Vec::new();
        for path in paths {
            for (name, text) in texts(path)? {
                match parse(&text) {
                    Ok(configuration) => documents.append(name, text, configuration),
                    Err(mistake) => mistakes.push(format!("{name}{mistake}")),
                }
            }
        }
        if mistakes.is_empty() {
            return Ok(documents);
        }
        Err(DocumentsError::Invalid(mistakes))
    }

    fn append(&mut self, name: String, text: String, configuration: Configuration) {
        fn count<T>(list: Option<&Vec<T>>) -> usize {
            list.map_or(0, Vec::len)
        }
        let counts = [
            ("policies", count(configuration.policies.as_ref())),
            ("collections", count(configuration.collections.as_ref())),
            ("clients", count(configuration.clients.as_ref())),
        ];
        self.files.push(File { name, text, counts });
        self.configuration.append(configuration);
    }

    /// What is wrong field by field, in the words of the files. `None`, when a refusal is not about fields.
    #[must_use]
    pub fn mistakes(&self, problem: &Problem) -> Option<DocumentsError> {
        if problem.errors.is_empty() {
            return None;
        }
        let errors = problem.errors.iter();
        let told = errors.map(|error| match self.place(&error.pointer) {
            Some(place) => format!("{place}: {}", error.detail),
            None => format!("{}: {}", error.pointer, error.detail),
        });
        Some(DocumentsError::Invalid(told.collect()))
    }

    /// Where a pointer into what was sent leads: the file, the line, the column and the field.
    #[must_use]
    pub fn place(&self, pointer: &str) -> Option<String> {
        let within = pointer.strip_prefix("/configuration/")?;
        let (list, rest) = within.split_once('/').unwrap_or((within, ""));
        let (index, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let mut index: usize = index.parse().ok()?;
        for file in &self.files {
            let (_, count) = file.counts.iter().find(|(name, _)| *name == list)?;
            if index >= *count {
                index -= count;
                continue;
            }
            let mut field = format!("/{list}/{index}");
            if !rest.is_empty() {
                field = format!("{field}/{rest}");
            }
            let name = &file.name;
            let position = place::of(&file.text, &field, reading());
            let position = position.map(|(line, column)| format!(":{line}:{column}"));
            return Some(format!("{name}{}: {field}", position.unwrap_or_default()));
        }
        None
    }
}

/// How files are read: as large as configurations are, with aliases that cannot multiply without end.
fn reading() -> Options {
    options! {
        budget: budget! {
            max_events: 100_000_000,
            max_nodes: 50_000_000,
            max_total_scalar_bytes: 256 * 1024 * 1024,
            max_documents: 1,
            enforce_alias_anchor_ratio: false,
        },
        with_snippet: false,
    }
}

/// A document, or where and why it is none.
fn parse(text: &str) -> Result<Configuration, String> {
    let mut flaw = None;
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, reading(), |reader| {
        serde_path_to_error::deserialize(reader).map_err(|error| {
            let path = error.path().clone();
            let inner = error.into_inner();
            flaw = Some(draft::violation(&path, &inner.to_string()));
            inner
        })
    });
    let read: Option<Object<Configuration>> = read.map_err(|error| {
        let position = error.location().filter(|location| location.line() > 0);
        let position = position.map(|it| format!(":{}:{}", it.line(), it.column()));
        let position = position.unwrap_or_default();
        match flaw {
            Some(flaw) if !flaw.pointer.is_empty() => {
                format!("{position}: {}: {}", flaw.pointer, flaw.detail)
            }
            Some(flaw) => format!("{position}: {}", flaw.detail),
            None => format!("{position}: {error}"),
        }
    })?;
    // A file of comments alone says nothing.
    Ok(read
        .map(|Object(configuration)| configuration)
        .unwrap_or_default())
}

/// The texts at a path, with their names, in the order of these.
fn texts(path: &Path) -> Result<Vec<(String, String)>, DocumentsError> {
    if path == Path::new(STANDARD_INPUT) {
        let name = "standard input";
        return Ok(vec![(name.into(), limited(name, io::stdin().lock())?)]);
    }
    let name = path.display().to_string();
    let unreadable = |source| DocumentsError::Unreadable {
        name: name.clone(),
        source,
    };
    let mut files = Vec::new();
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        below(path, &mut files).map_err(unreadable)?;
        files.sort();
        if files.is_empty() {
            return Err(DocumentsError::Nothing { name });
        }
    } else {
        files.push(path.to_owned());
    }
    let read = |path: PathBuf| {
        let name = path.display().to_string();
        let file = fs::File::open(&path).map_err(|source| DocumentsError::Unreadable {
            name: name.clone(),
            source,
        })?;
        let text = limited(&name, file)?;
        Ok((name, text))
    };
    files.into_iter().map(read).collect()
}

/// All files below a folder that are documents. What begins with a point is hidden, and no document.
fn below(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden {
            continue;
        }
        let ending = path.extension().and_then(OsStr::to_str);
        if path.is_dir() {
            below(&path, files)?;
        } else if ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            files.push(path);
        }
    }
    Ok(())
}

fn limited(name: &str, from: impl io::Read) -> Result<String, DocumentsError> {
    let mut text = String::new();
    let read = from.take(LARGEST_BYTES + 1).read_to_string(&mut text);
    read.map_err(|source| DocumentsError::Unreadable {
        name: name.to_owned(),
        source,
    })?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > LARGEST_BYTES) {
        let name = name.to_owned();
        return Err(DocumentsError::TooLarge { name });
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
