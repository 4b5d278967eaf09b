//! What a system says while it is activated, after Nix is done.
//!
//! `switch-to-configuration` of NixOS, the activation scripts of NixOS and nix-darwin, and
//! home-manager. The lines are plain words, and a builder may print the same, so most of them
//! count only after one that is unlikely elsewhere.

/// Lines that say that an activation is running, by how they start.
const STRONG: [&str; 22] = [
    // NixOS, with `would …` in dry runs.
    "activating the configuration...",
    "would activate the configuration...",
    "switching to system configuration /nix/store/",
    "updating GRUB 2 menu...",
    "setting up /etc...",
    "stopping the following units: ",
    "would stop the following units: ",
    "NOT restarting the following changed units: ",
    "would NOT restart the following changed units: ",
    "restarting the following units: ",
    "would restart the following units: ",
    "starting the following units: ",
    "would start the following units: ",
    "reloading the following units: ",
    "would reload the following units: ",
    "the following new units were started: ",
    "warning: the following units failed: ",
    "reloading user units for ",
    "restarting sysinit-reactivation.target",
    // nix-darwin.
    "setting up launchd services...",
    "setting up user launchd services...",
    // home-manager.
    "Starting Home Manager activation",
];

/// Lines that belong to an activation that is known to run, by how they start.
const WEAK: [&str; 22] = [
    "setting up ",
    "reloading ",
    "restarting ",
    "starting ",
    "stopping ",
    "updating ",
    "configuring ",
    "applying ",
    "cleaning up ",
    "copying ",
    "removing ",
    "creating ",
    "user defaults...",
    "system defaults...",
    "[agenix] ",
    "sops-install-secrets: ",
    "Activating ",
    "Creating ",
    "Cleaning up ",
    "No change so reusing ",
    "Done. The new configuration is ",
    "The user systemd session is degraded",
];

/// Tells whether a line is one of an activation, on its own.
pub(super) fn starts(line: &str) -> bool {
    STRONG.iter().any(|start| line.starts_with(start)) || is_home_manager_step(line)
}

/// Tells whether a line belongs to an activation that is running.
pub(super) fn continues(line: &str) -> bool {
    WEAK.iter().any(|start| line.starts_with(start))
}

/// `Activating linkGeneration`: one word in camel case.
fn is_home_manager_step(line: &str) -> bool {
    let Some(step) = line.strip_prefix("Activating ") else {
        return false;
    };
    step.starts_with(|first: char| first.is_ascii_lowercase())
        && step.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && step.bytes().any(|byte| byte.is_ascii_uppercase())
}
