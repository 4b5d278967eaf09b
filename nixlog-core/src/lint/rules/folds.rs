//! Folds that copy all they have at each step, and folds that compute nothing before the end.

use rnix::SyntaxKind;

use crate::lint::syntax::{Bound, Kind, NodeId, Tree};

/// A call of a fold with a function that is written there.
struct Fold<'a> {
    name: &'a str,
    operator: NodeId,
    /// The place of the accumulator among the operator's parameters.
    accumulator: usize,
}

fn fold<'a>(tree: &Tree<'a>, id: NodeId) -> Option<Fold<'a>> {
    // The innermost application is seen once, however many arguments follow.
    let &[head, operator] = tree.kids(id) else {
        return None;
    };
    if tree.kind(id) != Kind::Apply {
        return None;
    }
    let name = tree.last_name(head)?;
    let accumulator = match name {
        "foldl" | "foldl'" | "foldlAttrs" => 0,
        "foldr" | "fold" => 1,
        _ => return None,
    };
    if is_short(tree, id) {
        return None;
    }
    let is_own = tree.kind(head) == Kind::Name
        && matches!(tree.bound(head), Bound::To(value) if tree.kind(value) == Kind::Function);
    (!is_own).then_some(Fold {
        name,
        operator,
        accumulator,
    })
}

/// Tells whether what is folded is written there, and short.
fn is_short(tree: &Tree<'_>, id: NodeId) -> bool {
    /// With so many elements, nobody notices.
    const SHORT: usize = 20;
    let list = tree.parent(id).and_then(|it| tree.parent(it));
    let list = list.and_then(|call| tree.kids(call).last().copied());
    list.is_some_and(|it| tree.kind(it) == Kind::List && tree.kids(it).len() < SHORT)
}

/// `//` with the accumulator. Where the other side has only names that are written down, the set stays as small
/// as they are few.
pub(super) fn update(tree: &Tree<'_>, id: NodeId) -> Option<(NodeId, String)> {
    let fold = fold(tree, id)?;
    let message = |what: &str| {
        format!(
            "`{what}` in `{}` copies the whole set at each step",
            fold.name
        )
    };
    if let Some(name @ ("mergeAttrs" | "recursiveUpdate")) = tree.last_name(fold.operator) {
        return Some((id, message(name)));
    }
    let (parameters, body) = operator(tree, fold.operator)?;
    let accumulator = *parameters.get(fold.accumulator)?;
    let grows = results(tree, body).into_iter().find(|&result| {
        let mut operands = Vec::new();
        updated(tree, result, &mut operands);
        let is_accumulator =
            |it: &NodeId| tree.kind(*it) == Kind::Name && tree.text(*it) == accumulator;
        operands.len() > 1
            && operands.iter().any(is_accumulator)
            && operands
                .iter()
                .any(|it| !is_accumulator(it) && !is_fixed(tree, *it))
    })?;
    Some((grows, message("//")))
}

/// `foldl` where `foldl'` would do, and a right fold of numbers.
///
/// Only where the operator does not look at what is folded so far, the two differ: with `foldl` it is never
/// computed then. Right folds can be lazy on purpose, and build lists in order; of arithmetic they are neither.
pub(super) fn lazy(tree: &Tree<'_>, id: NodeId) -> Option<(NodeId, String)> {
    let fold = fold(tree, id)?;
    if update(tree, id).is_some() {
        return None;
    }
    match fold.name {
        "foldl" => Some((id, "`foldl` keeps every step until the end; `foldl'` gives the same unless a step ignores those before it".to_owned())),
        "foldr" | "fold" => {
            let is_sum = match operator(tree, fold.operator) {
                Some((parameters, body)) => parameters.len() == 2 && is_sum(tree, body),
                None => {
                    let (base, attributes) = tree.selected(fold.operator);
                    let is_lib = attributes.is_empty() || matches!(tree.text(base), "lib" | "builtins");
                    is_lib && matches!(tree.last_name(fold.operator), Some("add" | "mul" | "max" | "min"))
                }
            };
            let message = || format!("`{}` of numbers keeps every step until the end", fold.name);
            is_sum.then(|| (id, message()))
        }
        _ => None,
    }
}

/// Returns the names of the parameters of a function that is written here, and its body.
fn operator<'a>(tree: &Tree<'a>, id: NodeId) -> Option<(Vec<&'a str>, NodeId)> {
    let (mut names, mut body) = (Vec::new(), id);
    while tree.kind(body) == Kind::Function
        && names.len() < 3
        && let &[parameters, inner] = tree.kids(body)
    {
        // A pattern takes the place of one parameter, whatever is in it.
        let name = match tree.kids(parameters) {
            &[only] if tree.kind(only) == Kind::Name => tree.text(only),
            _ => "",
        };
        names.push(name);
        body = inner;
    }
    (!names.is_empty()).then_some((names, body))
}

/// Returns what an expression may result in.
fn results(tree: &Tree<'_>, id: NodeId) -> Vec<NodeId> {
    match (tree.kind(id), tree.kids(id)) {
        (Kind::If, &[_, then, other]) => [results(tree, then), results(tree, other)].concat(),
        (Kind::Let | Kind::With | Kind::Assert, &[.., body]) => results(tree, body),
        _ => vec![id],
    }
}

/// Collects the operands of `a // b // c`.
fn updated(tree: &Tree<'_>, id: NodeId, operands: &mut Vec<NodeId>) {
    match tree.kids(id) {
        &[left, right] if tree.kind(id) == Kind::Binary(SyntaxKind::TOKEN_UPDATE) => {
            updated(tree, left, operands);
            updated(tree, right, operands);
        }
        _ => operands.push(id),
    }
}

/// Tells whether a set has the same names at each step.
fn is_fixed(tree: &Tree<'_>, id: NodeId) -> bool {
    matches!(tree.kind(id), Kind::Set | Kind::RecursiveSet) && tree.names_of(id).is_some()
}

fn is_sum(tree: &Tree<'_>, body: NodeId) -> bool {
    // `+` may also join strings: these have to come in order.
    let Kind::Binary(SyntaxKind::TOKEN_MUL) = tree.kind(body) else {
        let is_add = tree.kind(body) == Kind::Binary(SyntaxKind::TOKEN_ADD);
        let is_number = |&it: &NodeId| tree.kind(it) == Kind::Literal;
        return is_add && tree.kids(body).iter().any(is_number);
    };
    true
}
