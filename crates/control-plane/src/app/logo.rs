//! The logos of clients. A picture from outside is never kept as it came: pixels are decoded and written anew, and of a
//! drawing only what draws is left. Browsers show both to operators, next to everything else that these may do.

mod picture;
mod still;

#[cfg(test)]
mod tests;

use portcullis_engine::api_key::digest;
use portcullis_feed::ClientId;
use portcullis_store::{Author, Client, Logo};

use super::client::unknown;
use super::condition::Condition;
use super::{App, Committed, Refusal, Violation};

pub use picture::InvalidLogo;

pub(super) use picture::cleaned;

/// How many bytes a logo may have when it comes.
pub const LARGEST_BYTES: usize = 256 * 1024;

impl App {
    /// The logo of a client.
    ///
    /// # Errors
    /// When there is no such client, or it has none.
    pub async fn logo(&self, id: ClientId) -> Result<Logo, Refusal> {
        let mut snapshot = self.store.read().await?;
        snapshot.client(id).await?.ok_or_else(|| unknown(id))?;
        snapshot.logo(id).await?.ok_or_else(|| no_logo(id))
    }

    /// Makes sure that a picture is one that browsers may be shown.
    ///
    /// # Errors
    /// When it is none.
    pub async fn check_logo(&self, content: Vec<u8>) -> Result<(), Refusal> {
        cleaned_aside(content).await.map(drop)
    }

    /// Gives a client a logo, in place of the one that it had.
    ///
    /// # Errors
    /// When there is no such client, the logo that it has is not what the condition asks for, or the picture is none
    /// that browsers may be shown.
    pub async fn put_logo(
        &self,
        author: &Author,
        id: ClientId,
        condition: Condition<Option<Logo>>,
        content: Vec<u8>,
    ) -> Result<Committed<Client>, Refusal> {
        let logo = cleaned_aside(content).await?;
        let now_ms = self.world.clock.now_ms();
        let mut edit = self.edit(author).await?;
        let client = edit.read().client(id).await?;
        let mut client = client.ok_or_else(|| unknown(id))?;
        condition.examine("logo", &edit.read().logo(id).await?)?;
        client.logo = Some(digest(&logo.content));
        client.updated_at_ms = now_ms;
        edit.put_client(&client).await?;
        edit.put_logo(id, &logo).await?;
        Committed::by(edit, client).await
    }

    /// Takes the logo of a client away.
    ///
    /// # Errors
    /// When there is no such client, it has none, or it is not what the condition asks for.
    pub async fn delete_logo(
        &self,
        author: &Author,
        id: ClientId,
        condition: Condition<Option<Logo>>,
    ) -> Result<Committed<Client>, Refusal> {
        let mut edit = self.edit(author).await?;
        let client = edit.read().client(id).await?;
        let mut client = client.ok_or_else(|| unknown(id))?;
        let logo = edit.read().logo(id).await?;
        if logo.is_none() {
            return Err(no_logo(id));
        }
        condition.examine("logo", &logo)?;
        client.logo = None;
        client.updated_at_ms = self.world.clock.now_ms();
        edit.put_client(&client).await?;
        edit.delete_logo(id).await?;
        Committed::by(edit, client).await
    }
}

/// What is left of a picture. Decoding takes its time, which others need not wait for.
async fn cleaned_aside(content: Vec<u8>) -> Result<Logo, Refusal> {
    let logo = tokio::task::spawn_blocking(move || cleaned(&content));
    let logo = logo.await.unwrap_or(Err(InvalidLogo::Broken));
    logo.map_err(|invalid| Refusal::Invalid(vec![Violation::new("", invalid)]))
}

fn no_logo(id: ClientId) -> Refusal {
    Refusal::NotFound {
        kind: "logo of the client",
        id: id.to_string(),
    }
}
