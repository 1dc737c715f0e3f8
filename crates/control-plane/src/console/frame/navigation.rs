//! The sections of the console, in the order in which they stand at the head of every page.

use portcullis_store::Role;

/// Where a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum Section {
    /// How things stand.
    Overview,
    /// Who calls APIs.
    Clients,
    /// What APIs consist of.
    Collections,
    /// How much profiles may call.
    Policies,
    /// Who was refused, and why.
    Refusals,
    /// Where it is decided.
    Gateways,
    /// Who changed what.
    Audit,
    /// Who may manage records.
    Operators,
    /// What the control plane was started with.
    Settings,
    /// In none of the others.
    Elsewhere,
}

impl Section {
    /// Those that the head of a page names.
    pub(super) const NAMED: [Self; 9] = [
        Self::Overview,
        Self::Clients,
        Self::Collections,
        Self::Policies,
        Self::Refusals,
        Self::Gateways,
        Self::Audit,
        Self::Operators,
        Self::Settings,
    ];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Clients => "Clients",
            Self::Collections => "Collections",
            Self::Policies => "Policies",
            Self::Refusals => "Refusals",
            Self::Gateways => "Gateways",
            Self::Audit => "Audit",
            Self::Operators => "Operators",
            Self::Settings => "Settings",
            Self::Elsewhere => "",
        }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Clients => "/console/clients",
            Self::Collections => "/console/collections",
            Self::Policies => "/console/policies",
            Self::Refusals => "/console/refusals",
            Self::Gateways => "/console/gateways",
            Self::Audit => "/console/audit",
            Self::Operators => "/console/operators",
            Self::Settings => "/console/settings",
            Self::Overview | Self::Elsewhere => "/console",
        }
    }

    /// The smallest role that sees it.
    pub(super) const fn role(self) -> Role {
        match self {
            Self::Overview
            | Self::Clients
            | Self::Collections
            | Self::Policies
            | Self::Refusals
            | Self::Gateways
            | Self::Elsewhere => Role::Viewer,
            Self::Audit | Self::Operators | Self::Settings => Role::Admin,
        }
    }
}
