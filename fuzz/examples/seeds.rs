//! Writes the bytes of all transcripts into the corpora:
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.

#[path = "../../tests/support/event.rs"]
mod event;
#[path = "../../tests/support/frame.rs"]
mod frame;
#[path = "../../tests/support/transcript.rs"]
mod transcript;

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (index, (_, server, bytes)) in transcript::seeds().into_iter().enumerate() {
        if bytes.len() > 4000 {
            continue;
        }
        // The flags, then how the wire is read or cut, then 0: the rest is the wire itself.
        let receive = if server { "receive_server" } else { "receive_client" };
        let side = if server { 8 } else { 0 };
        for (target, flags, hows) in [
            (receive, 0, &[0, 1][..]),
            ("split", side, &[0x30, 0x60, 0x70]),
            ("differential", side, &[0, 1]),
            ("messages", side, &[0]),
            ("wslay", side, &[0, 1]),
        ] {
            let corpus = corpora.join(target);
            fs::create_dir_all(&corpus)?;
            for how in hows {
                fs::write(
                    corpus.join(format!("transcript_{index:03}_{how}")),
                    [&[flags, *how, 0], &bytes[..]].concat(),
                )?;
            }
        }
    }
    Ok(())
}
