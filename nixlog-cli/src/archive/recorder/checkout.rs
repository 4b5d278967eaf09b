//! What is checked out where a build runs, read from the files of git and of flakes: no program is run for it.

use std::fs;
use std::path::{Path, PathBuf};

use nixlog_core::recording::Header;
use serde_json::Value;

/// A lock file is small; what is larger is none.
const MOST: u64 = 16 << 20;

/// Adds to a header what is checked out in its working directory.
pub(super) fn describe(header: &mut Header) {
    let Some(cwd) = header.cwd.as_deref().map(Path::new) else {
        return;
    };
    let git = cwd.ancestors().find(|folder| folder.join(".git").exists());
    header.revision = git.and_then(revision);
    let folders = cwd.ancestors();
    // Above the checkout nothing belongs to it.
    let end = git.map(Path::parent);
    let mut folders = folders.take_while(|folder| end.is_none_or(|end| Some(*folder) != end));
    let lock = folders
        .by_ref()
        .take(if git.is_some() { usize::MAX } else { 1 })
        .map(|folder| folder.join("flake.lock"))
        .find(|lock| lock.is_file());
    header.inputs_modified = lock.as_deref().and_then(inputs_modified);
}

/// Returns the revision that a checkout is at.
fn revision(checkout: &Path) -> Option<String> {
    let dot_git = checkout.join(".git");
    // In a worktree or a submodule, `.git` is a file that says where the folder is.
    let git = match fs::read_to_string(&dot_git) {
        Ok(text) => checkout.join(text.strip_prefix("gitdir:")?.trim()),
        Err(_) => dot_git,
    };
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(branch) = head.trim().strip_prefix("ref: ") else {
        return hash(&head);
    };
    let common = fs::read_to_string(git.join("commondir")).ok();
    let common: PathBuf = common.map_or_else(|| git.clone(), |path| git.join(path.trim()));
    let loose = [&git, &common]
        .into_iter()
        .find_map(|folder| fs::read_to_string(folder.join(branch)).ok());
    if let Some(loose) = loose {
        return hash(&loose);
    }
    let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
    let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
    lines
        .find(|(_, name)| *name == branch)
        .and_then(|(revision, _)| hash(revision))
}

fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| text.to_owned())
}

/// Returns when the newest input of a lock file was changed.
fn inputs_modified(lock: &Path) -> Option<i64> {
    if lock.metadata().ok()?.len() > MOST {
        return None;
    }
    let lock: Value = serde_json::from_slice(&fs::read(lock).ok()?).ok()?;
    let nodes = lock.get("nodes")?.as_object()?;
    let modified = nodes
        .values()
        .filter_map(|node| node.get("locked")?.get("lastModified")?.as_i64());
    modified.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_checked_out() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (root, inside) = (folder.path().join("x"), folder.path().join("x/a/b"));
        fs::create_dir_all(&inside)?;
        fs::create_dir_all(root.join(".git/refs/heads"))?;
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let described = || {
            let mut header = Header {
                cwd: Some(inside.display().to_string()),
                ..Header::default()
            };
            describe(&mut header);
            (header.revision, header.inputs_modified)
        };
        assert_eq!(described(), (None, None));
        fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n")?;
        fs::write(
            root.join(".git/packed-refs"),
            format!("# pack\n{one} refs/heads/main\n"),
        )?;
        assert_eq!(described(), (Some(one), None));
        fs::write(root.join(".git/refs/heads/main"), format!("{two}\n"))?;
        let lock = r#"{"nodes":{"a":{"locked":{"lastModified":5}},"b":{"locked":{"lastModified":9}},"root":{}}}"#;
        fs::write(root.join("flake.lock"), lock)?;
        assert_eq!(described(), (Some(two.clone()), Some(9)));
        fs::write(root.join(".git/HEAD"), format!("{two}\n"))?;
        assert_eq!(described().0, Some(two));
        // Above the checkout is another project.
        fs::rename(root.join("flake.lock"), folder.path().join("flake.lock"))?;
        assert_eq!(described().1, None);
        Ok(())
    }
}
