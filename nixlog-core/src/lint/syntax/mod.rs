//! What is written in a Nix file, as a tree, and questions about it.

mod attribute;
mod parser;
mod place;
mod scope;
#[cfg(test)]
mod tests;

use rnix::SyntaxKind;

pub use attribute::attribute_at;
pub(in crate::lint) use parser::parse;
pub(in crate::lint) use place::Lines;
pub(in crate::lint) use scope::Bound;

/// A node's place among the nodes of its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::lint) struct NodeId(u32);

/// What a node is, with its children in the order of the text. Parentheses are no nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) enum Kind {
    /// The whole file: an expression.
    Root,
    /// A name, as an expression or an attribute.
    Name,
    /// A number, or an address without quotes.
    Literal,
    /// A string: its interpolations.
    String,
    /// `${…}` in a string, a path or an attribute path.
    Interpolation,
    /// `./a`, `/a`, `~/a`: its interpolations.
    Path,
    /// `<nixpkgs>`.
    SearchPath,
    /// Its elements.
    List,
    /// Bindings and inherits.
    Set,
    /// `rec { … }`: bindings and inherits.
    RecursiveSet,
    /// `let { … }`, which nobody writes any more: bindings and inherits.
    LetSet,
    /// Bindings and inherits, then what they are for.
    Let,
    /// An attribute path and a value.
    Binding,
    /// What it is from, if that is said, and attributes.
    Inherit,
    /// `(…)` of an inherit.
    InheritFrom,
    /// Attributes: names, strings, interpolations.
    AttributePath,
    /// A set, an attribute path, and what to take where there is none.
    Select,
    /// `a ? b`: a set and an attribute path.
    HasAttribute,
    /// A function and one argument.
    Apply,
    /// Parameters and a body.
    Function,
    /// A name, formals, or both.
    Parameters,
    /// A name of a pattern, and its default.
    Formal,
    /// A set and a body.
    With,
    /// A condition and a body.
    Assert,
    /// A condition and two branches.
    If,
    /// Two operands.
    Binary(SyntaxKind),
    /// One operand.
    Unary(SyntaxKind),
}

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    /// The first of the nodes below it; they come right before it.
    first: NodeId,
    /// Itself, if it is the root.
    parent: NodeId,
    /// Its children's place in `Tree::kids`.
    kids: (u32, u32),
}

/// A parsed file. Children come before their parents.
#[derive(Debug)]
pub(in crate::lint) struct Tree<'a> {
    source: &'a str,
    nodes: Vec<Node>,
    kids: Vec<NodeId>,
}

/// Makes an offset of a length; the parser takes no longer files.
fn offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl<'a> Tree<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            nodes: Vec::with_capacity(source.len() / 10),
            kids: Vec::with_capacity(source.len() / 10),
        }
    }

    fn push(&mut self, kind: Kind, start: u32, end: u32, kids: &[NodeId]) -> NodeId {
        let own = NodeId(offset(self.nodes.len()));
        let first = kids.first().map_or(own, |&kid| self.node(kid).first);
        for kid in kids {
            self.nodes[kid.0 as usize].parent = own;
        }
        let from = offset(self.kids.len());
        self.kids.extend_from_slice(kids);
        self.nodes.push(Node {
            kind,
            start,
            end,
            first,
            parent: own,
            kids: (from, offset(self.kids.len())),
        });
        own
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    fn slice(&self, start: u32, end: u32) -> &'a str {
        self.source
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// Returns all nodes, children first.
    pub(in crate::lint) fn all(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..offset(self.nodes.len())).map(NodeId)
    }

    /// Returns a node and all below it, children first.
    pub(in crate::lint) fn below(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        (self.node(id).first.0..=id.0).map(NodeId)
    }

    pub(in crate::lint) fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind
    }

    /// Returns where it starts and ends, in bytes.
    pub(in crate::lint) fn range(&self, id: NodeId) -> (u32, u32) {
        let node = self.node(id);
        (node.start, node.end)
    }

    /// Returns how it is written.
    pub(in crate::lint) fn text(&self, id: NodeId) -> &'a str {
        let (start, end) = self.range(id);
        self.slice(start, end)
    }

    pub(in crate::lint) fn kids(&self, id: NodeId) -> &[NodeId] {
        let (from, to) = self.node(id).kids;
        &self.kids[from as usize..to as usize]
    }

    pub(in crate::lint) fn parent(&self, id: NodeId) -> Option<NodeId> {
        let parent = self.node(id).parent;
        (parent != id).then_some(parent)
    }

    /// Returns what it is in, from the inside out.
    pub(in crate::lint) fn ancestors(
        &self,
        id: NodeId,
    ) -> impl Iterator<Item = NodeId> + use<'a, '_> {
        std::iter::successors(self.parent(id), |&id| self.parent(id))
    }

    /// Returns how many lines it goes over.
    pub(in crate::lint) fn lines(&self, id: NodeId) -> usize {
        memchr::memchr_iter(b'\n', self.text(id).as_bytes()).count() + 1
    }

    /// Splits a call into what is called, and its arguments.
    pub(in crate::lint) fn call(&self, id: NodeId) -> (NodeId, Vec<NodeId>) {
        let (mut head, mut arguments) = (id, Vec::new());
        while self.kind(head) == Kind::Apply
            && let &[function, argument] = self.kids(head)
        {
            arguments.push(argument);
            head = function;
        }
        arguments.reverse();
        (head, arguments)
    }

    /// Tells whether it is applied to an argument: the inner part of a longer call.
    pub(in crate::lint) fn is_called(&self, id: NodeId) -> bool {
        let parent = self.parent(id).filter(|&it| self.kind(it) == Kind::Apply);
        parent.is_some_and(|parent| self.kids(parent).first() == Some(&id))
    }

    /// Returns an attribute's name, unless it is computed.
    pub(in crate::lint) fn attribute(&self, id: NodeId) -> Option<&'a str> {
        match self.kind(id) {
            Kind::Name => Some(self.text(id)),
            Kind::String if self.kids(id).is_empty() => Some(self.text(id).trim_matches('"')),
            _ => None,
        }
    }

    /// Splits `a.b.c` into `a` and its attributes. There are none of a name, and none where it has a default.
    pub(in crate::lint) fn selected(&self, id: NodeId) -> (NodeId, &[NodeId]) {
        match self.kids(id) {
            &[base, path] if self.kind(id) == Kind::Select => (base, self.kids(path)),
            _ => (id, &[]),
        }
    }

    /// Returns the last part of a name: `c` of `a.b.c` and of `c`.
    pub(in crate::lint) fn last_name(&self, id: NodeId) -> Option<&'a str> {
        let (base, attributes) = self.selected(id);
        match attributes.last() {
            Some(&last) => self.attribute(last),
            None if self.kind(base) == Kind::Name => Some(self.text(base)),
            None => None,
        }
    }

    /// Returns the attribute path and the value of a binding.
    pub(in crate::lint) fn binding(&self, id: NodeId) -> Option<(&[NodeId], NodeId)> {
        match self.kids(id) {
            &[path, value] if self.kind(id) == Kind::Binding => Some((self.kids(path), value)),
            _ => None,
        }
    }

    /// Returns what a set binds to a name; `None` where it binds no such name, or a part of it.
    pub(in crate::lint) fn value_of(&self, set: NodeId, name: &str) -> Option<NodeId> {
        let mut bindings = self.kids(set).iter().filter_map(|&kid| self.binding(kid));
        bindings.find_map(|(path, value)| match path {
            &[only] if self.attribute(only) == Some(name) => Some(value),
            _ => None,
        })
    }

    /// Returns the names that a set binds; `None` if some are computed.
    pub(in crate::lint) fn names_of(&self, set: NodeId) -> Option<Vec<&'a str>> {
        let mut names = Vec::new();
        for &kid in self.kids(set) {
            match self.kind(kid) {
                Kind::Binding => {
                    let (path, _) = self.binding(kid)?;
                    names.push(self.attribute(*path.first()?)?);
                }
                _ => {
                    let attributes = self.kids(kid).iter();
                    let is_attribute = |id: &&NodeId| self.kind(**id) != Kind::InheritFrom;
                    for &attribute in attributes.filter(is_attribute) {
                        names.push(self.attribute(attribute)?);
                    }
                }
            }
        }
        Some(names)
    }
}
