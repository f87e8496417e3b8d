//! Declarations from `wslay/wslay.h`, a C library, as far as benches and fuzz targets need them.
#![allow(dead_code, reason = "each caller uses a part of it")]

use std::ffi::{c_int, c_void};

#[repr(C)]
pub struct Context {
    _private: [u8; 0],
}

#[repr(C)]
pub struct Received {
    pub rsv: u8,
    pub opcode: u8,
    pub msg: *const u8,
    pub msg_length: usize,
    pub status_code: u16,
}

#[repr(C)]
pub struct Message {
    pub opcode: u8,
    pub msg: *const u8,
    pub msg_length: usize,
}

type Receive = extern "C" fn(*mut Context, *mut u8, usize, c_int, *mut c_void) -> isize;
type Send = extern "C" fn(*mut Context, *const u8, usize, c_int, *mut c_void) -> isize;
type Key = extern "C" fn(*mut Context, *mut u8, usize, *mut c_void) -> c_int;
type OnMessage = extern "C" fn(*mut Context, *const Received, *mut c_void);

#[repr(C)]
pub struct Callbacks {
    pub recv: Receive,
    pub send: Send,
    pub genmask: Key,
    pub on_frame_recv_start: Option<extern "C" fn()>,
    pub on_frame_recv_chunk: Option<extern "C" fn()>,
    pub on_frame_recv_end: Option<extern "C" fn()>,
    pub on_msg_recv: OnMessage,
}

#[link(name = "wslay")]
unsafe extern "C" {
    pub fn wslay_event_context_server_init(
        context: *mut *mut Context,
        callbacks: *const Callbacks,
        user_data: *mut c_void,
    ) -> c_int;
    pub fn wslay_event_context_client_init(
        context: *mut *mut Context,
        callbacks: *const Callbacks,
        user_data: *mut c_void,
    ) -> c_int;
    pub fn wslay_event_context_free(context: *mut Context);
    pub fn wslay_event_config_set_max_recv_msg_length(context: *mut Context, max: u64);
    pub fn wslay_event_set_error(context: *mut Context, error: c_int);
    pub fn wslay_event_recv(context: *mut Context) -> c_int;
    pub fn wslay_event_send(context: *mut Context) -> c_int;
    pub fn wslay_event_get_read_enabled(context: *mut Context) -> c_int;
    pub fn wslay_event_queue_msg(context: *mut Context, message: *const Message) -> c_int;
    pub fn wslay_event_queue_close(
        context: *mut Context,
        code: u16,
        reason: *const u8,
        reason_length: usize,
    ) -> c_int;
}
