//! The UART of the nRF51 on the BBC micro:bit (nRF51 Series Reference Manual, chapter 29).

use super::Register;

pub(super) struct Line {
    rx_data: Register,
    rx_ready: Register,
    tx_data: Register,
    tx_ready: Register,
}

impl Line {
    pub(super) fn open() -> Self {
        let mut start_rx = Register(0x4000_2000);
        let mut start_tx = Register(0x4000_2008);
        let mut enable = Register(0x4000_2500);
        let mut baud_rate = Register(0x4000_2524);
        // 115,200 baud.
        baud_rate.write(0x01D7_E000);
        enable.write(4);
        start_rx.write(1);
        start_tx.write(1);
        Self {
            rx_data: Register(0x4000_2518),
            rx_ready: Register(0x4000_2108),
            tx_data: Register(0x4000_251C),
            tx_ready: Register(0x4000_211C),
        }
    }

    /// Returns the received byte, if there is one.
    pub(super) fn receive(&mut self) -> Option<u8> {
        if self.rx_ready.read() == 0 {
            return None;
        }
        // Clear this before reading the byte: the read sets it again if there is another byte.
        self.rx_ready.write(0);
        Some(self.rx_data.read().to_le_bytes()[0])
    }

    pub(super) fn transmit(&mut self, byte: u8) {
        self.tx_data.write(u32::from(byte));
        while self.tx_ready.read() == 0 {}
        self.tx_ready.write(0);
    }
}
