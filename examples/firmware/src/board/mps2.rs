//! UART0 of the Arm MPS2 boards (CMSDK APB UART, Arm DDI 0479).

use super::Register;

const DATA: Register = Register(0x4000_4000);
const STATE: Register = Register(0x4000_4004);
const CTRL: Register = Register(0x4000_4008);
const BAUDDIV: Register = Register(0x4000_4010);

const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;

pub(super) fn open() {
    // 25 MHz / 217 = 115,200 baud.
    BAUDDIV.write(217);
    // Transmitter and receiver on.
    CTRL.write(0b11);
}

pub(super) fn receive() -> Option<u8> {
    (STATE.read() & RX_FULL != 0).then(|| DATA.read().to_le_bytes()[0])
}

pub(super) fn transmit(byte: u8) {
    while STATE.read() & TX_FULL != 0 {}
    DATA.write(u32::from(byte));
}
