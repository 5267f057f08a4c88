//! Layers of AppKit, never run on a real machine: a view beneath the transparent web view hosts one
//! AVSampleBufferDisplayLayer for each tile. Everything here runs on the main thread; a picture's pixels are lent to the
//! system, which gives them back from a thread of its own.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use fika_media::Resolution;
use objc2::rc::Retained;
use objc2::{MainThreadMarker, MainThreadOnly};
use objc2_app_kit::{NSAutoresizingMaskOptions, NSView, NSWindowOrderingMode};
use objc2_av_foundation::{
    AVLayerVideoGravityResizeAspect, AVQueuedSampleBufferRenderingStatus, AVSampleBufferDisplayLayer,
};
use objc2_core_foundation::{CFBoolean, CFMutableDictionary, CFRetained, CFString, CGPoint, CGRect, CGSize};
use objc2_core_graphics::CGColor;
use objc2_core_media::{
    CMFormatDescription, CMSampleBuffer, CMSampleTimingInfo, CMVideoFormatDescriptionCreateForImageBuffer,
    kCMSampleAttachmentKey_DisplayImmediately, kCMTimeInvalid,
};
use objc2_core_video::{CVPixelBuffer, CVPixelBufferCreateWithBytes, kCVPixelFormatType_32BGRA, kCVReturnSuccess};
use objc2_quartz_core::{CALayer, CATransaction};

use super::convert::BYTES_PER_PIXEL;
use super::mailbox::Picture;
use super::renderer::{Renderer, Shared};
use super::scene::Placed;
use super::stage::{LayerSurface, Layers};
use super::{Events, MainLoop, Unsupported, VARIABLE, experiment};
use crate::layout::Rgb;

/// How dark a picture is that stands still.
const DIM: f32 = 0.55;

/// Pictures in one window.
pub type NativeSurface = LayerSurface<Stage>;

/// Shows pictures beneath `view`, a web view that draws no background. Only on the main thread, to which `main` leads.
///
/// # Safety
/// `view` points to an `NSView` that lives through the call.
pub unsafe fn attach(
    view: NonNull<c_void>,
    renderer: Arc<Renderer>,
    main: MainLoop,
    events: Events,
) -> Result<NativeSurface, Unsupported> {
    experiment(std::env::var_os(VARIABLE))?;
    let missing = |what: &str| Unsupported::Layers(what.to_owned());
    let here = MainThreadMarker::new().ok_or_else(|| missing("this is not the main thread"))?;
    // SAFETY: the caller's promise.
    let view = unsafe { view.cast::<NSView>().as_ref() };
    // SAFETY: the parent is only borrowed, on its thread.
    let parent = unsafe { view.superview() }.ok_or_else(|| missing("the view is in no window"))?;
    let below = NSView::initWithFrame(NSView::alloc(here), view.frame());
    let root = CALayer::new();
    // The page counts from the top.
    root.setGeometryFlipped(true);
    below.setLayer(Some(&root));
    below.setWantsLayer(true);
    below.setAutoresizingMask(
        NSAutoresizingMaskOptions::ViewWidthSizable | NSAutoresizingMaskOptions::ViewHeightSizable,
    );
    parent.addSubview_positioned_relativeTo(&below, NSWindowOrderingMode::Below, Some(view));
    Ok(LayerSurface::new(Stage { below, root }, renderer, main, events))
}

/// What lies below the page.
pub struct Stage {
    below: Retained<NSView>,
    root: Retained<CALayer>,
}

pub(crate) struct Tile {
    video: Retained<AVSampleBufferDisplayLayer>,
    /// Black, over the picture of a tile that stands still.
    shade: Retained<CALayer>,
}

impl Stage {
    /// Device pixels per point.
    fn scale(&self) -> f64 {
        self.below.window().map_or(1.0, |window| window.backingScaleFactor())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.below.removeFromSuperview();
    }
}

impl Layers for Stage {
    type Layer = Tile;

    fn begin(&mut self) {
        CATransaction::begin();
        // Layers do not glide to where they belong.
        CATransaction::setDisableActions(true);
    }

    fn make(&mut self) -> Option<Tile> {
        // SAFETY: a plain constructor; the constant is a string that AVFoundation defines.
        let video = unsafe {
            let video = AVSampleBufferDisplayLayer::new();
            video.setVideoGravity(AVLayerVideoGravityResizeAspect?);
            video
        };
        video.setMasksToBounds(true);
        let shade = CALayer::new();
        shade.setBackgroundColor(Some(&CGColor::new_srgb(0.0, 0.0, 0.0, 1.0)));
        shade.setOpacity(DIM);
        shade.setZPosition(1.0);
        video.addSublayer(&shade);
        self.root.addSublayer(&video);
        Some(Tile { video, shade })
    }

    fn place(&mut self, tile: &mut Tile, placed: &Placed) {
        let scale = self.scale();
        let point = |pixels: i32| f64::from(pixels) / scale;
        let size = CGSize { width: point(placed.rect.width), height: point(placed.rect.height) };
        tile.video.setFrame(CGRect { origin: CGPoint { x: point(placed.rect.x), y: point(placed.rect.y) }, size });
        tile.video.setCornerRadius(point(placed.radius));
        tile.shade.setFrame(CGRect { origin: CGPoint { x: 0.0, y: 0.0 }, size });
        tile.shade.setHidden(!placed.dim);
    }

    #[expect(deprecated, reason = "the renderer of a layer, which took this over, came with macOS 14")]
    fn show(&mut self, tile: &mut Tile, picture: Picture, shared: &Arc<Shared>) {
        let Some(sample) = sample(picture, shared) else {
            tracing::debug!("the system refuses a picture");
            return;
        };
        // SAFETY: plain calls on a layer of ours, on the main thread.
        unsafe {
            if tile.video.status() == AVQueuedSampleBufferRenderingStatus::Failed {
                tile.video.flush();
            }
            tile.video.enqueueSampleBuffer(&sample);
        }
    }

    #[expect(deprecated, reason = "the renderer of a layer, which took this over, came with macOS 14")]
    fn clear(&mut self, tile: &mut Tile) {
        // SAFETY: as above.
        unsafe { tile.video.flushAndRemoveImage() };
    }

    fn remove(&mut self, tile: Tile) {
        tile.video.removeFromSuperlayer();
    }

    fn paint(&mut self, stage: Rgb) {
        let part = |value: u8| f64::from(value) / 255.0;
        self.root.setBackgroundColor(Some(&CGColor::new_srgb(part(stage.r), part(stage.g), part(stage.b), 1.0)));
    }

    fn commit(&mut self, layers: &[&Tile]) {
        for (order, tile) in layers.iter().enumerate() {
            tile.video.setZPosition(order as f64);
        }
        CATransaction::commit();
    }
}

/// Pixels that the system borrows: the converter gets them back when they are not shown any more.
struct Lent {
    pixels: Vec<u8>,
    shared: Arc<Shared>,
}

unsafe extern "C-unwind" fn give_back(lent: *mut c_void, _pixels: *const c_void) {
    // SAFETY: made by `Box::into_raw` in `lend`; called once.
    let lent = unsafe { Box::from_raw(lent.cast::<Lent>()) };
    lent.shared.buffers.put(lent.pixels);
}

fn lend(picture: Picture, shared: &Arc<Shared>) -> Option<CFRetained<CVPixelBuffer>> {
    let Resolution { width, height } = picture.size;
    let (width, height) = (width as usize, height as usize);
    let mut lent = Box::new(Lent { pixels: picture.pixels, shared: shared.clone() });
    let pixels = NonNull::new(lent.pixels.as_mut_ptr().cast::<c_void>())?;
    let lent = Box::into_raw(lent).cast::<c_void>();
    let mut buffer: *mut CVPixelBuffer = std::ptr::null_mut();
    // SAFETY: `pixels` are `height` rows of `width` pixels, and live until `give_back`.
    let made = unsafe {
        CVPixelBufferCreateWithBytes(
            None,
            width,
            height,
            kCVPixelFormatType_32BGRA,
            pixels,
            width * BYTES_PER_PIXEL,
            Some(give_back),
            lent,
            None,
            NonNull::from(&mut buffer),
        )
    };
    if made != kCVReturnSuccess {
        // SAFETY: no buffer was made that would do it.
        unsafe { give_back(lent, std::ptr::null()) };
        return None;
    }
    // SAFETY: what a function creates is ours.
    NonNull::new(buffer).map(|buffer| unsafe { CFRetained::from_raw(buffer) })
}

fn sample(picture: Picture, shared: &Arc<Shared>) -> Option<CFRetained<CMSampleBuffer>> {
    let buffer = lend(picture, shared)?;
    let mut format: *const CMFormatDescription = std::ptr::null();
    // SAFETY: both pointers are valid through the call.
    unsafe { CMVideoFormatDescriptionCreateForImageBuffer(None, &buffer, NonNull::from(&mut format)) };
    // SAFETY: what a function creates is ours.
    let format = unsafe { CFRetained::from_raw(NonNull::new(format.cast_mut())?) };
    // SAFETY: a constant.
    let never = unsafe { kCMTimeInvalid };
    let mut timing = CMSampleTimingInfo { duration: never, presentationTimeStamp: never, decodeTimeStamp: never };
    let mut sample: *mut CMSampleBuffer = std::ptr::null_mut();
    // SAFETY: all pointers are valid through the call; the picture is there, so nobody is called back.
    unsafe {
        CMSampleBuffer::create_for_image_buffer(
            None,
            &buffer,
            true,
            None,
            std::ptr::null_mut(),
            &format,
            NonNull::from(&mut timing),
            NonNull::from(&mut sample),
        )
    };
    // SAFETY: what a function creates is ours.
    let sample = unsafe { CFRetained::from_raw(NonNull::new(sample)?) };
    display_immediately(&sample)?;
    Some(sample)
}

/// No clock decides when the picture is shown.
fn display_immediately(sample: &CMSampleBuffer) -> Option<()> {
    // SAFETY: the array has one mutable dictionary for the one picture; key and value are constants.
    unsafe {
        let attachments = sample.sample_attachments_array(true)?;
        let first = attachments.value_at_index(0).cast::<CFMutableDictionary>().as_ref()?;
        let key: *const CFString = kCMSampleAttachmentKey_DisplayImmediately;
        let value: *const CFBoolean = CFBoolean::new(true);
        CFMutableDictionary::set_value(Some(first), key.cast(), value.cast());
    }
    Some(())
}
