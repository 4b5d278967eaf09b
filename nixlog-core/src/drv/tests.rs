//! Tests of the three formats.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A derivation that owns everything, and knows how to write itself down.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recipe {
    outputs: Vec<[Vec<u8>; 4]>,
    inputs: Vec<(Vec<u8>, Node)>,
    sources: Vec<Vec<u8>>,
    system: Vec<u8>,
    builder: Vec<u8>,
    args: Vec<Vec<u8>>,
    env: Vec<(Vec<u8>, Vec<u8>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    outputs: Vec<Vec<u8>>,
    dynamic: Vec<(Vec<u8>, Self)>,
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut print: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        print(out, item);
    }
    out.push(b']');
}

fn texts(out: &mut Vec<u8>, items: &[Vec<u8>]) {
    list(out, items, |out, item| text(out, item));
}

fn node(out: &mut Vec<u8>, of: &(Vec<u8>, Node)) {
    out.push(b'(');
    text(out, &of.0);
    out.push(b',');
    if of.1.dynamic.is_empty() {
        texts(out, &of.1.outputs);
    } else {
        out.push(b'(');
        texts(out, &of.1.outputs);
        out.push(b',');
        list(out, &of.1.dynamic, node);
        out.push(b')');
    }
    out.push(b')');
}

impl Recipe {
    fn print(&self) -> Vec<u8> {
        let dynamic = self.inputs.iter().any(|(_, node)| !node.dynamic.is_empty());
        let mut out = Vec::from(match dynamic {
            true => &b"DrvWithVersion(\"xp-dyn-drv\","[..],
            false => b"Derive(",
        });
        list(&mut out, &self.outputs, |out, fields| {
            out.push(b'(');
            for (place, field) in fields.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                text(out, field);
            }
            out.push(b')');
        });
        out.push(b',');
        list(&mut out, &self.inputs, node);
        out.push(b',');
        texts(&mut out, &self.sources);
        out.push(b',');
        text(&mut out, &self.system);
        out.push(b',');
        text(&mut out, &self.builder);
        out.push(b',');
        texts(&mut out, &self.args);
        out.push(b',');
        list(&mut out, &self.env, |out, (key, value)| {
            out.push(b'(');
            text(out, key);
            out.push(b',');
            text(out, value);
            out.push(b')');
        });
        out.push(b')');
        out
    }

    fn of(derivation: &Derivation<'_>) -> Self {
        let own = |text: Text<'_>| text.decode().into_owned();
        let all = |list: List<'_, Text<'_>>| list.iter().map(own).collect();
        fn dynamic(list: List<'_, Dynamic<'_>>) -> Vec<(Vec<u8>, Node)> {
            list.iter()
                .map(|of| {
                    let outputs = of.outputs.iter().map(|text| text.decode().into_owned());
                    let node = Node {
                        outputs: outputs.collect(),
                        dynamic: dynamic(of.dynamic),
                    };
                    (of.output.decode().into_owned(), node)
                })
                .collect()
        }
        let inputs = derivation.inputs.iter().map(|input| {
            let node = Node {
                outputs: all(input.outputs),
                dynamic: dynamic(input.dynamic),
            };
            (own(input.path), node)
        });
        let outputs = derivation
            .outputs
            .iter()
            .map(|output| [output.name, output.path, output.hash_algorithm, output.hash].map(own));
        Self {
            outputs: outputs.collect(),
            inputs: inputs.collect(),
            sources: all(derivation.sources),
            system: own(derivation.system),
            builder: own(derivation.builder),
            args: all(derivation.args),
            env: derivation
                .env
                .iter()
                .map(|(key, value)| (own(key), own(value)))
                .collect(),
        }
    }
}

/// Bytes that a parser may trip over, among any others.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        prop::sample::select(&b"\"\\nrt\n\r\t()[],\0\xff\xc3"[..]),
        any::<u8>()
    ];
    vec(byte, 0..12)
}

fn nodes() -> impl Strategy<Value = Node> {
    let leaf = vec(hostile(), 0..3).prop_map(|outputs| Node {
        outputs,
        dynamic: Vec::new(),
    });
    leaf.prop_recursive(3, 12, 3, |inner| {
        (vec(hostile(), 0..3), vec((hostile(), inner), 0..3))
            .prop_map(|(outputs, dynamic)| Node { outputs, dynamic })
    })
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let output = [hostile(), hostile(), hostile(), hostile()];
    let texts = || vec(hostile(), 0..4);
    (
        vec(output, 0..3),
        vec((hostile(), nodes()), 0..4),
        texts(),
        (hostile(), hostile()),
        texts(),
        vec((hostile(), hostile()), 0..4),
    )
        .prop_map(
            |(outputs, inputs, sources, (system, builder), args, env)| Recipe {
                outputs,
                inputs,
                sources,
                system,
                builder,
                args,
                env,
            },
        )
}

proptest! {
    #[test]
    fn what_was_printed_is_read_back(recipe in recipes()) {
        let file = recipe.print();
        let derivation = Derivation::parse(&file).expect("well-formed");
        prop_assert_eq!(Recipe::of(&derivation), recipe);
    }

    #[test]
    fn mangled_files_are_refused_at_the_right_place(
        recipe in recipes(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut file = recipe.print();
        let at = at.index(file.len());
        if cut {
            file.truncate(at);
            let error = Derivation::parse(&file).expect_err("cut off");
            prop_assert!(error.offset <= at);
        } else {
            file[at] = byte;
            if let Ok(derivation) = Derivation::parse(&file) {
                // What changed lies inside a string; the rest is as it was.
                prop_assert_eq!(Recipe::of(&derivation).args.len(), derivation.args.len());
                prop_assert!(derivation.attributes().system_features.len() <= file.len());
            }
        }
    }

    #[test]
    fn json_of_any_kind_does_no_harm(text in "\\PC{0,40}") {
        drop((shown(text.as_bytes()), path_infos(text.as_bytes())));
    }
}

#[test]
fn every_kind_of_output() {
    let cases = [
        (
            r#"("out","/nix/store/x-d","","")"#,
            OutputKind::InputAddressed,
        ),
        (
            r#"("out","/nix/store/x-d","sha256","1ee4b4")"#,
            OutputKind::Fixed,
        ),
        (r#"("out","","r:sha256","")"#, OutputKind::Floating),
        (r#"("out","","","")"#, OutputKind::Deferred),
        (r#"("out","","r:sha256","impure")"#, OutputKind::Impure),
    ];
    for (output, kind) in cases {
        let file = format!(r#"Derive([{output}],[],[],"s","b",[],[])"#);
        let derivation = Derivation::parse(file.as_bytes()).expect("well-formed");
        let kinds: Vec<_> = derivation.outputs.iter().map(|o| o.kind()).collect();
        assert_eq!(kinds, [kind], "{output}");
        assert_eq!(derivation.is_fixed_output(), kind == OutputKind::Fixed);
    }
}

#[test]
fn errors_say_where() {
    let deep = 100;
    let deep = format!(
        r#"DrvWithVersion("xp-dyn-drv",[],[("d",{}["out"]{})],[],"","",[],[])"#,
        r#"([],[("o","#.repeat(deep),
        ")])".repeat(deep)
    );
    let cases = [
        ("", ParseErrorKind::NotADerivation, 0),
        ("Deriv", ParseErrorKind::NotADerivation, 0),
        ("\u{1f}\u{8b}", ParseErrorKind::NotADerivation, 0),
        (r#"DrvWithVersion("9","#, ParseErrorKind::UnknownVersion, 15),
        ("Derive([", ParseErrorKind::Unexpected, 8),
        (r#"Derive([],[],[],"x"#, ParseErrorKind::Unterminated, 16),
        (r#"Derive([],[],[],"x\"#, ParseErrorKind::Unterminated, 16),
        (r#"Derive([],[],["a",],"#, ParseErrorKind::Unexpected, 18),
        (r#"Derive([],[], []"#, ParseErrorKind::Unexpected, 13),
        (
            r#"Derive([],[],[],"","",[],[]);"#,
            ParseErrorKind::Trailing,
            28,
        ),
        (&deep, ParseErrorKind::TooDeep, 30 + 64 * 10 + 5),
    ];
    for (file, kind, offset) in cases {
        let error = Derivation::parse(file.as_bytes()).expect_err(file);
        assert_eq!(error.kind, kind, "{file}");
        if kind != ParseErrorKind::TooDeep {
            assert_eq!(error.offset, offset, "{file}");
        }
    }
    let with_line_feed = b"Derive([],[],[],\"\",\"\",[],[])\n";
    assert!(Derivation::parse(with_line_feed).is_ok());
}

#[test]
fn texts_borrow_unless_escaped() {
    let file = br#"Derive([],[],[],"plain","a\n\t\r\"\\\x",[],[])"#;
    let derivation = Derivation::parse(file).expect("well-formed");
    assert!(matches!(
        derivation.system.decode(),
        std::borrow::Cow::Borrowed(b"plain")
    ));
    assert_eq!(derivation.builder, "a\n\t\r\"\\x");
    assert_eq!(derivation.builder.raw().len(), 13);
}

#[test]
fn attributes_in_the_environment_and_structured() {
    let plain = br#"Derive([],[],[],"","",[],[("allowSubstitutes",""),("name","a-1"),("pname","a"),("preferLocalBuild","1"),("requiredSystemFeatures","big-parallel  kvm"),("version","1")])"#;
    let structured = br#"Derive([],[],[],"","",[],[("__json","{\"allowSubstitutes\":false,\"name\":\"a-1\",\"pname\":\"a\",\"preferLocalBuild\":true,\"requiredSystemFeatures\":[\"big-parallel\",\"kvm\"],\"version\":\"1\"}"),("out","/x")])"#;
    let shown_apart = br#"{"/x-a.drv":{"outputs":{},"env":{"out":"/x"},"structuredAttrs":{"allowSubstitutes":false,"name":"a-1","pname":"a","preferLocalBuild":true,"requiredSystemFeatures":["big-parallel","kvm"],"version":"1"}}}"#;
    let plain = Derivation::parse(plain).expect("well-formed").attributes();
    let structured = Derivation::parse(structured).expect("well-formed");
    assert_eq!(structured.attributes(), plain);
    assert_eq!(
        shown(shown_apart).expect("well-formed")[0].attributes(),
        plain
    );
    assert!(plain.prefers_local && !plain.allows_substitutes);
    assert_eq!(plain.system_features, ["big-parallel", "kvm"]);
    let broken = br#"Derive([],[],[],"","",[],[("__json","{"),("name","a")])"#;
    let broken = Derivation::parse(broken).expect("well-formed").attributes();
    assert_eq!(broken.name.as_deref(), Some("a"));
    assert!(broken.allows_substitutes && !broken.prefers_local);
}

/// The same derivation as each version prints it.
const SHOWN: [(&str, &str); 7] = [
    (
        "2.3",
        r#"{"/nix/store/9af9-d.drv":{"outputs":{"out":{"path":"/nix/store/5z1g-d"}},"inputSrcs":["/nix/store/4g71-b.sh"],"inputDrvs":{"/nix/store/8l01-b.drv":["dev","out"]},"platform":"x86_64-linux","builder":"/bin/sh","args":["-c","echo \"d\""],"env":{"name":"d","out":"/nix/store/5z1g-d"}}}"#,
    ),
    (
        "2.8",
        r#"{"/nix/store/9af9-d.drv":{"outputs":{"out":{"path":"/nix/store/5z1g-d"}},"inputSrcs":["/nix/store/4g71-b.sh"],"inputDrvs":{"/nix/store/8l01-b.drv":["dev","out"]},"system":"x86_64-linux","builder":"/bin/sh","args":["-c","echo \"d\""],"env":{"name":"d","out":"/nix/store/5z1g-d"}}}"#,
    ),
    (
        "2.15",
        r#"{"/nix/store/9af9-d.drv":{"args":["-c","echo \"d\""],"builder":"/bin/sh","env":{"name":"d","out":"/nix/store/5z1g-d"},"inputDrvs":{"/nix/store/8l01-b.drv":["dev","out"]},"inputSrcs":["/nix/store/4g71-b.sh"],"name":"d","outputs":{"out":{"path":"/nix/store/5z1g-d"}},"system":"x86_64-linux"}}"#,
    ),
    (
        "2.18 and Lix",
        r#"{"/nix/store/9af9-d.drv":{"args":["-c","echo \"d\""],"builder":"/bin/sh","env":{"name":"d","out":"/nix/store/5z1g-d"},"inputDrvs":{"/nix/store/8l01-b.drv":{"dynamicOutputs":{},"outputs":["dev","out"]}},"inputSrcs":["/nix/store/4g71-b.sh"],"name":"d","outputs":{"out":{"path":"/nix/store/5z1g-d"}},"system":"x86_64-linux"}}"#,
    ),
    (
        "2.30",
        r#"{"/nix/store/9af9-d.drv":{"args":["-c","echo \"d\""],"builder":"/bin/sh","env":{"name":"d","out":"/nix/store/5z1g-d"},"inputDrvs":{"/nix/store/8l01-b.drv":{"dynamicOutputs":{},"outputs":["dev","out"]}},"inputSrcs":["/nix/store/4g71-b.sh"],"name":"d","outputs":{"out":{"path":"/nix/store/5z1g-d"}},"structuredAttrs":null,"system":"x86_64-linux"}}"#,
    ),
    (
        "2.32",
        r#"{"9af9-d.drv":{"args":["-c","echo \"d\""],"builder":"/bin/sh","env":{"name":"d","out":"/nix/store/5z1g-d"},"inputDrvs":{"8l01-b.drv":{"dynamicOutputs":{},"outputs":["dev","out"]}},"inputSrcs":["4g71-b.sh"],"name":"d","outputs":{"out":{"path":"5z1g-d"}},"system":"x86_64-linux","version":3}}"#,
    ),
    (
        "2.34",
        r#"{"derivations":{"9af9-d.drv":{"args":["-c","echo \"d\""],"builder":"/bin/sh","env":{"name":"d","out":"/nix/store/5z1g-d"},"inputs":{"drvs":{"8l01-b.drv":{"dynamicOutputs":{},"outputs":["dev","out"]}},"srcs":["4g71-b.sh"]},"name":"d","outputs":{"out":{"path":"5z1g-d"}},"system":"x86_64-linux","version":4}},"version":4}"#,
    ),
];

#[test]
fn every_version_shows_the_same() {
    let base = |path: &str| path.rsplit('/').next().map(str::to_owned);
    for (version, json) in SHOWN {
        let all = shown(json.as_bytes()).expect(version);
        let [one] = all.as_slice() else {
            panic!("{version}: {} derivations", all.len());
        };
        assert_eq!(base(&one.path).as_deref(), Some("9af9-d.drv"), "{version}");
        let output = &one.outputs[0];
        assert_eq!(
            (&*output.name, output.kind),
            ("out", OutputKind::InputAddressed)
        );
        let path = output.path.as_deref().and_then(base);
        assert_eq!(path.as_deref(), Some("5z1g-d"), "{version}");
        assert_eq!(
            base(&one.inputs[0].path).as_deref(),
            Some("8l01-b.drv"),
            "{version}"
        );
        assert_eq!(one.inputs[0].outputs, ["dev", "out"], "{version}");
        assert_eq!(
            base(&one.sources[0]).as_deref(),
            Some("4g71-b.sh"),
            "{version}"
        );
        assert_eq!(
            (&*one.system, &*one.args[1]),
            ("x86_64-linux", "echo \"d\""),
            "{version}"
        );
        assert_eq!(one.attributes().name.as_deref(), Some("d"), "{version}");
    }
}

#[test]
fn shown_outputs_of_every_kind() {
    let cases = [
        (
            r#"{"path":"/nix/store/x","hash":"1ee4","hashAlgo":"r:sha256"}"#,
            OutputKind::Fixed,
            "x",
        ),
        (
            r#"{"path":"/nix/store/x","hash":"1ee4","hashAlgo":"sha256","method":"nar"}"#,
            OutputKind::Fixed,
            "x",
        ),
        (
            r#"{"hash":"sha256-HuS0","method":"flat"}"#,
            OutputKind::Fixed,
            "env",
        ),
        (
            r#"{"hashAlgo":"sha256","method":"nar"}"#,
            OutputKind::Floating,
            "",
        ),
        (
            r#"{"hashAlgo":"sha256","impure":true,"method":"nar"}"#,
            OutputKind::Impure,
            "",
        ),
        (r#"{"path":null}"#, OutputKind::Deferred, ""),
        ("{}", OutputKind::Deferred, ""),
    ];
    for (output, kind, path) in cases {
        let json = format!(
            r#"{{"x.drv":{{"outputs":{{"out":{output}}},"env":{{"out":"/nix/store/env"}}}}}}"#
        );
        let all = shown(json.as_bytes()).expect(output);
        let found = &all[0].outputs[0];
        let base = found
            .path
            .as_deref()
            .and_then(|path| path.rsplit('/').next());
        assert_eq!(
            (found.kind, base.unwrap_or_default()),
            (kind, path),
            "{output}"
        );
    }
    let dynamic = br#"{"x.drv":{"outputs":{},"inputDrvs":{"y.drv":{"outputs":[],"dynamicOutputs":{"out":{"outputs":["out"],"dynamicOutputs":{}}}}}}}"#;
    let all = shown(dynamic).expect("well-formed");
    assert_eq!(all[0].inputs[0].dynamic, ["out"]);
}

#[test]
fn every_version_of_path_info() {
    let cases = [
        r#"[{"path":"/nix/store/5z1g-d","narHash":"sha256-","narSize":120,"references":["/nix/store/8l01-b"],"deriver":"/nix/store/9af9-d.drv","ultimate":true},{"path":"/nix/store/none","valid":false}]"#,
        r#"{"/nix/store/5z1g-d":{"ca":null,"closureSize":120,"deriver":"/nix/store/9af9-d.drv","narHash":"sha256-","narSize":120,"references":["/nix/store/8l01-b"],"registrationTime":1,"signatures":[],"ultimate":true},"/nix/store/none":null}"#,
        r#"{"info":{"5z1g-d":{"deriver":"9af9-d.drv","narSize":120,"references":["8l01-b"],"storeDir":"/nix/store","version":2},"none":null},"storeDir":"/nix/store","version":2}"#,
    ];
    let base = |path: &str| path.rsplit('/').next().map(str::to_owned);
    for json in cases {
        let infos = path_infos(json.as_bytes()).expect(json);
        let [info] = infos.as_slice() else {
            panic!("{} paths in {json}", infos.len());
        };
        assert_eq!(base(&info.path).as_deref(), Some("5z1g-d"), "{json}");
        assert_eq!(info.nar_bytes, Some(120), "{json}");
        assert_eq!(
            base(&info.references[0]).as_deref(),
            Some("8l01-b"),
            "{json}"
        );
        assert_eq!(
            info.deriver.as_deref().and_then(base).as_deref(),
            Some("9af9-d.drv")
        );
    }
    assert!(
        path_infos(SHOWN[1].1.as_bytes()).is_err(),
        "derivations are no paths"
    );
    assert!(shown(cases[0].as_bytes()).is_err() && shown(cases[1].as_bytes()).is_err());
    assert!(shown(br#"{"x.drv":{"outputs":{}}"#).is_err(), "cut off");
}
