//! openh264 encoder. Owns the encoder instance; runs on the encode thread.
//!
//! Bitrate and frame rate change without a keyframe. A frame of another size makes a new instance, which starts with
//! new parameter sets and an IDR picture. A picture that the rate control skips is answered with `None`; a keyframe
//! that was asked for with it is made with the next picture.

use std::ptr::null_mut;

use bytes::Bytes;
use openh264_sys2::{
    CONSTANT_ID, DEBLOCKING_IDC_0, ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE,
    ENCODER_OPTION_TRACE_LEVEL, EProfileIdc, ISVCEncoder, PRO_BASELINE, PRO_MAIN, RC_BITRATE_MODE, SBitrateInfo,
    SEncParamExt, SFrameBSInfo, SM_SINGLE_SLICE, SPATIAL_LAYER_ALL, SSourcePicture, WELS_LOG_QUIET, source::APILoader,
    videoFormatI420, videoFrameTypeIDR, videoFrameTypeSkip,
};

use super::annexb;
use crate::{CodecError, EncodedFrame, Resolution, Timestamp, VideoEncoder, VideoFrame};

/// What the far side can decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Constrained Baseline with CAVLC (42e0xx): every browser.
    Baseline,
    /// Main with CABAC (4d00xx): 5 to 8 VMAF better at low rates.
    #[default]
    Main,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// At least 16x16 and at most 3840x2160. Odd sizes lose their last column or row.
    pub resolution: Resolution,
    /// Pictures a second.
    pub frame_rate: f32,
    /// Target in bits a second.
    pub bitrate: u32,
    pub profile: Profile,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            resolution: Resolution::new(1280, 720),
            frame_rate: 30.0,
            bitrate: 1_500_000,
            profile: Profile::default(),
        }
    }
}

/// Least and largest target in bits a second; others are moved to the nearer one.
pub const BITRATE: std::ops::RangeInclusive<u32> = 20_000..=100_000_000;
/// Least and largest pictures a second; others are moved to the nearer one.
pub const FRAME_RATE: std::ops::RangeInclusive<f32> = 1.0..=60.0;

/// H.264 encoder: one slice, one thread, no periodic keyframes.
pub struct Encoder {
    config: Config,
    instance: Instance,
    keyframe_due: bool,
    /// Time zero of the rate control.
    origin: Option<Timestamp>,
}

impl Encoder {
    pub fn new(config: Config) -> Result<Self, CodecError> {
        let config = Config { bitrate: bitrate(config.bitrate), frame_rate: frame_rate(config.frame_rate), ..config };
        Ok(Self { instance: Instance::new(&config)?, config, keyframe_due: false, origin: None })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }
}

impl VideoEncoder for Encoder {
    fn encode(&mut self, frame: &VideoFrame, force_keyframe: bool) -> Result<Option<EncodedFrame>, CodecError> {
        if frame.size() != self.config.resolution {
            let config = Config { resolution: frame.size(), ..self.config };
            self.instance = Instance::new(&config)?;
            self.config = config;
            self.origin = None;
        }
        self.keyframe_due |= force_keyframe;
        if self.keyframe_due {
            self.instance.force_keyframe()?;
        }
        let elapsed = frame.pts.since(*self.origin.get_or_insert(frame.pts));
        let Some((payload, keyframe)) = self.instance.encode(frame, elapsed.as_millis() as i64)? else {
            return Ok(None);
        };
        self.keyframe_due &= !keyframe;
        Ok(Some(EncodedFrame { pts: frame.pts, keyframe, payload }))
    }

    fn set_bitrate(&mut self, bits_per_second: u32) -> Result<(), CodecError> {
        let target = bitrate(bits_per_second);
        let mut info = SBitrateInfo { iLayer: SPATIAL_LAYER_ALL, iBitrate: target as i32 };
        self.instance.set(ENCODER_OPTION_BITRATE, &mut info)?;
        self.config.bitrate = target;
        Ok(())
    }

    fn set_frame_rate(&mut self, frames_per_second: f32) -> Result<(), CodecError> {
        let mut rate = frame_rate(frames_per_second);
        self.instance.set(ENCODER_OPTION_FRAME_RATE, &mut rate)?;
        self.config.frame_rate = rate;
        Ok(())
    }
}

fn bitrate(wanted: u32) -> u32 {
    wanted.clamp(*BITRATE.start(), *BITRATE.end())
}

fn frame_rate(wanted: f32) -> f32 {
    // Also for NaN.
    wanted.min(*FRAME_RATE.end()).max(*FRAME_RATE.start())
}

/// One openh264 encoder, initialised.
struct Instance {
    pointer: *mut ISVCEncoder,
}

// SAFETY: the encoder has no thread of its own and no thread-local state; it is used by one thread at a time.
unsafe impl Send for Instance {}

/// Calls a method of the encoder's function table.
macro_rules! call {
    ($instance:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: `pointer` is a live encoder, and each caller's arguments live through the call.
        unsafe {
            match (**$instance.pointer).$method {
                Some(method) => method($instance.pointer $(, $argument)*),
                None => return Err(CodecError::Failed(concat!("no ", stringify!($method)).to_owned())),
            }
        }
    }};
}

impl Instance {
    fn new(config: &Config) -> Result<Self, CodecError> {
        let Resolution { width, height } = config.resolution;
        let (long, short) = (width.max(height), width.min(height));
        if short < 16 || long > 3840 || short > 2160 {
            return Err(CodecError::Unsupported("the picture size"));
        }
        let mut pointer = null_mut();
        // SAFETY: openh264 writes one pointer.
        let created = unsafe { APILoader::WelsCreateSVCEncoder(&raw mut pointer) };
        if created != 0 || pointer.is_null() {
            return Err(CodecError::Failed(format!("no encoder: {created}")));
        }
        let instance = Self { pointer };
        let mut quiet = WELS_LOG_QUIET;
        instance.set(ENCODER_OPTION_TRACE_LEVEL, &mut quiet)?;
        let mut parameters = SEncParamExt::default();
        check("default parameters", call!(instance, GetDefaultParams, &raw mut parameters))?;
        fill(&mut parameters, config);
        check("parameters", call!(instance, InitializeExt, &raw const parameters))?;
        Ok(instance)
    }

    fn set<T>(&self, option: ENCODER_OPTION, value: &mut T) -> Result<(), CodecError> {
        check("option", call!(self, SetOption, option, (&raw mut *value).cast()))
    }

    fn force_keyframe(&self) -> Result<(), CodecError> {
        check("keyframe", call!(self, ForceIntraFrame, true))
    }

    /// The access unit and whether it is a keyframe; `None` when the picture was skipped.
    fn encode(&mut self, frame: &VideoFrame, elapsed_ms: i64) -> Result<Option<(Bytes, bool)>, CodecError> {
        let size = frame.size();
        let (y, u, v) = frame.image.planes();
        let (luma, chroma) = (size.width as i32, frame.image.chroma_stride() as i32);
        let picture = SSourcePicture {
            iColorFormat: videoFormatI420,
            iStride: [luma, chroma, chroma, 0],
            // The encoder only reads them.
            pData: [y.as_ptr().cast_mut(), u.as_ptr().cast_mut(), v.as_ptr().cast_mut(), null_mut()],
            iPicWidth: size.width as i32,
            iPicHeight: size.height as i32,
            uiTimeStamp: elapsed_ms,
            bPsnrY: false,
            bPsnrU: false,
            bPsnrV: false,
        };
        let mut info = SFrameBSInfo::default();
        check("picture", call!(self, EncodeFrame, &raw const picture, &raw mut info))?;
        if info.eFrameType == videoFrameTypeSkip {
            return Ok(None);
        }
        let layers = &info.sLayerInfo[..(info.iLayerNum.max(0) as usize).min(info.sLayerInfo.len())];
        let mut out = Vec::with_capacity(info.iFrameSizeInBytes.max(0) as usize);
        for layer in layers.iter().filter(|layer| layer.iNalCount > 0 && !layer.pBsBuf.is_null()) {
            // SAFETY: the encoder gives `iNalCount` lengths and as many bytes as their sum, valid until its next call.
            let bytes = unsafe {
                let lengths = std::slice::from_raw_parts(layer.pNalLengthInByte, layer.iNalCount as usize);
                let len = lengths.iter().map(|len| (*len).max(0) as usize).sum();
                std::slice::from_raw_parts(layer.pBsBuf, len)
            };
            for unit in annexb::units(bytes) {
                annexb::push(&mut out, unit);
            }
        }
        Ok((!out.is_empty()).then(|| (out.into(), info.eFrameType == videoFrameTypeIDR)))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: created by WelsCreateSVCEncoder and destroyed once; both calls accept an encoder that failed to start.
        unsafe {
            if let Some(uninitialize) = (**self.pointer).Uninitialize {
                uninitialize(self.pointer);
            }
            APILoader::WelsDestroySVCEncoder(self.pointer);
        }
    }
}

fn check(what: &str, code: i32) -> Result<(), CodecError> {
    if code == 0 { Ok(()) } else { Err(CodecError::Failed(format!("{what}: {code}"))) }
}

fn fill(p: &mut SEncParamExt, config: &Config) {
    // Even, as 4:2:0 cropping counts in pairs.
    let (width, height) = (config.resolution.width as i32 & !1, config.resolution.height as i32 & !1);
    let (profile, cabac): (EProfileIdc, i32) = match config.profile {
        Profile::Baseline => (PRO_BASELINE, 0),
        Profile::Main => (PRO_MAIN, 1),
    };
    p.iPicWidth = width;
    p.iPicHeight = height;
    p.iTargetBitrate = config.bitrate as i32;
    p.fMaxFrameRate = config.frame_rate;
    p.iRCMode = RC_BITRATE_MODE;
    // It would leave out every second picture of a busy scene for as long as that lasts. What does not fit the path is left
    // out before it gets here.
    p.bEnableFrameSkip = false;
    // A maximum would refuse every later raise and then skip whole seconds: unspecified.
    p.iMaxBitrate = 0;
    p.uiIntraPeriod = 0;
    // Ids that count up with each IDR picture would be new parameter sets each time, for all receivers.
    p.eSpsPpsIdStrategy = CONSTANT_ID;
    p.iEntropyCodingModeFlag = cabac;
    p.iMultipleThreadIdc = 1;
    p.iLoopFilterDisableIdc = DEBLOCKING_IDC_0;
    // An IDR picture costs 4 to 15 others. Intra blocks carry a new scene as well.
    p.bEnableSceneChangeDetect = false;
    p.iTemporalLayerNum = 1;
    p.iSpatialLayerNum = 1;
    let layer = &mut p.sSpatialLayers[0];
    layer.iVideoWidth = width;
    layer.iVideoHeight = height;
    layer.fFrameRate = config.frame_rate;
    layer.iSpatialBitrate = config.bitrate as i32;
    layer.iMaxSpatialBitrate = 0;
    layer.uiProfileIdc = profile;
    layer.sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
    layer.sSliceArgument.uiSliceNum = 1;
    // BT.601, limited range (ITU-T H.264 tables E-3 to E-5).
    layer.bVideoSignalTypePresent = true;
    layer.uiVideoFormat = 5;
    layer.bFullRange = false;
    layer.bColorDescriptionPresent = true;
    layer.uiColorPrimaries = 6;
    layer.uiTransferCharacteristics = 6;
    layer.uiColorMatrix = 6;
}
