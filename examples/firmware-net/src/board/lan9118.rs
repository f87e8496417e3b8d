//! The Ethernet controller of the board, SMSC LAN9118 (its datasheet, revision 1.5, chapter 5).
//!
//! The processor copies each frame out of and into the controller's FIFOs. The interrupt tells that a
//! frame has arrived, or that there is space for one to send; it is off while neither is awaited.

use core::ptr;
use core::task::Context;

use cortex_m::interrupt::InterruptNumber;
use embassy_net::driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::waitqueue::GenericAtomicWaker;
use static_cell::ConstStaticCell;

use super::ETHERNET;

/// That of QEMU's network. A product has it in an EEPROM.
const ADDRESS: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];

/// An Ethernet frame without its checksum, and its space in words.
const FRAME_LEN: usize = 1514;
const WORDS: usize = FRAME_LEN.div_ceil(4);
/// A checksum follows each received frame.
const CHECKSUM_LEN: usize = 4;
/// The two words of command before a frame to send.
const COMMAND_LEN: usize = 8;

const RX_DATA: Register = Register(0x4020_0000);
const TX_DATA: Register = Register(0x4020_0020);
const RX_STATUS: Register = Register(0x4020_0040);
const TX_STATUS: Register = Register(0x4020_0048);
const IRQ_CONFIG: Register = Register(0x4020_0054);
const IRQ_STATUS: Register = Register(0x4020_0058);
const IRQ_ENABLE: Register = Register(0x4020_005C);
const BYTE_TEST: Register = Register(0x4020_0064);
const FIFO_LEVELS: Register = Register(0x4020_0068);
const TX_CONFIG: Register = Register(0x4020_0070);
const HW_CONFIG: Register = Register(0x4020_0074);
const RX_USED: Register = Register(0x4020_007C);
const TX_USED: Register = Register(0x4020_0080);
const MAC_COMMAND: Register = Register(0x4020_00A4);
const MAC_DATA: Register = Register(0x4020_00A8);

/// The interrupts: the RX status FIFO is not empty, and the TX data FIFO has space for a frame.
const RECEIVED: u32 = 1 << 3;
const SENDABLE: u32 = 1 << 9;

// Registers of the MAC, which are reached by a command.
const MAC_CONTROL: u32 = 1;
const MAC_ADDRESS_HIGH: u32 = 2;
const MAC_ADDRESS_LOW: u32 = 3;

/// The only task that waits is that of the network stack.
static WAKER: GenericAtomicWaker<CriticalSectionRawMutex> =
    GenericAtomicWaker::new(CriticalSectionRawMutex::new());

/// The interrupt's number in the NVIC.
#[derive(Clone, Copy)]
pub(super) struct Line;

// SAFETY: always the same number, which is that of the board.
unsafe impl InterruptNumber for Line {
    fn number(self) -> u16 {
        ETHERNET.unsigned_abs()
    }
}

/// Wakes the task, which turns the interrupt on again when it waits again.
pub(super) fn on_interrupt() {
    #[cfg(feature = "count")]
    super::count::on_interrupt();
    IRQ_ENABLE.write(0);
    WAKER.wake();
}

/// A 32-bit register of the controller.
struct Register(usize);

impl Register {
    fn read(&self) -> u32 {
        // SAFETY: only this module creates registers. They are those of the controller: always mapped,
        // aligned, and not part of any Rust object.
        unsafe { ptr::with_exposed_provenance::<u32>(self.0).read_volatile() }
    }

    fn write(&self, value: u32) {
        // SAFETY: as for `read`.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(self.0).write_volatile(value) }
    }
}

/// Waits until the MAC has done a command.
fn mac_wait() {
    while MAC_COMMAND.read() >> 31 != 0 {}
}

fn mac_write(register: u32, value: u32) {
    mac_wait();
    MAC_DATA.write(value);
    MAC_COMMAND.write(1 << 31 | register);
    mac_wait();
}

fn mac_read(register: u32) -> u32 {
    mac_wait();
    MAC_COMMAND.write(1 << 31 | 1 << 30 | register);
    mac_wait();
    MAC_DATA.read()
}

type Frame = [u8; WORDS * 4];

/// The controller, with a frame in each direction.
pub(crate) struct Lan9118 {
    received: &'static mut Frame,
    unsent: &'static mut Frame,
}

impl Lan9118 {
    /// Resets the controller. Call this once: two of them would steal each other's frames.
    pub(super) fn open() -> Option<Self> {
        // Not part of the value, which is moved several times before it is where it stays.
        static FRAMES: ConstStaticCell<[Frame; 2]> = ConstStaticCell::new([[0; WORDS * 4]; 2]);
        if BYTE_TEST.read() != 0x8765_4321 {
            return None;
        }
        HW_CONFIG.write(1);
        while HW_CONFIG.read() & 1 != 0 {}
        // Store and forward; 5 KiB of the FIFO for sending.
        HW_CONFIG.write(1 << 20 | 5 << 16);
        let [low @ .., fifth, sixth] = ADDRESS;
        mac_write(MAC_ADDRESS_LOW, u32::from_le_bytes(low));
        mac_write(MAC_ADDRESS_HIGH, u32::from_le_bytes([fifth, sixth, 0, 0]));
        TX_CONFIG.write(1 << 1);
        // Full duplex, transmitter on, receiver on.
        mac_write(MAC_CONTROL, mac_read(MAC_CONTROL) | 1 << 20 | 1 << 3 | 1 << 2);
        // An interrupt from the first received frame on, and for space of 26 * 64 bytes.
        FIFO_LEVELS.write(26 << 24);
        // Active high, push-pull.
        IRQ_CONFIG.write(1 << 8 | 1 << 4 | 1);
        let [received, unsent] = FRAMES.try_take()?;
        Some(Self { received, unsent })
    }

    /// Copies the next frame without an error from the FIFO, and returns its length.
    fn receive_frame(&mut self) -> Option<usize> {
        while RX_USED.read() >> 16 & 0xFF != 0 {
            let status = RX_STATUS.read();
            let len = usize::try_from(status >> 16 & 0x3FFF).unwrap_or_default();
            let mut words = self.received.as_chunks_mut::<4>().0.iter_mut();
            for _ in 0..len.div_ceil(4) {
                let word = RX_DATA.read();
                if let Some(to) = words.next() {
                    *to = word.to_le_bytes();
                }
            }
            let is_whole = status & 1 << 15 == 0;
            let len = len.saturating_sub(CHECKSUM_LEN);
            if is_whole && 0 < len && len <= FRAME_LEN {
                return Some(len);
            }
        }
        None
    }

    /// Whether there is space for a frame to send.
    fn is_sendable() -> bool {
        // Nothing is done about a frame that was not sent: TCP sends its segment again.
        while TX_USED.read() >> 16 & 0xFF != 0 {
            TX_STATUS.read();
        }
        let space = usize::try_from(TX_USED.read() & 0xFFFF).unwrap_or_default();
        space >= FRAME_LEN.next_multiple_of(4) + COMMAND_LEN
    }

    /// Returns what `ready` returns. If that is nothing, `interrupt` wakes the task.
    fn wait<T>(
        &mut self,
        context: &Context<'_>,
        interrupt: u32,
        ready: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<T> {
        if let Some(it) = ready(self) {
            return Some(it);
        }
        WAKER.register(context.waker());
        IRQ_STATUS.write(interrupt);
        IRQ_ENABLE.write(IRQ_ENABLE.read() | interrupt);
        // What came before the interrupt was on does not wake.
        ready(self)
    }
}

pub(crate) struct Received<'a>(&'a mut [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

pub(crate) struct Unsent<'a>(&'a mut Frame);

impl TxToken for Unsent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let len = len.min(FRAME_LEN);
        let result = write(self.0.get_mut(..len).unwrap_or_default());
        let command_len = u32::try_from(len).unwrap_or_default();
        // The first and the last segment of the frame.
        TX_DATA.write(1 << 13 | 1 << 12 | command_len);
        TX_DATA.write(command_len);
        for word in self.0.as_chunks::<4>().0.iter().take(len.div_ceil(4)) {
            TX_DATA.write(u32::from_le_bytes(*word));
        }
        #[cfg(feature = "count")]
        super::count::on_sent(len);
        result
    }
}

impl Driver for Lan9118 {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Unsent<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Unsent<'_>)> {
        // A received frame may have to be answered.
        self.wait(context, SENDABLE, |_| Self::is_sendable().then_some(()))?;
        let len = self.wait(context, RECEIVED, Self::receive_frame)?;
        Some((Received(self.received.get_mut(..len)?), Unsent(self.unsent)))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Unsent<'_>> {
        self.wait(context, SENDABLE, |_| Self::is_sendable().then_some(()))?;
        Some(Unsent(self.unsent))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME_LEN;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(ADDRESS)
    }
}
