//! What the store promises, on whichever database it stands. One file for each promise; the vocabulary is in `books`.

mod books;
mod concurrency;
mod feed;
mod opening;
mod records;
