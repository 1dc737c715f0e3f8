//! A tree of path segments. Literals are found by binary search, so that a wide API costs no more than a deep one.

use super::RoutedEndpoint;
use super::template::{Segment, Template};
use crate::path::Path;

#[derive(Debug, Default)]
pub(super) struct Tree {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: Vec<(Box<[u8]>, Node)>,
    parameter: Option<Box<Node>>,
    here: Methods,
    rest: Methods,
}

#[derive(Debug, Default)]
struct Methods(Vec<(Box<[u8]>, RoutedEndpoint)>);

impl Tree {
    /// Adds an endpoint, unless one with the same path and method is there.
    pub(super) fn insert(
        &mut self,
        template: Template,
        method: Box<[u8]>,
        endpoint: RoutedEndpoint,
    ) {
        let node = template
            .segments
            .into_iter()
            .fold(&mut self.root, Node::child);
        let methods = if template.open {
            &mut node.rest
        } else {
            &mut node.here
        };
        if !methods.0.iter().any(|(known, _)| *known == method) {
            methods.0.push((method, endpoint));
        }
    }

    pub(super) fn find(&self, method: &[u8], path: &Path<'_>) -> Option<&RoutedEndpoint> {
        self.root.find(method, &mut path.segments())
    }
}

impl Node {
    fn child(&mut self, segment: Segment) -> &mut Self {
        match segment {
            Segment::Parameter => self.parameter.get_or_insert_default(),
            Segment::Literal(literal) => {
                let at = match self
                    .literals
                    .binary_search_by(|(known, _)| known.cmp(&literal))
                {
                    Ok(at) => at,
                    Err(at) => {
                        self.literals.insert(at, (literal, Self::default()));
                        at
                    }
                };
                #[expect(
                    clippy::indexing_slicing,
                    reason = "the index of an element, found or just inserted"
                )]
                &mut self.literals[at].1
            }
        }
    }

    /// Goes down the most specific branch first and comes back when it leads nowhere.
    fn find<'s>(
        &self,
        method: &[u8],
        segments: &mut (impl Iterator<Item = std::borrow::Cow<'s, [u8]>> + Clone),
    ) -> Option<&RoutedEndpoint> {
        let Some(segment) = segments.next() else {
            return self.here.find(method).or_else(|| self.rest.find(method));
        };
        let literal = self
            .literals
            .binary_search_by(|(known, _)| known.as_ref().cmp(&segment))
            .ok()
            .and_then(|at| self.literals.get(at));
        literal
            .and_then(|(_, node)| node.find(method, &mut segments.clone()))
            .or_else(|| {
                // A parameter stands for something: the empty segment after a trailing slash is none.
                let node = self.parameter.as_ref().filter(|_| !segment.is_empty())?;
                node.find(method, segments)
            })
            .or_else(|| self.rest.find(method))
    }
}

impl Methods {
    fn find(&self, method: &[u8]) -> Option<&RoutedEndpoint> {
        let named = |name: &[u8]| {
            self.0
                .iter()
                .find(|(known, _)| known.as_ref() == name)
                .map(|(_, endpoint)| endpoint)
        };
        named(method)
            .or_else(|| (method == b"HEAD").then(|| named(b"GET")).flatten())
            .or_else(|| named(b"*"))
    }
}
