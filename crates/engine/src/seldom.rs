//! What is the same for nearly all records: where it is, it takes one byte in a record and a pointer in memory.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// What nearly all values of a type are.
pub trait Usual: PartialEq + 'static {
    /// That value.
    const USUAL: &'static Self;
}

/// A value that is stored only where it is not the usual one, and reads the same in both cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seldom<T>(Option<Box<T>>);

impl<T: Usual> From<T> for Seldom<T> {
    fn from(value: T) -> Self {
        Self((value != *T::USUAL).then(|| Box::new(value)))
    }
}

impl<T: Usual> Deref for Seldom<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::USUAL)
    }
}
