//! The UART of the nRF51 on the BBC micro:bit (nRF51 Series Reference Manual, chapter 29).

use super::Register;

const START_RX: Register = Register(0x4000_2000);
const START_TX: Register = Register(0x4000_2008);
const RX_READY: Register = Register(0x4000_2108);
const TX_READY: Register = Register(0x4000_211C);
const ENABLE: Register = Register(0x4000_2500);
const RXD: Register = Register(0x4000_2518);
const TXD: Register = Register(0x4000_251C);
const BAUDRATE: Register = Register(0x4000_2524);

pub(super) fn open() {
    // 115,200 baud.
    BAUDRATE.write(0x01D7_E000);
    ENABLE.write(4);
    START_RX.write(1);
    START_TX.write(1);
}

pub(super) fn receive() -> Option<u8> {
    if RX_READY.read() == 0 {
        return None;
    }
    // Cleared first: reading RXD sets it again if another byte is there.
    RX_READY.write(0);
    Some(RXD.read().to_le_bytes()[0])
}

pub(super) fn transmit(byte: u8) {
    TXD.write(u32::from(byte));
    while TX_READY.read() == 0 {}
    TX_READY.write(0);
}
