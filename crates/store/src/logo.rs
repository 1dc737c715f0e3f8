//! The logos of clients in the database. A client itself only tells that it has one, and which.

use portcullis_feed::ClientId;

use crate::statement::query;
use crate::{Edit, Snapshot, StoreError};

/// The picture of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// What it is.
    pub kind: LogoKind,
    /// The picture.
    pub content: Vec<u8>,
}

/// What a logo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoKind {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// Scalable Vector Graphics.
    Svg,
}

impl Snapshot {
    /// The logo of a client, if it has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn logo(&mut self, client: ClientId) -> Result<Option<Logo>, StoreError> {
        let found = query("SELECT kind, content FROM client_logos WHERE client_id = $1")
            .bind(client.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let kind = LogoKind::from_text(found.try_get("kind")?);
        Ok(Some(Logo {
            kind: kind.ok_or(StoreError::Unreadable { column: "kind" })?,
            content: found.try_get("content")?,
        }))
    }
}

impl Edit {
    /// Gives a client a logo in place of the one that it had. That the client tells of it is another statement.
    ///
    /// # Errors
    /// When the database fails, or there is no such client.
    pub async fn put_logo(&mut self, client: ClientId, logo: &Logo) -> Result<(), StoreError> {
        query(
            "INSERT INTO client_logos (client_id, kind, content) VALUES ($1, $2, $3) \
             ON CONFLICT (client_id) DO UPDATE SET kind = excluded.kind, \
             content = excluded.content",
        )
        .bind(client.to_string())
        .bind(logo.kind.as_text())
        .bind(logo.content.as_slice())
        .execute(&mut self.read().transaction)
        .await?;
        Ok(())
    }

    /// Takes the logo of a client away. That the client does not tell of it any more is another statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_logo(&mut self, client: ClientId) -> Result<(), StoreError> {
        self.run("DELETE FROM client_logos WHERE client_id = $1", &client)
            .await
    }
}

impl LogoKind {
    const fn as_text(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Svg => "svg",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        [Self::Png, Self::Jpeg, Self::Svg]
            .into_iter()
            .find(|kind| kind.as_text() == text)
    }
}
