//! The sections of the console, in the order in which they stand at the head of every page.

use portcullis_store::Role;

/// Where a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum Section {
    /// Who calls APIs.
    Clients,
    /// In none of the others.
    Elsewhere,
}

impl Section {
    /// Those that the head of a page names.
    pub(super) const NAMED: [Self; 1] = [Self::Clients];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Clients => "Clients",
            Self::Elsewhere => "",
        }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Clients => "/console/clients",
            Self::Elsewhere => "/console",
        }
    }

    /// The smallest role that sees it.
    pub(super) const fn role(self) -> Role {
        match self {
            Self::Clients | Self::Elsewhere => Role::Viewer,
        }
    }
}
