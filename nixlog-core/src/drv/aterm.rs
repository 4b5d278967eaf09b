//! The grammar of `.drv` files: Nix's own subset of the `ATerm` format.
//!
//! `parseDerivation` in Nix's `src/libstore/derivations.cc`. A file is one term in one line:
//!
//! ```text
//! Derive([outputs],[input derivations],[input sources],"system","builder",[args],[env])
//! DrvWithVersion("xp-dyn-drv",…the same…)
//! ```
//!
//! The name of a derivation is not in the file, but in the file's.

use std::fmt;

use memchr::memchr2;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{map, value};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser as _};

use super::attributes::Known;
use super::list::List;
use super::list::sealed::Parse;
use super::text::Text;

/// What a parser returns.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, Failure<'a>>;

/// How deep the outputs of dynamic derivations may nest. Each level is a derivation that is made by
/// a derivation; two are rare.
const MAX_DEPTH: u8 = 64;

/// The only version that `DrvWithVersion` has had (Nix 2.18 and later).
const DYNAMIC: &str = "xp-dyn-drv";

/// A derivation. Borrows from the bytes of its `.drv`; nothing is copied.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Derivation<'a> {
    /// What it makes.
    pub outputs: List<'a, Output<'a>>,
    /// The derivations whose outputs it needs.
    pub inputs: List<'a, Input<'a>>,
    /// The store paths that it needs as they are.
    pub sources: List<'a, Text<'a>>,
    /// The system it is built on: `x86_64-linux`, `builtin` …
    pub system: Text<'a>,
    /// The program that builds it, or `builtin:fetchurl` and the like.
    pub builder: Text<'a>,
    /// The builder's arguments.
    pub args: List<'a, Text<'a>>,
    /// The builder's environment, sorted by name.
    pub env: List<'a, (Text<'a>, Text<'a>)>,
    pub(super) known: Known<'a>,
}

impl<'a> Derivation<'a> {
    /// Reads a `.drv` file. White space at its end does not matter.
    ///
    /// # Errors
    ///
    /// Returns what is wrong, and where.
    ///
    /// # Examples
    ///
    /// ```
    /// use nixlog_core::drv::{Derivation, OutputKind};
    ///
    /// let file = br#"Derive([("out","/nix/store/5z1g-d","","")],[("/nix/store/8l01-b.drv",["out"])],[],"x86_64-linux","/bin/sh",["-c","echo \"d\""],[("name","d")])"#;
    /// let derivation = Derivation::parse(file)?;
    /// let output = derivation.outputs.iter().next().expect("there is one");
    /// assert_eq!((output.path, output.kind()), (output.path, OutputKind::InputAddressed));
    /// let input = derivation.inputs.iter().next().expect("there is one");
    /// assert_eq!(input.path, "/nix/store/8l01-b.drv");
    /// assert_eq!(derivation.args.iter().last().expect("there are two"), "echo \"d\"");
    /// # Ok::<(), nixlog_core::drv::ParseError>(())
    /// ```
    pub fn parse(file: &'a [u8]) -> Result<Self, ParseError> {
        let failure = match derivation(file) {
            Ok((rest, derivation)) if rest.trim_ascii().is_empty() => return Ok(derivation),
            Ok((rest, _)) => Failure {
                rest,
                kind: ParseErrorKind::Trailing,
            },
            Err(nom::Err::Error(failure) | nom::Err::Failure(failure)) => failure,
            // Only streaming parsers ask for more.
            Err(nom::Err::Incomplete(_)) => Failure {
                rest: &[],
                kind: ParseErrorKind::Unexpected,
            },
        };
        Err(ParseError {
            kind: failure.kind,
            offset: file.len() - failure.rest.len(),
        })
    }

    /// Returns the value of a variable of the builder's environment.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<Text<'a>> {
        let mut env = self.env.iter();
        env.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Tells whether an output's hash is known beforehand: then it may use the network.
    #[must_use]
    pub fn is_fixed_output(&self) -> bool {
        let mut outputs = self.outputs.iter();
        outputs.any(|output| output.kind() == OutputKind::Fixed)
    }
}

/// One output of a derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output<'a> {
    /// `out`, `dev`, `lib` …
    pub name: Text<'a>,
    /// Its store path; empty where it is known only after the build.
    pub path: Text<'a>,
    /// How its hash is made, `r:sha256`; empty for input-addressed ones.
    pub hash_algorithm: Text<'a>,
    /// Its hash in base 16, `impure`, or empty.
    pub hash: Text<'a>,
}

impl Output<'_> {
    /// Tells how the store path comes about.
    #[must_use]
    pub fn kind(&self) -> OutputKind {
        match (self.hash.raw(), self.hash_algorithm.is_empty()) {
            (b"impure", _) => OutputKind::Impure,
            (b"", true) if self.path.is_empty() => OutputKind::Deferred,
            (b"", true) => OutputKind::InputAddressed,
            (b"", false) => OutputKind::Floating,
            _ => OutputKind::Fixed,
        }
    }
}

/// How the store path of an output comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputKind {
    /// From the derivation.
    InputAddressed,
    /// From a hash that the derivation promises: it fetches something.
    Fixed,
    /// From what comes out, whatever that is.
    Floating,
    /// From the derivation, once the paths of its inputs are known.
    Deferred,
    /// From what comes out, which may differ each time.
    Impure,
}

/// A derivation that another needs.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Input<'a> {
    /// Its `.drv`.
    pub path: Text<'a>,
    /// The outputs that are wanted of it.
    pub outputs: List<'a, Text<'a>>,
    /// The outputs of it that are derivations themselves, and what is wanted of those.
    pub dynamic: List<'a, Dynamic<'a>>,
}

/// An output that is a derivation, and what is wanted of it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Dynamic<'a> {
    /// The output.
    pub output: Text<'a>,
    /// The outputs that are wanted of the derivation that it is.
    pub outputs: List<'a, Text<'a>>,
    /// Those that are derivations themselves.
    pub dynamic: List<'a, Self>,
}

/// What is wrong with a `.drv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// It does not begin like one.
    NotADerivation,
    /// `DrvWithVersion` with a version that this crate does not know.
    UnknownVersion,
    /// Something else than the grammar has at that place, or the end of the file.
    Unexpected,
    /// A string without end.
    Unterminated,
    /// Dynamic derivations in each other, deeper than anybody needs.
    TooDeep,
    /// Something after the end.
    Trailing,
}

/// What is wrong with a `.drv`, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// The byte at which reading stopped, from 0.
    pub offset: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ParseErrorKind::NotADerivation => "neither `Derive(` nor `DrvWithVersion(`",
            ParseErrorKind::UnknownVersion => "an unknown version of `DrvWithVersion`",
            ParseErrorKind::Unexpected => "not what a derivation has there",
            ParseErrorKind::Unterminated => "a string without end",
            ParseErrorKind::TooDeep => "dynamic derivations nested too deep",
            ParseErrorKind::Trailing => "something after the end of the derivation",
        };
        write!(f, "{what} at byte {}", self.offset)
    }
}

impl std::error::Error for ParseError {}

/// Where reading stopped, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    rest: &'a [u8],
    kind: ParseErrorKind,
}

impl<'a> nom::error::ParseError<&'a [u8]> for Failure<'a> {
    fn from_error_kind(rest: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Self {
            rest,
            kind: ParseErrorKind::Unexpected,
        }
    }

    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

fn fail<T>(rest: &[u8], kind: ParseErrorKind) -> Parsed<'_, T> {
    Err(nom::Err::Failure(Failure { rest, kind }))
}

fn derivation(input: &[u8]) -> Parsed<'_, Derivation<'_>> {
    let versioned = preceded(tag("DrvWithVersion("), terminated(version, tag(",")));
    let (rest, ()) = match alt((value((), tag("Derive(")), versioned)).parse(input) {
        Err(nom::Err::Error(_)) => return fail(input, ParseErrorKind::NotADerivation),
        started => started?,
    };
    let (rest, outputs) = terminated(list, tag(",")).parse(rest)?;
    let (rest, inputs) = terminated(list, tag(",")).parse(rest)?;
    let (rest, sources) = terminated(list, tag(",")).parse(rest)?;
    let (rest, system) = terminated(text, tag(",")).parse(rest)?;
    let (rest, builder) = terminated(text, tag(",")).parse(rest)?;
    let (rest, args) = terminated(list, tag(",")).parse(rest)?;
    let mut known = Known::default();
    let env = |rest| List::parse_each(rest, MAX_DEPTH, |(name, value)| known.see(name, value));
    let (rest, env) = terminated(env, tag(")")).parse(rest)?;
    let derivation = Derivation {
        outputs,
        inputs,
        sources,
        system,
        builder,
        args,
        env,
        known,
    };
    Ok((rest, derivation))
}

/// Reads the version; one that is not known may mean anything, so that is the end.
fn version(input: &[u8]) -> Parsed<'_, ()> {
    match text(input)? {
        (rest, version) if version == DYNAMIC => Ok((rest, ())),
        _ => fail(input, ParseErrorKind::UnknownVersion),
    }
}

fn list<'a, T: super::list::Element<'a>>(input: &'a [u8]) -> Parsed<'a, List<'a, T>> {
    List::parse(input, MAX_DEPTH)
}

/// Reads a string. Bytes are looked at in blocks, and only quotes and backslashes one by one.
fn text(input: &[u8]) -> Parsed<'_, Text<'_>> {
    let (inner, _) = tag("\"").parse(input)?;
    let (mut at, mut escaped) = (0, false);
    loop {
        let found = inner.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest));
        at += match found {
            Some(found) => found,
            None => return fail(input, ParseErrorKind::Unterminated),
        };
        if inner[at] == b'"' {
            return Ok((&inner[at + 1..], Text::new(&inner[..at], escaped)));
        }
        escaped = true;
        at += 2;
    }
}

impl<'a> Parse<'a> for Text<'a> {
    fn parse(input: &'a [u8], _: u8) -> Parsed<'a, Self> {
        text(input)
    }
}

impl<'a> Parse<'a> for (Text<'a>, Text<'a>) {
    fn parse(input: &'a [u8], _: u8) -> Parsed<'a, Self> {
        let pair = (terminated(text, tag(",")), text);
        delimited(tag("("), pair, tag(")")).parse(input)
    }
}

impl<'a> Parse<'a> for Output<'a> {
    fn parse(input: &'a [u8], _: u8) -> Parsed<'a, Self> {
        let fields = (
            terminated(text, tag(",")),
            terminated(text, tag(",")),
            terminated(text, tag(",")),
            text,
        );
        let output = map(fields, |(name, path, hash_algorithm, hash)| Self {
            name,
            path,
            hash_algorithm,
            hash,
        });
        delimited(tag("("), output, tag(")")).parse(input)
    }
}

impl<'a> Parse<'a> for Input<'a> {
    fn parse(input: &'a [u8], depth: u8) -> Parsed<'a, Self> {
        let fields = (terminated(text, tag(",")), |node| wanted(node, depth));
        let input_derivation = map(fields, |(path, (outputs, dynamic))| Self {
            path,
            outputs,
            dynamic,
        });
        delimited(tag("("), input_derivation, tag(")")).parse(input)
    }
}

impl<'a> Parse<'a> for Dynamic<'a> {
    fn parse(input: &'a [u8], depth: u8) -> Parsed<'a, Self> {
        let Some(depth) = depth.checked_sub(1) else {
            return fail(input, ParseErrorKind::TooDeep);
        };
        let fields = (terminated(text, tag(",")), |node| wanted(node, depth));
        let dynamic = map(fields, |(output, (outputs, dynamic))| Self {
            output,
            outputs,
            dynamic,
        });
        delimited(tag("("), dynamic, tag(")")).parse(input)
    }
}

type Wanted<'a> = (List<'a, Text<'a>>, List<'a, Dynamic<'a>>);

/// Reads what is wanted of a derivation: `["out"]`, or `(["out"],[("drv",["out"])])`.
fn wanted(input: &[u8], depth: u8) -> Parsed<'_, Wanted<'_>> {
    if input.first() == Some(&b'[') {
        let (rest, outputs) = List::parse(input, depth)?;
        return Ok((rest, (outputs, List::default())));
    }
    let both = (terminated(list, tag(",")), |nested| {
        List::parse(nested, depth)
    });
    delimited(tag("("), both, tag(")")).parse(input)
}
