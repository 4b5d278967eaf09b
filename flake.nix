{
  description = "nixlog, the profiler for Nix builds";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      forAllSystems = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});

      manifest = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).workspace.package;

      # Called with `callPackage`, by `packages` and by the overlay.
      nixlogPackage =
        {
          lib,
          stdenv,
          rustPlatform,
          installShellFiles,
        }:
        rustPlatform.buildRustPackage {
          pname = "nixlog";
          inherit (manifest) version;
          buildType = "dist";
          checkType = "release";

          # What the build and its tests read, so that a change elsewhere rebuilds nothing.
          src = lib.fileset.toSource {
            root = ./.;
            fileset = lib.fileset.unions [
              ./.ci
              ./Cargo.lock
              ./Cargo.toml
              ./README.md
              ./benches
              ./corpus
              ./nixlog-cli
              ./nixlog-core
              ./tests
            ];
          };

          cargoLock.lockFile = ./Cargo.lock;
          cargoTestFlags = [ "--workspace" ];

          # nixlog writes its completions and man pages itself, where the build machine can run it.
          nativeBuildInputs = [ installShellFiles ];
          postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
            for shell in bash fish zsh nushell; do
              $out/bin/nixlog completions $shell > nixlog.$shell
            done
            installShellCompletion nixlog.{bash,fish,zsh}
            install -Dm644 nixlog.nushell $out/share/nushell/vendor/autoload/nixlog.nu
            $out/bin/nixlog man man1
            installManPage man1/*
          '';

          meta = {
            description = "The profiler for Nix builds";
            license = [
              lib.licenses.mit
              lib.licenses.asl20
            ];
            mainProgram = "nixlog";
            platforms = lib.platforms.unix;
          };
        };
    in
    {
      packages = forAllSystems (pkgs: rec {
        nixlog = pkgs.callPackage nixlogPackage { };
        default = nixlog;
      });

      overlays.default = final: _prev: { nixlog = final.callPackage nixlogPackage { }; };

      nixosModules.default =
        {
          config,
          lib,
          pkgs,
          ...
        }:
        let
          cfg = config.programs.nixlog;
        in
        {
          options.programs.nixlog = {
            enable = lib.mkEnableOption "nixlog, the profiler for Nix builds";
            package = lib.mkOption {
              type = lib.types.package;
              default = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
              defaultText = lib.literalExpression "nixlog.packages.\${system}.default";
              description = "The nixlog package to install.";
            };
          };

          config = lib.mkIf cfg.enable { environment.systemPackages = [ cfg.package ]; };
        };

      devShells = forAllSystems (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.default ];
          packages = [
            pkgs.cargo-deny
            pkgs.clippy
            pkgs.just
            pkgs.rust-analyzer
            pkgs.rustfmt
          ];
        };
      });

      checks = forAllSystems (
        pkgs:
        let
          package = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
        in
        {
          # Its check phase runs the tests of the whole workspace.
          inherit package;

          # The first command of the README, with the program as installed.
          demo = pkgs.runCommand "nixlog-demo" { nativeBuildInputs = [ package ]; } ''
            nixlog phases ${./corpus/2.34.8-subst-subst-slow.ts.log.zst} > $out
          '';
        }
      );

      formatter = forAllSystems (pkgs: pkgs.nixfmt-tree);
    };
}
