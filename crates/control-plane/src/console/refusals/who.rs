//! Whose refusals are looked for: what people type is an identifier, the public id of a key, or a part of a name.

use portcullis_feed::{ClientId, ProfileId};
use portcullis_store::{Client, ClientFilter, ClientKey, Direction, Window};

use crate::app::App;
use crate::app::text::NamePart;
use crate::console::search::Search;
use crate::problem::{Kind, Problem};

/// How many clients are offered where a name fits several.
const OFFERED: u32 = 10;

/// Whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Client(ClientId),
    Profile(ProfileId),
    Key(String),
    /// The name fits none of the clients, or several.
    Clients(Vec<Client>),
}

impl Who {
    pub(super) async fn of(app: &App, text: &str) -> Result<Self, Problem> {
        if let Ok(id) = text.parse::<ClientId>() {
            return Ok(Self::Client(id));
        }
        if let Ok(id) = text.parse::<ProfileId>() {
            return Ok(Self::Profile(id));
        }
        let clients = clients(app, text).await?;
        match (&*clients, Search::meanings(text).ok().as_deref()) {
            ([], Some([Search::Key(id), ..])) => Ok(Self::Key(id.clone())),
            ([client], _) => Ok(Self::Client(client.id)),
            _ => Ok(Self::Clients(clients)),
        }
    }
}

async fn clients(app: &App, text: &str) -> Result<Vec<Client>, Problem> {
    let name = NamePart::try_from(text.to_owned());
    let name =
        name.map_err(|invalid| Problem::new(Kind::MalformedRequest, format!("`who`: {invalid}")))?;
    let filter = ClientFilter {
        name: Some(name.into()),
        ..ClientFilter::default()
    };
    let window = Window {
        order: vec![(ClientKey::Name, Direction::Ascending)],
        after: None,
        limit: OFFERED,
    };
    Ok(app.clients(&filter, &window).await?.items)
}
