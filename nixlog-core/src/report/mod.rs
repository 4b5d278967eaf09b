//! Results made readable: one set of views, several renderings of them.
//!
//! [`view`] fills in names and units; its types are the JSON contract. [`document`] lays a view out
//! as a verdict, tables and notes, and [`text`], [`markdown`] and [`csv`] print that. So every format
//! shows the same numbers. A timeline can also be drawn: [`html`], [`svg`] and [`chrome`] print its
//! view.

mod axis;
pub mod chrome;
pub mod csv;
pub mod document;
pub mod dot;
mod drawing;
pub mod format;
pub mod graphml;
pub mod html;
pub mod json;
pub mod markdown;
pub mod svg;
pub mod text;
pub mod view;
