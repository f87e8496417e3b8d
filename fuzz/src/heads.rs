//! Cuts for heads, and what every head that is written must be.

/// The first byte says how many cuts follow as bytes, each sixteen bytes wide at most behind the one
/// before; the rest are the bytes to read. 255 means byte by byte.
pub fn cuts(data: &[u8]) -> Option<(Vec<usize>, &[u8])> {
    let (&count, rest) = data.split_first()?;
    if count == 255 {
        return Some(((0..rest.len()).collect(), rest));
    }
    let (steps, bytes) = rest.split_at_checked(usize::from(count % 16))?;
    let mut at = 0;
    let cuts = steps.iter().map(|step| {
        at += usize::from(*step);
        at
    });
    Some((cuts.collect(), bytes))
}

/// CR and LF are line ends only, and the one empty line is the last.
pub fn clean(head: &[u8]) {
    let lines = head.strip_suffix(b"\r\n\r\n").expect("a head ends with an empty line");
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.is_empty() && !line.contains(&b'\r') && !line.contains(&0));
    }
}
