//! From `.drv` files and their kin to nodes and edges.

use serde_json::Value;

use super::builder::GraphBuilder;
use super::model::{NodeIdx, NodeKind, Recipe};
use crate::drv::{Attributes, Derivation, PathInfo, STRUCTURED, Shown, Text};
use crate::store_path::base_name;

impl GraphBuilder {
    /// Adds what a `.drv` file says. `path` is the file's; a store directory in it does not matter.
    ///
    /// A derivation that is made by another one is known only once that is built; what needs it
    /// depends on what makes it.
    pub fn add_derivation(&mut self, path: &str, derivation: &Derivation<'_>) -> NodeIdx {
        let index = self.derivation(
            path,
            &derivation.system.to_text(),
            &derivation.attributes(),
            derivation.is_fixed_output(),
        );
        for output in derivation.outputs {
            let path = (!output.path.is_empty()).then(|| output.path.to_text());
            self.output(index, &output.name.to_text(), path.as_deref());
        }
        for input in derivation.inputs {
            let on = self.node(&input.path.to_text());
            let dynamic = input.dynamic.iter().map(|dynamic| dynamic.output);
            let outputs = input.outputs.iter().chain(dynamic);
            self.depend_on(index, on, outputs.map(Text::to_text));
        }
        for source in derivation.sources {
            self.need(index, &source.to_text());
        }
        self.recipe(index, || {
            let owned = |text: Text<'_>| Box::from(text.to_text());
            let env = derivation.env.iter();
            Recipe {
                builder: owned(derivation.builder),
                args: derivation.args.iter().map(owned).collect(),
                env: variables(env.map(|(name, value)| (owned(name), owned(value))), None),
            }
        });
        index
    }

    /// Adds a derivation as `nix derivation show` prints it.
    pub fn add_shown(&mut self, shown: &Shown<'_>) -> NodeIdx {
        let index = self.derivation(
            &shown.path,
            &shown.system,
            &shown.attributes(),
            shown.is_fixed_output(),
        );
        for output in &shown.outputs {
            self.output(index, &output.name, output.path.as_deref());
        }
        for input in &shown.inputs {
            let on = self.node(&input.path);
            let outputs = input.outputs.iter().chain(&input.dynamic);
            self.depend(index, on, outputs.map(|name| &**name));
        }
        for source in &shown.sources {
            self.need(index, source);
        }
        self.recipe(index, || {
            let env = shown.env.iter();
            let env = env.map(|(name, value)| (Box::from(&**name), Box::from(&**value)));
            Recipe {
                builder: (&*shown.builder).into(),
                args: shown.args.iter().map(|arg| Box::from(&**arg)).collect(),
                env: variables(env, shown.structured.clone()),
            }
        });
        index
    }

    /// Adds a store path and what it refers to.
    ///
    /// The references hang on the path and not on the derivation that makes it: whoever substitutes
    /// the path waits for them, whoever builds it waits for the inputs of the derivation. Those of a
    /// `.drv` are its inputs, and count where the file itself is not at hand.
    pub fn add_path_info(&mut self, info: &PathInfo<'_>) -> NodeIdx {
        let index = self.node(&info.path);
        let is_derivation = base_name(&info.path).ends_with(".drv");
        let node = self.node_mut(index);
        node.nar_bytes = info.nar_bytes.or(node.nar_bytes);
        if is_derivation {
            for reference in &info.references {
                let on = self.node(reference);
                self.hear(index, on);
            }
            return index;
        }
        node.kind = NodeKind::Path;
        for reference in &info.references {
            self.need(index, reference);
        }
        index
    }

    /// Adds a node for a derivation whose file is at hand.
    fn derivation(
        &mut self,
        path: &str,
        system: &str,
        attributes: &Attributes<'_>,
        is_fixed_output: bool,
    ) -> NodeIdx {
        let index = self.node(path);
        let node = self.node_mut(index);
        node.kind = NodeKind::Derivation;
        node.is_fixed_output = is_fixed_output;
        node.prefers_local = attributes.prefers_local;
        node.allows_substitutes = attributes.allows_substitutes;
        node.system = system.into();
        index
    }

    /// Says that a node needs a path, all of it.
    fn need(&mut self, index: NodeIdx, path: &str) {
        let on = self.node(path);
        self.depend(index, on, []);
    }
}

/// Takes structured attributes apart, which may be in a variable: each is one of its own.
fn variables(
    env: impl Iterator<Item = (Box<str>, Box<str>)>,
    mut structured: Option<Value>,
) -> Vec<(Box<str>, Box<str>)> {
    let mut all: Vec<(Box<str>, Box<str>)> = Vec::with_capacity(env.size_hint().0);
    for (name, value) in env {
        match (*name == *STRUCTURED).then(|| serde_json::from_str(&value)) {
            Some(Ok(json)) => structured = Some(json),
            _ => all.push((name, value)),
        }
    }
    if let Some(Value::Object(attributes)) = structured {
        let attributes = attributes.into_iter();
        all.extend(attributes.map(|(name, value)| (name.into(), flat(value).into())));
    }
    all
}

/// Writes a structured attribute as a variable would have it: a list of texts is joined by blanks.
fn flat(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(list) if list.iter().all(Value::is_string) => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            texts.join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::DerivationGraph;
    use super::*;
    use crate::drv::{path_infos, shown};

    /// `app` needs `lib`'s `out` and a source; `lib`'s `out` refers to `libc`, which nobody makes.
    const DRVS: [(&str, &str); 2] = [
        (
            "/nix/store/1-app.drv",
            r#"Derive([("out","/nix/store/2-app","","")],[("/nix/store/3-lib.drv",["out"])],["/nix/store/4-app.c"],"x86_64-linux","/bin/sh",[],[("preferLocalBuild","1")])"#,
        ),
        (
            "/nix/store/3-lib.drv",
            r#"Derive([("dev","/nix/store/5-lib-dev","",""),("out","/nix/store/6-lib","","")],[],[],"x86_64-linux","/bin/sh",[],[])"#,
        ),
    ];

    const SHOWN: &str = r#"{"derivations":{
        "1-app.drv":{"outputs":{"out":{"path":"2-app"}},"inputs":{"drvs":{"3-lib.drv":{"outputs":["out"],"dynamicOutputs":{}}},"srcs":["4-app.c"]},"system":"x86_64-linux","builder":"/bin/sh","env":{"preferLocalBuild":"1"}},
        "3-lib.drv":{"outputs":{"dev":{"path":"5-lib-dev"},"out":{"path":"6-lib"}},"inputs":{"drvs":{},"srcs":[]},"system":"x86_64-linux","builder":"/bin/sh"}},"version":4}"#;

    const INFOS: &str = r#"{"/nix/store/6-lib":{"narSize":9,"references":["/nix/store/7-libc","/nix/store/6-lib"]},
        "/nix/store/7-libc":{"narSize":1,"references":[]},
        "/nix/store/1-app.drv":{"narSize":2,"references":["/nix/store/8-hearsay.drv"]},
        "/nix/store/9-other.drv":{"narSize":2,"references":["/nix/store/1-app.drv"]}}"#;

    fn from_files() -> GraphBuilder {
        let mut builder = GraphBuilder::default();
        for (path, file) in DRVS {
            let derivation = Derivation::parse(file.as_bytes()).expect("well-formed");
            builder.add_derivation(path, &derivation);
        }
        builder
    }

    /// Everything that a graph says, in order.
    fn said(graph: &DerivationGraph) -> Vec<String> {
        let mut all: Vec<String> = graph
            .nodes()
            .map(|node| {
                let edges: Vec<_> = graph
                    .dependencies(node)
                    .map(|(on, why)| (graph.base_name(on), &why.outputs))
                    .collect();
                format!("{} {:?} {edges:?}", graph.base_name(node), graph.node(node))
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn files_and_json_say_the_same() {
        let from_files = from_files().finish().expect("no cycle");
        let mut builder = GraphBuilder::default();
        for shown in shown(SHOWN.as_bytes()).expect("well-formed").iter().rev() {
            builder.add_shown(shown);
        }
        let from_json = builder.clone().finish().expect("no cycle");
        assert_eq!(said(&from_json), said(&from_files));
        for (path, file) in DRVS {
            let derivation = Derivation::parse(file.as_bytes()).expect("well-formed");
            builder.add_derivation(path, &derivation);
        }
        let twice = builder.finish().expect("no cycle");
        assert_eq!(said(&twice), said(&from_files));
        let app = twice.find("1-app.drv").expect("added");
        assert!(twice.node(app).prefers_local && twice.node(app).allows_substitutes);
    }

    #[test]
    fn recipes_are_kept_where_somebody_asks() {
        let shown_json = r#"{"1-a.drv":{"outputs":{"out":{"path":"2-a"}},"inputDrvs":{},"inputSrcs":[],"system":"s","builder":"b","args":["-e","x"],"env":{"out":"/2-a"},"structuredAttrs":{"deep":{"a":1},"list":["p","q"],"name":"a"}}}"#;
        let file = r#"Derive([("out","2-a","","")],[],[],"s","b",["-e","x"],[("__json","{\"deep\":{\"a\":1},\"list\":[\"p\",\"q\"],\"name\":\"a\"}"),("out","/2-a")])"#;
        let want = [
            ("out", "/2-a"),
            ("deep", r#"{"a":1}"#),
            ("list", "p q"),
            ("name", "a"),
        ];
        let derivation = Derivation::parse(file.as_bytes()).expect("well-formed");
        let shown = shown(shown_json.as_bytes()).expect("well-formed");
        for keep in [false, true] {
            for from_file in [false, true] {
                let mut builder = GraphBuilder::default();
                if keep {
                    builder.keep_recipes();
                }
                let node = match from_file {
                    true => builder.add_derivation("1-a.drv", &derivation),
                    false => builder.add_shown(&shown[0]),
                };
                let graph = builder.finish().expect("no cycle");
                let recipe = graph.recipe(node);
                assert_eq!(recipe.is_some(), keep);
                let Some(recipe) = recipe else { continue };
                let env: Vec<(&str, &str)> = recipe
                    .env
                    .iter()
                    .map(|(name, value)| (&**name, &**value))
                    .collect();
                assert_eq!(env, want, "from a file: {from_file}");
                assert_eq!((&*recipe.builder, recipe.args.len()), ("b", 2));
            }
        }
    }

    #[test]
    fn references_hang_on_the_path() {
        let mut builder = from_files();
        for info in path_infos(INFOS.as_bytes()).expect("well-formed") {
            builder.add_path_info(&info);
        }
        let graph = builder.finish().expect("no cycle");
        let references = graph.references("/nix/store/6-lib").map(Iterator::collect);
        assert_eq!(references, Some(vec!["7-libc"]));
        assert_eq!(graph.references("2-app").map(Iterator::count), None);
        let lib = graph.find("3-lib.drv").expect("added");
        assert_eq!(graph.dependencies(lib).count(), 0);
        assert_eq!(graph.maker("6-lib"), Some((lib, 1)));
        // A file counts more than what the database says about it.
        let app = graph.find("1-app.drv").expect("added");
        assert_eq!(graph.dependencies(app).count(), 2);
        let other = graph.find("9-other.drv").expect("named");
        assert_eq!(graph.node(other).kind, NodeKind::Missing);
        let needs: Vec<_> = graph.dependencies(other).map(|(on, _)| on).collect();
        assert_eq!(needs, [app]);
    }

    #[test]
    fn a_derivation_that_is_made_depends_on_its_maker() {
        let file = r#"DrvWithVersion("xp-dyn-drv",[("out","","","")],[("/nix/store/1-maker.drv",([],[("out",["bin"])]))],[],"s","b",[],[])"#;
        let maker = r#"Derive([("out","","text:sha256","")],[],[],"s","b",[],[])"#;
        let mut builder = GraphBuilder::default();
        for (path, file) in [("2-user.drv", file), ("1-maker.drv", maker)] {
            let derivation = Derivation::parse(file.as_bytes()).expect("well-formed");
            builder.add_derivation(path, &derivation);
        }
        let graph = builder.finish().expect("no cycle");
        let user = graph.find("2-user.drv").expect("added");
        let needs: Vec<_> = graph.dependencies(user).collect();
        assert_eq!(graph.base_name(needs[0].0), "1-maker.drv");
        assert_eq!(needs[0].1.outputs, [0; 0], "all that there are");
    }
}
