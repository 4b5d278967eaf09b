//! `.drv` files from a graph.

use std::fmt::Write as _;

use super::graph::Graph;
use super::rng::Rng;

/// A `.drv` file: the base name of its path, and what is in it.
pub type File = (String, Vec<u8>);

/// The alphabet of Nix's base 32.
const BASE_32: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// Writes down a graph as derivations, the same for the same seed. `script` is how many bytes the
/// builder's environment has besides what each has: 2,300 make files of 3.5 kB, as nixpkgs' are.
#[must_use]
pub fn derivations(graph: &Graph, script: usize, seed: u64) -> Vec<File> {
    let mut rng = Rng::new(seed);
    let mut path = |node: usize, suffix: &str| {
        let hash: String = (0..32)
            .map(|_| char::from(BASE_32[rng.index(32)]))
            .collect();
        format!("{hash}-package-{node}-1.{}{suffix}", node % 90)
    };
    let files: Vec<String> = (0..graph.n_nodes).map(|node| path(node, ".drv")).collect();
    let outputs: Vec<String> = (0..graph.n_nodes).map(|node| path(node, "")).collect();
    let mut needs: Vec<Vec<u32>> = vec![Vec::new(); graph.n_nodes];
    for &(from, to) in &graph.edges {
        needs[from as usize].push(to);
    }
    let mut all = Vec::with_capacity(graph.n_nodes);
    for (node, mut needs) in needs.into_iter().enumerate() {
        needs.sort_by_key(|&to| &files[to as usize]);
        needs.dedup();
        all.push((
            files[node].clone(),
            file(&files, &outputs, node, &needs, script),
        ));
    }
    all
}

fn file(
    files: &[String],
    outputs: &[String],
    node: usize,
    needs: &[u32],
    script: usize,
) -> Vec<u8> {
    let out = &outputs[node];
    let mut text = format!("Derive([(\"out\",\"/nix/store/{out}\",\"\",\"\")],[");
    for (place, &to) in needs.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let to = &files[to as usize];
        write!(text, "{comma}(\"/nix/store/{to}\",[\"out\"])").expect("a String takes any text");
    }
    text += "],[\"/nix/store/4g71drq0qm9g69r8cja0fjqsnn27rajw-default-builder.sh\"],\"x86_64-linux\",\
             \"/nix/store/5cpl9cd7icn0p4yp5f8a0569grrs678g-bash-5.2/bin/bash\",\
             [\"-e\",\"/nix/store/4g71drq0qm9g69r8cja0fjqsnn27rajw-default-builder.sh\"],[(\"buildInputs\",\"";
    for &to in needs {
        write!(text, "/nix/store/{} ", outputs[to as usize]).expect("a String takes any text");
    }
    text += "\"),(\"builder\",\"/nix/store/5cpl9cd7icn0p4yp5f8a0569grrs678g-bash-5.2/bin/bash\")";
    for (place, key) in KEYS.iter().enumerate() {
        write!(text, ",(\"{key}\",\"{}\")", place % 2).expect("a String takes any text");
    }
    text += ",(\"installPhase\",\"";
    let line = "install -Dm755 bin/program $out/bin/program\\n  substituteInPlace x \\\\\\n";
    text.extend(line.chars().cycle().take(script / line.len() * line.len()));
    write!(text, "\"),(\"name\",\"package-{node}\"),(\"out\",\"/nix/store/{out}\"),(\"system\",\"x86_64-linux\")])")
        .expect("a String takes any text");
    text.into_bytes()
}

/// Variables that most derivations of nixpkgs have.
const KEYS: [&str; 12] = [
    "__structuredAttrs",
    "cmakeFlags",
    "configureFlags",
    "depsBuildBuild",
    "depsBuildTarget",
    "depsHostHost",
    "depsTargetTarget",
    "doCheck",
    "doInstallCheck",
    "enableParallelBuilding",
    "enableParallelChecking",
    "enableParallelInstalling",
];
