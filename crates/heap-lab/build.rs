//! Records which compiler built the lab, because a report without it cannot be compared with another.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=RUSTC");
    println!("cargo:rerun-if-changed=build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| String::from("rustc"));
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| String::from("unknown rustc"), |text| text.trim().to_owned());
    println!("cargo:rustc-env=HEAP_LAB_RUSTC={version}");
}
