//! UART0 of the Arm MPS2 boards (CMSDK APB UART, Arm DDI 0479).

use super::Register;

const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;

pub(super) struct Line {
    data: Register,
    state: Register,
}

impl Line {
    pub(super) fn open() -> Self {
        let mut control = Register(0x4000_4008);
        let mut divider = Register(0x4000_4010);
        // 25 MHz / 217 = 115,200 baud.
        divider.write(217);
        // Enable transmitter and receiver.
        control.write(0b11);
        Self { data: Register(0x4000_4000), state: Register(0x4000_4004) }
    }

    /// Returns the received byte, if there is one.
    pub(super) fn receive(&mut self) -> Option<u8> {
        (self.state.read() & RX_FULL != 0).then(|| self.data.read().to_le_bytes()[0])
    }

    pub(super) fn transmit(&mut self, byte: u8) {
        while self.state.read() & TX_FULL != 0 {}
        self.data.write(u32::from(byte));
    }
}
