//! Storage of every kind, also one whose allocator fails.

use barews::{Storage, StorageFull};

/// The capacity of the `heapless::Vec`.
const HEAPLESS: usize = 300;

pub enum Memory {
    Fixed(Box<[u8]>),
    Heapless(Box<heapless::Vec<u8, HEAPLESS>>),
    Growing(Vec<u8>),
    /// The allocator refuses more than this length.
    Failing(Vec<u8>, usize),
}

impl Memory {
    /// A storage from one byte: often a growing one, or a tiny one.
    pub fn new(byte: u8) -> Self {
        let n = usize::from(byte);
        match byte {
            0..64 => Self::Fixed(vec![0; 4 * n].into()),
            64..80 => Self::Fixed(vec![0; 8 * n].into()),
            80..96 => Self::Heapless(Box::default()),
            96..112 => Self::Failing(Vec::new(), 64 * (n - 96)),
            _ => Self::Growing(Vec::new()),
        }
    }

    /// The length that it can reach.
    pub fn most(&self) -> usize {
        match self {
            Self::Fixed(bytes) => bytes.len(),
            Self::Heapless(_) => HEAPLESS,
            Self::Growing(_) => usize::MAX,
            Self::Failing(_, most) => *most,
        }
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Fixed(bytes) => bytes,
            Self::Heapless(bytes) => bytes,
            Self::Growing(bytes) | Self::Failing(bytes, _) => bytes,
        }
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Fixed(bytes) => bytes,
            Self::Heapless(bytes) => bytes,
            Self::Growing(bytes) | Self::Failing(bytes, _) => bytes,
        }
    }
}

impl Storage for Memory {
    fn max_len(&self) -> usize {
        match self {
            Self::Fixed(bytes) => bytes.len(),
            Self::Heapless(bytes) => bytes.max_len(),
            Self::Growing(bytes) | Self::Failing(bytes, _) => bytes.max_len(),
        }
    }

    fn try_grow(&mut self, len: usize) -> Result<(), StorageFull> {
        match self {
            Self::Fixed(bytes) => bytes.try_grow(len),
            Self::Heapless(bytes) => bytes.try_grow(len),
            Self::Growing(bytes) => bytes.try_grow(len),
            Self::Failing(bytes, most) if len <= *most => bytes.try_grow(len),
            Self::Failing(..) => Err(StorageFull { needed: len }),
        }
    }
}
