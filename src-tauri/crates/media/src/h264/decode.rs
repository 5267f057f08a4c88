//! openh264 decoder. Owns the decoder instance and its pool of pictures; runs on a decode thread.
//!
//! A picture comes out with the access unit that completes it. Pictures still in use when the pool is full are joined
//! by freshly allocated ones.

use std::ptr::null_mut;

use openh264::OpenH264API;
use openh264::decoder::DecoderConfig;
use openh264_sys2::SBufferInfo;

use super::gate::{Gate, Passed, Refused};
use crate::frame::Pool;
use crate::{CodecError, EncodedFrame, I420, Resolution, VideoDecoder, VideoFrame};

/// Decodes what its [`Gate`] lets through.
pub struct Decoder {
    gate: Gate,
    decoder: Option<openh264::decoder::Decoder>,
    pool: Pool,
    passed: Vec<u8>,
}

impl Decoder {
    pub fn new(gate: Gate) -> Self {
        Self { gate, decoder: None, pool: Pool::default(), passed: Vec::new() }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Gate::default())
    }
}

impl VideoDecoder for Decoder {
    fn decode(&mut self, frame: &EncodedFrame) -> Result<Option<VideoFrame>, CodecError> {
        let Passed::Picture { keyframe, size, restart } =
            self.gate.pass(&frame.payload, &mut self.passed).map_err(refused)?
        else {
            return Ok(None);
        };
        if restart {
            self.decoder = None;
        }
        let used = self.decoder.is_some();
        let mut image = self.pool.take(size);
        let mut decoded = decode(instance(&mut self.decoder)?, &self.passed, &mut image);
        if keyframe && used && !matches!(decoded, Ok(true)) {
            // What damage left behind in the decoder must not cost this keyframe, which needs nothing from before.
            self.decoder = None;
            decoded = decode(instance(&mut self.decoder)?, &self.passed, &mut image);
        }
        if !decoded? {
            return Ok(None);
        }
        Ok(Some(VideoFrame { pts: frame.pts, image: self.pool.share(image) }))
    }
}

fn instance(decoder: &mut Option<openh264::decoder::Decoder>) -> Result<&mut openh264::decoder::Decoder, CodecError> {
    match decoder {
        Some(decoder) => Ok(decoder),
        empty => {
            let new = openh264::decoder::Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new());
            Ok(empty.insert(new.map_err(|error| CodecError::Failed(error.to_string()))?))
        }
    }
}

fn refused(reason: Refused) -> CodecError {
    match reason {
        Refused::NeedsKeyframe => CodecError::Damaged("a keyframe is needed first"),
        Refused::Syntax => CodecError::Damaged("the syntax is broken"),
        Refused::Profile(_) => CodecError::Unsupported("the profile"),
        Refused::Feature(what) => CodecError::Unsupported(what),
        Refused::Size => CodecError::Unsupported("the picture size"),
        Refused::TooMany => CodecError::Unsupported("so many parameter sets, NAL units or bytes"),
    }
}

/// Writes the picture into `image`, which has the announced size. False: no picture came out.
fn decode(decoder: &mut openh264::decoder::Decoder, data: &[u8], image: &mut I420) -> Result<bool, CodecError> {
    let len = i32::try_from(data.len()).map_err(|_| CodecError::Unsupported("so many bytes"))?;
    let mut planes = [null_mut::<u8>(); 3];
    let mut info = SBufferInfo::default();
    // SAFETY: `data` is readable for `len` bytes, `planes` has the three pointers that openh264 fills, and both
    // outlive the call. None of the decoder's own parameters is touched.
    let state =
        unsafe { decoder.raw_api().decode_frame_no_delay(data.as_ptr(), len, planes.as_mut_ptr(), &raw mut info) };
    if state != 0 {
        return Err(CodecError::Damaged("the decoder found an error"));
    }
    if info.iBufferStatus != 1 || planes.iter().any(|plane| plane.is_null()) {
        return Ok(false);
    }
    // SAFETY: with status 1 the union holds the system buffer.
    let buffer = unsafe { info.UsrData.sSystemBuffer };
    let found = (u32::try_from(buffer.iWidth), u32::try_from(buffer.iHeight));
    let size = image.size();
    if found != (Ok(size.width), Ok(size.height)) {
        return Err(CodecError::Damaged("the picture has another size than announced"));
    }
    let chroma = Resolution::new(size.width.div_ceil(2), size.height.div_ceil(2));
    let strides = [buffer.iStride[0], buffer.iStride[1], buffer.iStride[1]];
    let (y, u, v) = image.planes_mut();
    for (((plane, stride), out), size) in planes.into_iter().zip(strides).zip([y, u, v]).zip([size, chroma, chroma]) {
        let (width, height) = (size.width as usize, size.height as usize);
        let stride = usize::try_from(stride).ok().filter(|stride| (width..=MAX_STRIDE).contains(stride));
        let stride = stride.ok_or(CodecError::Damaged("the stride is too short"))?;
        // SAFETY: openh264 guarantees `stride` bytes for each row; the last row is only read up to its width. The
        // buffer is valid until the next call of the decoder.
        let source = unsafe { std::slice::from_raw_parts(plane, stride * (height - 1) + width) };
        for (from, to) in source.chunks(stride).zip(out.chunks_exact_mut(width)) {
            to.copy_from_slice(&from[..width]);
        }
    }
    Ok(true)
}

/// The largest picture with its padding needs less.
const MAX_STRIDE: usize = 8192;
