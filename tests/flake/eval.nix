# Evaluates every output of flake.nix against a stub of nixpkgs, and says what it found:
#   nix-instantiate --eval --strict --json tests/flake/eval.nix
let
  nixpkgs = import ./stub-nixpkgs.nix;
  flake = import ../../flake.nix;
  self = flake.outputs { inherit self nixpkgs; };

  holds = fact: message: if fact then true else throw "flake.nix: ${message}";

  systems = builtins.attrNames self.packages;
  each = f: map f systems;
  package = self.packages.x86_64-linux.default;

  # The module system, as far as the module needs it: one module, its options set or left.
  module =
    enable:
    let
      args = {
        inherit (nixpkgs) lib;
        pkgs = nixpkgs.pkgsFor "x86_64-linux";
        config.programs.nixlog = {
          inherit enable;
          package = result.options.programs.nixlog.package.default;
        };
      };
      result = self.nixosModules.default args;
    in
    result;
  installed = enable: (module enable).config.environment.systemPackages or [ ];

  overlaid =
    let
      final = nixpkgs.pkgsFor "aarch64-linux" // self.overlays.default final { };
    in
    final.nixlog;
in
assert holds (builtins.attrNames flake.inputs == [ "nixpkgs" ]) "nixpkgs is the only input";
assert holds (builtins.length systems == 4) "four systems";
assert holds (package.pname == "nixlog" && package.meta.mainProgram == "nixlog") "the package";
assert holds (
  map (p: p.name) package.nativeBuildInputs == [ "installShellFiles" ] && package.postInstall != ""
) "the package has completions and man pages";
assert holds (overlaid.name == package.name) "the overlay gives the same package";
assert holds (
  map (p: p.name) (installed true) == [ package.name ]
) "the module installs the package";
assert holds (installed false == [ ]) "the module does nothing unless enabled";
assert holds (!(module false).options.programs.nixlog.enable.default) "the module is off by default";
{
  inherit (flake) description;
  inherit (package) name;
  inherit systems;
  outputs = builtins.attrNames self;
  source = package.src.files;
  lock = baseNameOf package.cargoLock.lockFile;
  meta = builtins.removeAttrs package.meta [ "platforms" ];
  packages = each (system: builtins.attrNames self.packages.${system});
  devShells = each (system: map (p: p.name) self.devShells.${system}.default.packages);
  checks = each (system: builtins.attrNames self.checks.${system});
  demo = each (system: self.checks.${system}.demo.script);
  formatter = each (system: self.formatter.${system}.name);
  module = map (p: p.name) (installed true);
}
