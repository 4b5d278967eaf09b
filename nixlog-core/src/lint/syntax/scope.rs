//! What a name stands for.

use super::{Kind, NodeId, Tree};

/// What binds a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) enum Bound {
    /// A `let` or a recursive set, to this expression.
    To(NodeId),
    /// `inherit (…)` from this expression.
    From(NodeId),
    /// Something whose value is not known here: a parameter, a part of a set.
    Unknown,
    /// Nothing that is written: it is one of Nix's own names, or comes from a `with`.
    Open,
}

impl Tree<'_> {
    /// Returns what binds a name where it stands.
    pub(in crate::lint) fn bound(&self, name: NodeId) -> Bound {
        let text = self.text(name);
        // What `inherit a;` names is looked for around the set that it is in.
        let mut is_outside = self
            .parent(name)
            .is_some_and(|it| self.kind(it) == Kind::Inherit);
        for outer in self.ancestors(name) {
            let is_scope = match self.kind(outer) {
                Kind::Function => match self.has_parameter(outer, text) {
                    true => return Bound::Unknown,
                    false => false,
                },
                Kind::Let | Kind::RecursiveSet | Kind::LetSet => true,
                Kind::Set => {
                    is_outside = false;
                    false
                }
                _ => false,
            };
            if is_scope
                && !std::mem::take(&mut is_outside)
                && let Some(bound) = self.bound_in(outer, text)
            {
                return bound;
            }
        }
        Bound::Open
    }

    /// Returns what binds a name in the bindings of one node. `inherit a;` binds it to what it is around.
    fn bound_in(&self, scope: NodeId, name: &str) -> Option<Bound> {
        self.kids(scope).iter().find_map(|&kid| {
            if let Some((path, value)) = self.binding(kid) {
                let first = path.first().and_then(|&it| self.attribute(it));
                let bound = match path.len() {
                    1 => Bound::To(value),
                    _ => Bound::Unknown,
                };
                return (first == Some(name)).then_some(bound);
            }
            if self.kind(kid) != Kind::Inherit {
                return None;
            }
            let named = |&&it: &&NodeId| {
                self.kind(it) != Kind::InheritFrom && self.attribute(it) == Some(name)
            };
            let attribute = *self.kids(kid).iter().find(named)?;
            let first = *self.kids(kid).first()?;
            Some(match self.kind(first) {
                Kind::InheritFrom => self
                    .kids(first)
                    .first()
                    .map_or(Bound::Unknown, |&it| Bound::From(it)),
                _ => self.bound(attribute),
            })
        })
    }

    fn has_parameter(&self, function: NodeId, name: &str) -> bool {
        let Some(&parameters) = self.kids(function).first() else {
            return false;
        };
        self.kids(parameters).iter().any(|&it| match self.kind(it) {
            Kind::Formal => self
                .kids(it)
                .first()
                .is_some_and(|&it| self.text(it) == name),
            _ => self.text(it) == name,
        })
    }

    /// Tells whether it is one of Nix's own functions: `name`, where nothing binds that, or `builtins.name`.
    pub(in crate::lint) fn is_builtin(&self, id: NodeId, name: &str, is_global: bool) -> bool {
        let (base, attributes) = self.selected(id);
        if self.last_name(id) != Some(name) || self.kind(base) != Kind::Name {
            return false;
        }
        let is_builtins = |it: NodeId| self.text(it) == "builtins" && self.bound(it) == Bound::Open;
        match attributes {
            [] => match self.bound(base) {
                Bound::Open => is_global,
                Bound::From(set) => is_builtins(set),
                Bound::To(value) => {
                    value != id
                        && self.kind(value) == Kind::Select
                        && self.is_builtin(value, name, false)
                }
                Bound::Unknown => false,
            },
            [_] => is_builtins(base),
            _ => false,
        }
    }
}
