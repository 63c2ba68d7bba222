//! Steps of the clock and a full disk, for one process and its children: a library that is loaded before the system's.

use std::fs::{File, Permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// The control of one process.
pub struct Shim {
    control: File,
    folder: TempDir,
    disk: String,
}

/// The library, compiled once a run; a C compiler is there, because Rust links with it.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<TempDir> = OnceLock::new();
    let folder = LIBRARY.get_or_init(|| {
        let folder = TempDir::new().expect("a folder");
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
        let (mut compiler, library) = (Command::new("cc"), folder.path().join("shim.so"));
        compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(library).arg(source).arg("-ldl");
        let made = compiler.output().expect("cc runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        folder
    });
    static PATH: OnceLock<std::path::PathBuf> = OnceLock::new();
    PATH.get_or_init(|| folder.path().join("shim.so"))
}

impl Shim {
    /// One that changes nothing yet; `disk` is what of a path makes a file one of the disk that can be full.
    pub fn new(disk: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
        let control = File::create(folder.path().join("control")).expect("a file");
        control.write_all_at(&[0; 16], 0).expect("nothing is changed");
        Self { control, folder, disk: disk.to_owned() }
    }

    /// What a process needs in its environment to be subject to it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let control = self.folder.path().join("control");
        vec![
            ("LD_PRELOAD".to_owned(), library().display().to_string()),
            ("FAULTS_CONTROL".to_owned(), control.display().to_string()),
            ("FAULTS_DISK".to_owned(), self.disk.clone()),
        ]
    }

    /// Sets the clock so many seconds before or behind the real one.
    pub fn step_clock(&self, seconds: i64) {
        self.control.write_all_at(&seconds.to_ne_bytes(), 0).expect("the clock steps");
    }

    /// Lets the disk be full, or have room again.
    pub fn fill_disk(&self, full: bool) {
        self.control.write_all_at(&i64::from(full).to_ne_bytes(), 8).expect("the disk is full");
    }
}
