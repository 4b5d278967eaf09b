//! From rnix's tokens to a tree.
//!
//! rnix has a parser of its own. This one takes a third of its time, since it builds no tree of tokens, and
//! bounds how deep it goes on every way down, so that no file can exhaust the stack. A test holds the two
//! equal.

use rnix::SyntaxKind as Token;

use super::{Kind, NodeId, Tree, offset};

/// How deep expressions may nest. Files that people write stay below 200.
const MAX_DEPTH: u32 = 1200;

/// So many operators may stand in a row.
const MAX_OPERANDS: u32 = 20_000;

/// Why a file could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lint) struct Broken {
    /// Where, in bytes.
    pub(in crate::lint) at: u32,
    /// What is wrong there.
    pub(in crate::lint) message: String,
}

/// So many characters of a path may stand in a row.
const LONGEST_RUN: usize = 30_000;

const fn is_in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'/' | b'~')
}

/// Parses a file.
pub(in crate::lint) fn parse(source: &str) -> Result<Tree<'_>, Broken> {
    if u32::try_from(source.len()).is_err() {
        let message = "the file has more than 4 GiB".to_owned();
        return Err(Broken { at: 0, message });
    }
    // The tokenizer looks at the rest of such a run from each place in it.
    if source
        .as_bytes()
        .chunk_by(|a, b| is_in_path(*a) && is_in_path(*b))
        .any(|run| run.len() > LONGEST_RUN)
    {
        let message = "a word or a path is longer than anybody writes".to_owned();
        return Err(Broken { at: 0, message });
    }
    let mut start = 0;
    let mut tokens = Vec::with_capacity(source.len() / 6);
    for (kind, text) in rnix::tokenize(source) {
        let end = start + offset(text.len());
        if !kind.is_trivia() {
            tokens.push((kind, start, end));
        }
        start = end;
    }
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        open: Vec::new(),
        tree: Tree::new(source),
    };
    parser.expression()?;
    match parser.peek() {
        None => {
            parser.finish(Kind::Root, 0, 0);
            Ok(parser.tree)
        }
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    /// Kinds, starts and ends, without white space and comments.
    tokens: Vec<(Token, u32, u32)>,
    at: usize,
    depth: u32,
    /// Nodes that have no parent yet.
    open: Vec<NodeId>,
    tree: Tree<'a>,
}

type Done = Result<(), Broken>;

impl Parser<'_> {
    fn peek(&self) -> Option<Token> {
        self.ahead(0)
    }

    fn ahead(&self, n: usize) -> Option<Token> {
        self.tokens.get(self.at + n).map(|token| token.0)
    }

    /// Returns where the next token starts.
    fn start(&self) -> u32 {
        let next = self.tokens.get(self.at);
        next.map_or(offset(self.tree.source.len()), |token| token.1)
    }

    /// Returns where the last token ended.
    fn end(&self) -> u32 {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(0, |token| token.2)
    }

    fn take(&mut self, kind: Token) -> bool {
        let is_it = self.peek() == Some(kind);
        self.at += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, kind: Token) -> Done {
        match self.take(kind) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> Broken {
        let message = match self.tokens.get(self.at) {
            None => "the file ends in the middle of an expression".to_owned(),
            Some(&(_, start, end)) => {
                let text = self.tree.slice(start, end);
                let short: String = text.chars().take(20).collect();
                format!("`{short}` is not expected here")
            }
        };
        let at = self.start();
        Broken { at, message }
    }

    /// Makes a node of all that has no parent since there were `since` of them.
    fn finish(&mut self, kind: Kind, since: usize, start: u32) {
        let kids = self.open.split_off(since);
        let node = self.tree.push(kind, start, self.end(), &kids);
        self.open.push(node);
    }

    /// Runs a step down, unless there were too many.
    fn deeper(&mut self, step: impl FnOnce(&mut Self) -> Done) -> Done {
        if self.depth >= MAX_DEPTH {
            let message = "expressions nest too deeply".to_owned();
            let at = self.start();
            return Err(Broken { at, message });
        }
        self.depth += 1;
        let done = step(self);
        self.depth -= 1;
        done
    }

    fn expression(&mut self) -> Done {
        self.deeper(Self::any_expression)
    }

    fn any_expression(&mut self) -> Done {
        let (since, start) = (self.open.len(), self.start());
        let kind = match self.peek() {
            Some(Token::TOKEN_LET) if self.ahead(1) != Some(Token::TOKEN_L_BRACE) => {
                self.at += 1;
                self.bindings(Token::TOKEN_IN)?;
                self.expression()?;
                Kind::Let
            }
            Some(Token::TOKEN_WITH) => {
                self.two_parts()?;
                Kind::With
            }
            Some(Token::TOKEN_ASSERT) => {
                self.two_parts()?;
                Kind::Assert
            }
            Some(Token::TOKEN_IF) => {
                self.at += 1;
                self.expression()?;
                self.expect(Token::TOKEN_THEN)?;
                self.expression()?;
                self.expect(Token::TOKEN_ELSE)?;
                self.expression()?;
                Kind::If
            }
            _ if self.is_function() => {
                self.parameters()?;
                self.finish(Kind::Parameters, since, start);
                self.expect(Token::TOKEN_COLON)?;
                self.expression()?;
                Kind::Function
            }
            _ => return self.operation(0),
        };
        self.finish(kind, since, start);
        Ok(())
    }

    /// `with a; b` and `assert a; b`.
    fn two_parts(&mut self) -> Done {
        self.at += 1;
        self.expression()?;
        self.expect(Token::TOKEN_SEMICOLON)?;
        self.expression()
    }

    fn is_function(&self) -> bool {
        use Token::{
            TOKEN_AT as At, TOKEN_COLON as Colon, TOKEN_COMMA as Comma, TOKEN_ELLIPSIS as Rest,
            TOKEN_IDENT as Name, TOKEN_L_BRACE as Open, TOKEN_QUESTION as Default,
            TOKEN_R_BRACE as Close,
        };
        let next = [0, 1, 2, 3].map(|n| self.ahead(n));
        match next {
            [Some(Name), Some(Colon | At), ..]
            | [Some(Open), Some(Rest), ..]
            | [Some(Open), Some(Close), Some(Colon | At), _]
            | [Some(Open), Some(Name), Some(Comma | Default), _] => true,
            [Some(Open), Some(Name), Some(Close), Some(after)] => matches!(after, Colon | At),
            _ => false,
        }
    }

    fn parameters(&mut self) -> Done {
        if self.peek() == Some(Token::TOKEN_IDENT) {
            self.leaf(Kind::Name);
            return match self.take(Token::TOKEN_AT) {
                true => self.formals(),
                false => Ok(()),
            };
        }
        self.formals()?;
        if self.take(Token::TOKEN_AT) {
            if self.peek() != Some(Token::TOKEN_IDENT) {
                return Err(self.unexpected());
            }
            self.leaf(Kind::Name);
        }
        Ok(())
    }

    /// `{ a, b ? c, ... }`.
    fn formals(&mut self) -> Done {
        self.expect(Token::TOKEN_L_BRACE)?;
        loop {
            let (since, start) = (self.open.len(), self.start());
            match self.peek() {
                Some(Token::TOKEN_IDENT) => {
                    self.leaf(Kind::Name);
                    if self.take(Token::TOKEN_QUESTION) {
                        self.expression()?;
                    }
                    self.finish(Kind::Formal, since, start);
                    if !self.take(Token::TOKEN_COMMA) {
                        break;
                    }
                }
                Some(Token::TOKEN_ELLIPSIS) => {
                    self.at += 1;
                    break;
                }
                _ => break,
            }
        }
        self.expect(Token::TOKEN_R_BRACE)
    }

    /// Ends what looks like no file that anybody wrote: each rule would look at each operand's ancestors.
    fn one_more(&self, operands: &mut u32) -> Done {
        *operands += 1;
        match *operands > MAX_OPERANDS {
            true => Err(Broken {
                at: self.start(),
                message: "too many operators in a row".to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// Operators that bind at least as strongly as `least`.
    fn operation(&mut self, least: u8) -> Done {
        self.deeper(|it| it.operators(least))
    }

    fn operators(&mut self, least: u8) -> Done {
        let (since, start) = (self.open.len(), self.start());
        let prefix = match self.peek() {
            Some(op @ Token::TOKEN_INVERT) => Some((op, NOT)),
            Some(op @ Token::TOKEN_SUB) => Some((op, NEGATE)),
            _ => None,
        };
        match prefix {
            Some((op, binds)) => {
                self.at += 1;
                self.operation(binds)?;
                self.finish(Kind::Unary(op), since, start);
            }
            None => self.application()?,
        }
        let mut operands = 0;
        while let Some((op, binds, side)) = self.peek().and_then(operator) {
            if binds < least {
                break;
            }
            self.one_more(&mut operands)?;
            self.at += 1;
            match side {
                Side::Path => {
                    self.attribute_path()?;
                    self.finish(Kind::HasAttribute, since, start);
                }
                Side::Left | Side::Neither => {
                    self.operation(binds + 1)?;
                    self.finish(Kind::Binary(op), since, start);
                    let again = self.peek().and_then(operator).map(|next| next.1);
                    if side == Side::Neither && again == Some(binds) {
                        return Err(self.unexpected());
                    }
                }
                Side::Right => self.right_operands(op, binds, start)?,
            }
        }
        Ok(())
    }

    /// The rest of `a ++ b ++ c`, which is `a ++ (b ++ c)`; without a step down for each.
    fn right_operands(&mut self, op: Token, binds: u8, start: u32) -> Done {
        let mut starts = vec![start];
        let mut operands = 0;
        loop {
            self.one_more(&mut operands)?;
            starts.push(self.start());
            self.operation(binds + 1)?;
            if !self.take(op) {
                break;
            }
        }
        starts.pop();
        for start in starts.into_iter().rev() {
            let since = self.open.len() - 2;
            self.finish(Kind::Binary(op), since, start);
        }
        Ok(())
    }

    fn application(&mut self) -> Done {
        let (since, start) = (self.open.len(), self.start());
        self.selection()?;
        while self.peek().is_some_and(Token::is_fn_arg) {
            self.selection()?;
            self.finish(Kind::Apply, since, start);
        }
        Ok(())
    }

    fn selection(&mut self) -> Done {
        let (since, start) = (self.open.len(), self.start());
        self.deeper(Self::simple)?;
        if self.take(Token::TOKEN_DOT) {
            self.attribute_path()?;
            if self.take(Token::TOKEN_OR) {
                self.deeper(Self::selection)?;
            }
            self.finish(Kind::Select, since, start);
        } else if self.peek() == Some(Token::TOKEN_OR) {
            // `a or` without a selection is `a` applied to what is called `or`, as in Nix.
            self.leaf(Kind::Name);
            self.finish(Kind::Apply, since, start);
        }
        Ok(())
    }

    fn leaf(&mut self, kind: Kind) {
        let (since, start) = (self.open.len(), self.start());
        self.at += 1;
        self.finish(kind, since, start);
    }

    fn simple(&mut self) -> Done {
        let (since, start) = (self.open.len(), self.start());
        let kind = match self.peek() {
            Some(Token::TOKEN_IDENT | Token::TOKEN_CUR_POS) => {
                self.leaf(Kind::Name);
                return Ok(());
            }
            Some(Token::TOKEN_INTEGER | Token::TOKEN_FLOAT | Token::TOKEN_URI) => {
                self.leaf(Kind::Literal);
                return Ok(());
            }
            Some(Token::TOKEN_STRING_START) => return self.string(),
            Some(Token::TOKEN_PATH_SEARCH) => {
                self.leaf(Kind::SearchPath);
                return Ok(());
            }
            Some(Token::TOKEN_PATH_ABS | Token::TOKEN_PATH_REL | Token::TOKEN_PATH_HOME) => {
                self.path()?;
                Kind::Path
            }
            Some(Token::TOKEN_L_PAREN) => {
                self.at += 1;
                self.expression()?;
                return self.expect(Token::TOKEN_R_PAREN);
            }
            Some(Token::TOKEN_L_BRACK) => {
                self.at += 1;
                while !self.take(Token::TOKEN_R_BRACK) {
                    self.selection()?;
                }
                Kind::List
            }
            Some(Token::TOKEN_L_BRACE) => {
                self.at += 1;
                self.bindings(Token::TOKEN_R_BRACE)?;
                Kind::Set
            }
            Some(word @ (Token::TOKEN_REC | Token::TOKEN_LET)) => {
                self.at += 1;
                self.expect(Token::TOKEN_L_BRACE)?;
                self.bindings(Token::TOKEN_R_BRACE)?;
                match word {
                    Token::TOKEN_REC => Kind::RecursiveSet,
                    _ => Kind::LetSet,
                }
            }
            _ => return Err(self.unexpected()),
        };
        self.finish(kind, since, start);
        Ok(())
    }

    fn string(&mut self) -> Done {
        let (since, start) = (self.open.len(), self.start());
        self.at += 1;
        loop {
            match self.peek() {
                Some(Token::TOKEN_STRING_CONTENT) => self.at += 1,
                Some(Token::TOKEN_INTERPOL_START) => self.interpolation()?,
                _ => break,
            }
        }
        self.expect(Token::TOKEN_STRING_END)?;
        self.finish(Kind::String, since, start);
        Ok(())
    }

    fn interpolation(&mut self) -> Done {
        let (since, start) = (self.open.len(), self.start());
        self.at += 1;
        self.expression()?;
        self.expect(Token::TOKEN_INTERPOL_END)?;
        self.finish(Kind::Interpolation, since, start);
        Ok(())
    }

    /// The parts of a path, which follow each other without white space.
    fn path(&mut self) -> Done {
        self.at += 1;
        while self.start() == self.end() {
            match self.peek() {
                Some(Token::TOKEN_INTERPOL_START) => self.interpolation()?,
                Some(Token::TOKEN_PATH_ABS | Token::TOKEN_PATH_REL | Token::TOKEN_PATH_HOME) => {
                    self.at += 1;
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn attribute(&mut self) -> Done {
        match self.peek() {
            Some(Token::TOKEN_IDENT | Token::TOKEN_OR) => {
                self.leaf(Kind::Name);
                Ok(())
            }
            Some(Token::TOKEN_STRING_START) => self.string(),
            Some(Token::TOKEN_INTERPOL_START) => self.interpolation(),
            _ => Err(self.unexpected()),
        }
    }

    fn attribute_path(&mut self) -> Done {
        let (since, start) = (self.open.len(), self.start());
        self.attribute()?;
        while self.take(Token::TOKEN_DOT) {
            self.attribute()?;
        }
        self.finish(Kind::AttributePath, since, start);
        Ok(())
    }

    fn bindings(&mut self, until: Token) -> Done {
        while !self.take(until) {
            let (since, start) = (self.open.len(), self.start());
            if self.take(Token::TOKEN_INHERIT) {
                let from = self.start();
                if self.take(Token::TOKEN_L_PAREN) {
                    self.expression()?;
                    self.expect(Token::TOKEN_R_PAREN)?;
                    self.finish(Kind::InheritFrom, since, from);
                }
                while !self.take(Token::TOKEN_SEMICOLON) {
                    self.attribute()?;
                }
                self.finish(Kind::Inherit, since, start);
                continue;
            }
            self.attribute_path()?;
            self.expect(Token::TOKEN_ASSIGN)?;
            self.expression()?;
            self.expect(Token::TOKEN_SEMICOLON)?;
            self.finish(Kind::Binding, since, start);
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Neither,
    /// An attribute path follows.
    Path,
}

const NOT: u8 = 9;
const NEGATE: u8 = 14;

/// Returns how strongly an operator binds, and to which side (`parser.y` of Nix).
const fn operator(token: Token) -> Option<(Token, u8, Side)> {
    let (binds, side) = match token {
        Token::TOKEN_PIPE_LEFT => (1, Side::Right),
        Token::TOKEN_PIPE_RIGHT => (2, Side::Left),
        Token::TOKEN_IMPLICATION => (3, Side::Right),
        Token::TOKEN_OR_OR => (4, Side::Left),
        Token::TOKEN_AND_AND => (5, Side::Left),
        Token::TOKEN_EQUAL | Token::TOKEN_NOT_EQUAL => (6, Side::Neither),
        Token::TOKEN_LESS
        | Token::TOKEN_LESS_OR_EQ
        | Token::TOKEN_MORE
        | Token::TOKEN_MORE_OR_EQ => (7, Side::Neither),
        Token::TOKEN_UPDATE => (8, Side::Right),
        Token::TOKEN_ADD | Token::TOKEN_SUB => (10, Side::Left),
        Token::TOKEN_MUL | Token::TOKEN_DIV => (11, Side::Left),
        Token::TOKEN_CONCAT => (12, Side::Right),
        Token::TOKEN_QUESTION => (13, Side::Path),
        _ => return None,
    };
    Some((token, binds, side))
}
