//! The numbers of errors in sealed state. They never change; a new error takes the next one.

use super::Error;
use crate::bytes::seal::UnsealError;

/// The errors in the order of their numbers.
const ERRORS: [Error; 19] = [
    Error::ReservedBits,
    Error::ReservedOpcode,
    Error::FragmentedControl,
    Error::ControlTooLong,
    Error::NonMinimalLength,
    Error::LengthTopBit,
    Error::Unmasked,
    Error::Masked,
    Error::UnexpectedContinuation,
    Error::ExpectedContinuation,
    Error::InvalidUtf8,
    Error::CloseTooShort,
    Error::InvalidCloseCode,
    Error::FrameTooLong,
    Error::MessageTooLong,
    Error::TooManyFragments,
    Error::InvalidDeflate,
    Error::TooSlow,
    Error::UnexpectedEof,
];

impl Error {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::ReservedBits => 0,
            Self::ReservedOpcode => 1,
            Self::FragmentedControl => 2,
            Self::ControlTooLong => 3,
            Self::NonMinimalLength => 4,
            Self::LengthTopBit => 5,
            Self::Unmasked => 6,
            Self::Masked => 7,
            Self::UnexpectedContinuation => 8,
            Self::ExpectedContinuation => 9,
            Self::InvalidUtf8 => 10,
            Self::CloseTooShort => 11,
            Self::InvalidCloseCode => 12,
            Self::FrameTooLong => 13,
            Self::MessageTooLong => 14,
            Self::TooManyFragments => 15,
            Self::InvalidDeflate => 16,
            Self::TooSlow => 17,
            Self::UnexpectedEof => 18,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self, UnsealError> {
        ERRORS.get(usize::from(number)).copied().ok_or(UnsealError::Invalid)
    }
}
