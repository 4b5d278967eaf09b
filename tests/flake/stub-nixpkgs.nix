# As much of nixpkgs as flake.nix touches, so that every output evaluates without a network.
# Derivations are plain attribute sets that remember what they were made from.
let
  genAttrs =
    names: f:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = f name;
      }) names
    );

  exists = path: if builtins.pathExists path then path else throw "no such path: ${toString path}";

  lib = {
    inherit genAttrs;
    optionalString = condition: text: if condition then text else "";
    licenses = {
      mit.spdxId = "MIT";
      asl20.spdxId = "Apache-2.0";
    };
    platforms.unix = [ "x86_64-linux" ];
    fileset = {
      unions = map exists;
      toSource =
        { root, fileset }:
        {
          root = exists root;
          files = map baseNameOf fileset;
        };
    };
    mkEnableOption = description: {
      inherit description;
      default = false;
    };
    mkOption = option: option;
    mkIf = condition: content: if condition then content else { };
    literalExpression = text: { inherit text; };
    types.package.name = "package";
  };

  pkgsFor =
    system:
    let
      pkgs = {
        inherit lib;
        stdenv = {
          hostPlatform.system = system;
          buildPlatform = {
            inherit system;
            canExecute = host: host.system == system;
          };
        };
        rustPlatform.buildRustPackage =
          args:
          args
          // {
            type = "derivation";
            name = "${args.pname}-${args.version}";
            cargoLock.lockFile = exists args.cargoLock.lockFile;
          };
        callPackage = f: extra: f (builtins.intersectAttrs (builtins.functionArgs f) pkgs // extra);
        mkShell = args: args // { type = "derivation"; };
        runCommand = name: env: script: {
          inherit name env script;
          type = "derivation";
        };
      }
      // genAttrs [ "cargo-deny" "clippy" "installShellFiles" "just" "nixfmt-tree" "rust-analyzer" "rustfmt" ] (name: {
        inherit name;
        type = "derivation";
      });
    in
    pkgs;
in
{
  inherit lib pkgsFor;
  legacyPackages = genAttrs [
    "x86_64-linux"
    "aarch64-linux"
    "x86_64-darwin"
    "aarch64-darwin"
  ] pkgsFor;
}
