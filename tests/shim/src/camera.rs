//! One open camera: what a Video4Linux capture driver keeps for a file descriptor, and its answers to ioctls.
//!
//! The descriptor is a timer, so that the program's own `poll` waits for the next picture as it would for a real one.
//! The picture is made when it is dequeued. Buffers are parts of one memory file that program and camera both map.

use std::collections::VecDeque;
use std::ffi::{c_int, c_ulong, c_void};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use fika_media::{Resolution, Timestamp};
use v4l2_sys_mit as abi;

use crate::device::{self, CAPTURE, Device, Mode, NOBODY, named, text};
use crate::hooks::Answer;
use crate::pictures::Pictures;
use crate::setup::{self, Fault, Format, Setup};
use crate::{nodes, real};

/// Buffers a program may ask for.
const MAX_BUFFERS: u32 = 8;
/// Distance of two buffers in the memory file; more than the largest picture has.
const BUFFER_SPACE: usize = 32 << 20;
const MMAP: u32 = abi::v4l2_memory_V4L2_MEMORY_MMAP;

pub(crate) struct Node {
    fd: c_int,
    number: usize,
    device: Arc<Device>,
    memory: c_int,
    buffers: Vec<Buffer>,
    /// Buffers that wait for a picture.
    queue: VecDeque<usize>,
    stream: Option<Pictures>,
    sequence: u32,
}

struct Buffer {
    start: *mut u8,
    length: usize,
}

// SAFETY: the mapping belongs to the buffer alone and the node is used by one thread at a time.
unsafe impl Send for Buffer {}

impl Node {
    /// Opens `/dev/video<number>`.
    pub(crate) fn open(number: usize) -> Answer {
        let setup = setup::get();
        for (fault, error) in [(Fault::Unplug, libc::ENOENT), (Fault::Busy, libc::EBUSY), (Fault::Deny, libc::EACCES)] {
            if setup.has(fault, number) {
                return Err(error);
            }
        }
        let device = device::all(setup).get(number).ok_or(libc::ENOENT)?.clone();
        // SAFETY: plain calls.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        if fd < 0 {
            return Err(last_error());
        }
        let (buffers, queue) = (Vec::new(), VecDeque::new());
        let node = Self { fd, number, device, memory: NOBODY, buffers, queue, stream: None, sequence: 0 };
        if nodes::insert(fd, node) {
            return Ok(fd);
        }
        // SAFETY: the descriptor was made here and is known to nobody else.
        unsafe { real::close(fd) };
        Err(libc::EMFILE)
    }

    /// Opens `/sys/class/video4linux/video<number>/name`.
    pub(crate) fn open_name(number: usize) -> Answer {
        let setup = setup::get();
        let device = setup.devices.get(number).filter(|_| !setup.has(Fault::Unplug, number)).ok_or(libc::ENOENT)?;
        let name = format!("{}\n", device.name);
        // SAFETY: the pointers are valid through the calls.
        unsafe {
            let fd = libc::memfd_create(c"name".as_ptr(), libc::MFD_CLOEXEC);
            if fd < 0 {
                return Err(last_error());
            }
            libc::pwrite(fd, name.as_ptr().cast(), name.len(), 0);
            Ok(fd)
        }
    }

    /// The memory file behind the buffers, for the program to map.
    pub(crate) fn memory(&self) -> c_int {
        self.memory
    }

    /// # Safety
    /// `argument` points to what the request says, as for the kernel.
    pub(crate) unsafe fn control(&mut self, request: c_ulong, argument: *mut c_void) -> Answer {
        const QUERYCAP: u32 = 0;
        const ENUM_FMT: u32 = 2;
        const G_FMT: u32 = 4;
        const S_FMT: u32 = 5;
        const REQBUFS: u32 = 8;
        const QUERYBUF: u32 = 9;
        const QBUF: u32 = 15;
        const DQBUF: u32 = 17;
        const STREAMON: u32 = 18;
        const STREAMOFF: u32 = 19;
        const G_PARM: u32 = 21;
        const S_PARM: u32 = 22;
        const TRY_FMT: u32 = 64;
        const ENUM_FRAMESIZES: u32 = 74;
        const ENUM_FRAMEINTERVALS: u32 = 75;

        // Direction, size of the argument, kind of device, number: the layout of ioctl requests.
        let (kind, number) = ((request >> 8 & 0xff) as u8, (request & 0xff) as u32);
        if kind != b'V' {
            return Err(libc::ENOTTY);
        }
        let setup = setup::get();
        if setup.has(Fault::Unplug, self.number) && ![STREAMOFF, REQBUFS].contains(&number) {
            return Err(libc::ENODEV);
        }
        // SAFETY: as promised by the caller.
        unsafe {
            match number {
                QUERYCAP => self.query_capabilities(&mut *argument.cast(), setup),
                ENUM_FMT => device::list_format(&mut *argument.cast(), setup),
                ENUM_FRAMESIZES => device::list_size(&mut *argument.cast(), setup),
                ENUM_FRAMEINTERVALS => device::list_interval(&mut *argument.cast(), setup),
                G_FMT => self.format(&mut *argument.cast()),
                S_FMT => self.set_format(&mut *argument.cast(), setup, true),
                TRY_FMT => self.set_format(&mut *argument.cast(), setup, false),
                G_PARM => self.parameters(&mut *argument.cast()),
                S_PARM => self.set_parameters(&mut *argument.cast(), setup),
                REQBUFS => self.request_buffers(&mut *argument.cast()),
                QUERYBUF => self.query_buffer(&mut *argument.cast()),
                QBUF => self.enqueue(&mut *argument.cast(), setup),
                DQBUF => self.dequeue(&mut *argument.cast(), setup),
                STREAMON => self.stream_on(setup),
                STREAMOFF => self.stream_off(),
                _ => Err(libc::ENOTTY),
            }
        }
    }

    fn query_capabilities(&self, out: &mut abi::v4l2_capability, setup: &Setup) -> Answer {
        let device = setup.devices.get(self.number).ok_or(libc::ENODEV)?;
        let kind = if device.pictures { abi::V4L2_CAP_VIDEO_CAPTURE } else { abi::V4L2_CAP_META_CAPTURE };
        text(&mut out.driver, "shim");
        text(&mut out.card, &device.name);
        text(&mut out.bus_info, &format!("shim-{}", self.number));
        out.version = 0x06_01_00;
        out.device_caps = kind | abi::V4L2_CAP_STREAMING;
        out.capabilities = out.device_caps | abi::V4L2_CAP_DEVICE_CAPS;
        Ok(0)
    }

    fn format(&self, out: &mut abi::v4l2_format) -> Answer {
        if out.type_ != CAPTURE {
            return Err(libc::EINVAL);
        }
        let mode = *self.mode();
        out.fmt.pix = abi::v4l2_pix_format {
            width: mode.size.width,
            height: mode.size.height,
            pixelformat: mode.format.map_or(u32::from_le_bytes(*b"GREY"), Format::fourcc),
            field: abi::v4l2_field_V4L2_FIELD_NONE,
            bytesperline: match mode.format {
                Some(Format::Yuyv) => mode.size.width * 2,
                Some(Format::Mjpg) => 0,
                _ => mode.size.width,
            },
            sizeimage: mode.format.unwrap_or(Format::Yuyv).bytes(mode.size),
            colorspace: abi::v4l2_colorspace_V4L2_COLORSPACE_SRGB,
            // SAFETY: the other fields are numbers.
            ..unsafe { std::mem::zeroed() }
        };
        Ok(0)
    }

    fn set_format(&mut self, out: &mut abi::v4l2_format, setup: &Setup, keep: bool) -> Answer {
        if out.type_ != CAPTURE {
            return Err(libc::EINVAL);
        }
        let owner = self.device.owner.load(Ordering::Acquire);
        if keep && owner != NOBODY {
            return Err(libc::EBUSY);
        }
        // SAFETY: the type says that this member is set.
        let wanted = unsafe { out.fmt.pix };
        let format = named(wanted.pixelformat, setup).or(setup.formats.first().copied()).ok_or(libc::EINVAL)?;
        let distance = |size: &Resolution| size.width.abs_diff(wanted.width) + size.height.abs_diff(wanted.height);
        let size = setup.sizes(format).into_iter().min_by_key(distance).ok_or(libc::EINVAL)?;
        let before = *self.mode();
        *self.mode() = Mode { format: Some(format), size, ..before };
        let answer = self.format(out);
        if !keep {
            *self.mode() = before;
        }
        answer
    }

    fn parameters(&self, out: &mut abi::v4l2_streamparm) -> Answer {
        let (numerator, denominator) = self.mode().interval;
        out.parm.capture = abi::v4l2_captureparm {
            capability: abi::V4L2_CAP_TIMEPERFRAME,
            capturemode: 0,
            timeperframe: abi::v4l2_fract { numerator, denominator },
            extendedmode: 0,
            readbuffers: 4,
            reserved: [0; 4],
        };
        Ok(0)
    }

    fn set_parameters(&mut self, out: &mut abi::v4l2_streamparm, setup: &Setup) -> Answer {
        // SAFETY: the device captures, so this member is set.
        let wanted = unsafe { out.parm.capture.timeperframe };
        let wanted = wanted.denominator / wanted.numerator.max(1);
        let rate = setup.rates.iter().min_by_key(|rate| rate.abs_diff(wanted)).ok_or(libc::EINVAL)?;
        self.mode().interval = (1, *rate);
        self.parameters(out)
    }

    fn request_buffers(&mut self, out: &mut abi::v4l2_requestbuffers) -> Answer {
        if out.memory != MMAP || out.type_ != CAPTURE {
            return Err(libc::EINVAL);
        }
        if self.stream.is_some() {
            return Err(libc::EBUSY);
        }
        self.release();
        out.count = out.count.min(MAX_BUFFERS);
        if out.count == 0 {
            return Ok(0);
        }
        let take = self.device.owner.compare_exchange(NOBODY, self.fd, Ordering::AcqRel, Ordering::Relaxed);
        take.map_err(|_| libc::EBUSY)?;
        let mode = *self.mode();
        let length = mode.format.unwrap_or(Format::Yuyv).bytes(mode.size) as usize;
        // SAFETY: the calls get valid pointers; each mapping is kept by its buffer and unmapped once.
        unsafe {
            self.memory = libc::memfd_create(c"camera".as_ptr(), libc::MFD_CLOEXEC);
            if self.memory < 0 || libc::ftruncate(self.memory, (BUFFER_SPACE * out.count as usize) as i64) < 0 {
                return Err(last_error());
            }
            for index in 0..out.count as usize {
                let (protection, offset) = (libc::PROT_READ | libc::PROT_WRITE, (index * BUFFER_SPACE) as i64);
                let start = real::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, self.memory, offset);
                if start == libc::MAP_FAILED {
                    return Err(last_error());
                }
                self.buffers.push(Buffer { start: start.cast(), length });
            }
        }
        Ok(0)
    }

    fn query_buffer(&self, out: &mut abi::v4l2_buffer) -> Answer {
        let index = out.index as usize;
        let buffer = self.buffers.get(index).ok_or(libc::EINVAL)?;
        out.length = buffer.length as u32;
        out.m.offset = (index * BUFFER_SPACE) as u32;
        out.memory = MMAP;
        out.flags = abi::V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        Ok(0)
    }

    fn enqueue(&mut self, out: &mut abi::v4l2_buffer, setup: &Setup) -> Answer {
        let index = out.index as usize;
        if index >= self.buffers.len() || self.queue.contains(&index) {
            return Err(libc::EINVAL);
        }
        self.queue.push_back(index);
        // From here on the program waits, and as on a camera that hangs, for ever.
        if self.stream.is_some() && setup.has(Fault::Stall, self.number) {
            self.tick(0);
        }
        Ok(0)
    }

    fn dequeue(&mut self, out: &mut abi::v4l2_buffer, setup: &Setup) -> Answer {
        let stream = self.stream.as_mut().ok_or(libc::EINVAL)?;
        let mut periods = 0_u64;
        // SAFETY: the timer fills eight bytes.
        let read = unsafe { libc::read(self.fd, (&raw mut periods).cast(), size_of::<u64>()) };
        if read < 0 {
            return Err(libc::EAGAIN);
        }
        // Skipped periods are lost pictures, as the numbers show.
        self.sequence = self.sequence.wrapping_add(periods as u32);
        let index = self.queue.pop_front().ok_or(libc::EAGAIN)?;
        let now = monotonic();
        let buffer = &self.buffers[index];
        // SAFETY: the mapping lives as long as the buffer. The program reads it only after this call.
        let picture = unsafe { std::slice::from_raw_parts_mut(buffer.start, buffer.length) };
        out.bytesused = stream.fill(picture, self.sequence, now, setup) as u32;
        out.index = index as u32;
        out.length = buffer.length as u32;
        out.m.offset = (index * BUFFER_SPACE) as u32;
        out.memory = MMAP;
        out.flags = abi::V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        out.field = abi::v4l2_field_V4L2_FIELD_NONE;
        out.sequence = self.sequence;
        out.timestamp.tv_sec = now.as_micros() / 1_000_000;
        out.timestamp.tv_usec = now.as_micros() % 1_000_000;
        Ok(0)
    }

    fn stream_on(&mut self, setup: &Setup) -> Answer {
        let mode = *self.mode();
        let format = mode.format.ok_or(libc::EINVAL)?;
        if self.buffers.is_empty() {
            return Err(libc::EINVAL);
        }
        let (numerator, denominator) = mode.interval;
        self.stream = Some(Pictures::new(format, mode.size, denominator, setup));
        self.sequence = 0;
        let period = i64::from(numerator) * 1_000_000_000 / i64::from(denominator.max(1));
        self.tick(if setup.has(Fault::Stall, self.number) { 0 } else { period });
        Ok(0)
    }

    fn stream_off(&mut self) -> Answer {
        self.tick(0);
        self.stream = None;
        self.queue.clear();
        Ok(0)
    }

    /// Pictures come every `period` nanoseconds from now on; zero: none.
    fn tick(&self, period: i64) {
        let every = libc::timespec { tv_sec: period / 1_000_000_000, tv_nsec: period % 1_000_000_000 };
        let timer = libc::itimerspec { it_interval: every, it_value: every };
        // SAFETY: the timer's settings live through the call.
        unsafe { libc::timerfd_settime(self.fd, 0, &timer, std::ptr::null_mut()) };
    }

    fn release(&mut self) {
        self.queue.clear();
        for buffer in self.buffers.drain(..) {
            // SAFETY: mapped once, unmapped once; the program has mappings of its own.
            unsafe { libc::munmap(buffer.start.cast(), buffer.length) };
        }
        if self.memory >= 0 {
            // SAFETY: the descriptor is this node's own.
            unsafe { real::close(self.memory) };
            self.memory = NOBODY;
        }
        let _ = self.device.owner.compare_exchange(self.fd, NOBODY, Ordering::AcqRel, Ordering::Relaxed);
    }

    fn mode(&self) -> MutexGuard<'_, Mode> {
        self.device.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.release();
    }
}

fn monotonic() -> Timestamp {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid through the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    Timestamp::from_micros(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)
}

fn last_error() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}
