//! Visuals of DirectComposition, never run on a real machine: one swap chain for each tile, beneath a WebView2 that draws
//! no background. Everything here runs on the main thread. A picture that stands still fades towards the window's own
//! colour, which is also what lies beneath the tiles. Whether the web view lets anything through is what the experiment
//! is about: sources disagree.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use fika_media::Resolution;
use windows::Win32::Foundation::{HMODULE, HWND};
use windows::Win32::Graphics::Direct3D::{D3D_DRIVER_TYPE, D3D_DRIVER_TYPE_HARDWARE, D3D_DRIVER_TYPE_WARP};
use windows::Win32::Graphics::Direct3D11::{
    D3D11_CREATE_DEVICE_BGRA_SUPPORT, D3D11_SDK_VERSION, D3D11CreateDevice, ID3D11Device, ID3D11DeviceContext,
    ID3D11Texture2D,
};
use windows::Win32::Graphics::DirectComposition::{
    DCompositionCreateDevice, IDCompositionDevice, IDCompositionEffectGroup, IDCompositionRectangleClip,
    IDCompositionTarget, IDCompositionVisual,
};
use windows::Win32::Graphics::Dxgi::Common::{DXGI_ALPHA_MODE_IGNORE, DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_SAMPLE_DESC};
use windows::Win32::Graphics::Dxgi::{
    CreateDXGIFactory2, DXGI_CREATE_FACTORY_FLAGS, DXGI_PRESENT, DXGI_SCALING_STRETCH, DXGI_SWAP_CHAIN_DESC1,
    DXGI_SWAP_EFFECT_FLIP_SEQUENTIAL, DXGI_USAGE_RENDER_TARGET_OUTPUT, IDXGIDevice, IDXGIFactory2, IDXGISwapChain1,
};
use windows::core::{Interface as _, Result};

use super::convert::BYTES_PER_PIXEL;
use super::mailbox::Picture;
use super::renderer::{Renderer, Shared};
use super::scene::{Placed, Rect, picture_rect};
use super::stage::{LayerSurface, Layers};
use super::{Events, MainLoop, Unsupported, VARIABLE, experiment};
use crate::layout::{Fit, Rgb};

/// How bright a picture is that stands still.
const DIM: f32 = 0.45;
/// Shown and next.
const BUFFERS: u32 = 2;

/// Pictures in one window.
pub type NativeSurface = LayerSurface<Stage>;

/// Shows pictures in `window` beneath its web view. Only on the main thread, to which `main` leads.
///
/// # Safety
/// `window` is the handle of a window of this thread.
pub unsafe fn attach(
    window: NonNull<c_void>,
    renderer: Arc<Renderer>,
    main: MainLoop,
    events: Events,
) -> std::result::Result<NativeSurface, Unsupported> {
    experiment(std::env::var_os(VARIABLE))?;
    // SAFETY: the caller's promise.
    let stage = unsafe { Stage::new(HWND(window.as_ptr())) }.map_err(|error| Unsupported::Layers(error.to_string()))?;
    Ok(LayerSurface::new(stage, renderer, main, events))
}

/// What lies in the window beneath its web view.
pub struct Stage {
    device: ID3D11Device,
    context: ID3D11DeviceContext,
    factory: IDXGIFactory2,
    composition: IDCompositionDevice,
    root: IDCompositionVisual,
    /// Shows `root` for as long as it lives.
    _target: IDCompositionTarget,
    /// The visuals below `root` as they are, by address.
    order: Vec<*mut c_void>,
}

pub(crate) struct Tile {
    visual: IDCompositionVisual,
    clip: IDCompositionRectangleClip,
    effect: IDCompositionEffectGroup,
    chain: Option<(IDXGISwapChain1, Resolution)>,
    rect: Rect,
    radius: i32,
    fit: Fit,
}

impl Stage {
    /// # Safety
    /// `window` is the handle of a window of this thread.
    unsafe fn new(window: HWND) -> Result<Self> {
        // SAFETY: the caller's promise; all other arguments live through their calls.
        unsafe {
            let (device, context) = device(D3D_DRIVER_TYPE_HARDWARE).or_else(|_| device(D3D_DRIVER_TYPE_WARP))?;
            let factory = CreateDXGIFactory2(DXGI_CREATE_FACTORY_FLAGS(0))?;
            let composition: IDCompositionDevice = DCompositionCreateDevice(&device.cast::<IDXGIDevice>()?)?;
            let target = composition.CreateTargetForHwnd(window, false)?;
            let root = composition.CreateVisual()?;
            target.SetRoot(&root)?;
            composition.Commit()?;
            Ok(Self { device, context, factory, composition, root, _target: target, order: Vec::new() })
        }
    }

    fn tile(&self) -> Result<Tile> {
        // SAFETY: plain calls on objects of ours.
        unsafe {
            let visual = self.composition.CreateVisual()?;
            let clip = self.composition.CreateRectangleClip()?;
            let effect = self.composition.CreateEffectGroup()?;
            visual.SetClip(&clip)?;
            visual.SetEffect(&effect)?;
            Ok(Tile { visual, clip, effect, chain: None, rect: Rect::default(), radius: 0, fit: Fit::Cover })
        }
    }

    fn chain(&self, size: Resolution) -> Result<IDXGISwapChain1> {
        let wanted = DXGI_SWAP_CHAIN_DESC1 {
            Width: size.width,
            Height: size.height,
            Format: DXGI_FORMAT_B8G8R8A8_UNORM,
            SampleDesc: DXGI_SAMPLE_DESC { Count: 1, Quality: 0 },
            BufferUsage: DXGI_USAGE_RENDER_TARGET_OUTPUT,
            BufferCount: BUFFERS,
            Scaling: DXGI_SCALING_STRETCH,
            SwapEffect: DXGI_SWAP_EFFECT_FLIP_SEQUENTIAL,
            AlphaMode: DXGI_ALPHA_MODE_IGNORE,
            ..Default::default()
        };
        // SAFETY: the description lives through the call.
        unsafe { self.factory.CreateSwapChainForComposition(&self.device, &wanted, None) }
    }

    fn show(&self, tile: &mut Tile, picture: &Picture) -> Result<()> {
        let chain = match &tile.chain {
            Some((chain, size)) if *size == picture.size => chain.clone(),
            _ => {
                let chain = self.chain(picture.size)?;
                // SAFETY: plain call on objects of ours.
                unsafe { tile.visual.SetContent(&chain)? };
                tile.chain = Some((chain.clone(), picture.size));
                chain
            }
        };
        let row = picture.size.width * BYTES_PER_PIXEL as u32;
        debug_assert_eq!(picture.pixels.len() as u64, u64::from(row) * u64::from(picture.size.height));
        // SAFETY: the pixels are as many rows as the texture has.
        unsafe {
            let texture: ID3D11Texture2D = chain.GetBuffer(0)?;
            self.context.UpdateSubresource(&texture, 0, None, picture.pixels.as_ptr().cast(), row, 0);
            chain.Present(0, DXGI_PRESENT(0)).ok()?;
        }
        arrange(tile)
    }

    fn stack(&mut self, layers: &[&Tile]) -> Result<()> {
        let order: Vec<*mut c_void> = layers.iter().map(|tile| tile.visual.as_raw()).collect();
        // SAFETY: plain calls on objects of ours.
        unsafe {
            if order != self.order {
                self.root.RemoveAllVisuals()?;
                let mut below: Option<&IDCompositionVisual> = None;
                for tile in layers {
                    self.root.AddVisual(&tile.visual, true, below)?;
                    below = Some(&tile.visual);
                }
                self.order = order;
            }
            self.composition.Commit()
        }
    }
}

impl Layers for Stage {
    type Layer = Tile;

    fn begin(&mut self) {}

    fn make(&mut self) -> Option<Tile> {
        self.tile().inspect_err(|error| tracing::debug!(%error, "no visual for a tile")).ok()
    }

    fn place(&mut self, tile: &mut Tile, placed: &Placed) {
        (tile.rect, tile.radius, tile.fit) = (placed.rect, placed.radius, placed.fit);
        // SAFETY: plain call on an object of ours.
        let dimmed = unsafe { tile.effect.SetOpacity2(if placed.dim { DIM } else { 1.0 }) };
        told(dimmed.and_then(|()| arrange(tile)));
    }

    fn show(&mut self, tile: &mut Tile, picture: Picture, shared: &Arc<Shared>) {
        told(Self::show(self, tile, &picture));
        shared.buffers.put(picture.pixels);
    }

    fn clear(&mut self, tile: &mut Tile) {
        tile.chain = None;
        // SAFETY: plain call on an object of ours.
        told(unsafe { tile.visual.SetContent(None) });
    }

    fn remove(&mut self, tile: Tile) {
        // SAFETY: plain call on objects of ours.
        told(unsafe { self.root.RemoveVisual(&tile.visual) });
        // Another visual may get its address.
        self.order.retain(|known| *known != tile.visual.as_raw());
    }

    /// The window paints itself.
    fn paint(&mut self, _stage: Rgb) {}

    fn commit(&mut self, layers: &[&Tile]) {
        told(self.stack(layers));
    }
}

/// The picture in the middle of its tile, cut to its corners.
fn arrange(tile: &Tile) -> Result<()> {
    let shown = tile.chain.as_ref().map_or(tile.rect, |(_, size)| picture_rect(&tile.rect, tile.fit, *size));
    let radius = tile.radius as f32;
    // SAFETY: plain calls on objects of ours.
    unsafe {
        tile.visual.SetOffsetX2(shown.x as f32)?;
        tile.visual.SetOffsetY2(shown.y as f32)?;
        // The clip counts from the picture's corner.
        tile.clip.SetLeft2((tile.rect.x - shown.x) as f32)?;
        tile.clip.SetTop2((tile.rect.y - shown.y) as f32)?;
        tile.clip.SetRight2((tile.rect.x + tile.rect.width - shown.x) as f32)?;
        tile.clip.SetBottom2((tile.rect.y + tile.rect.height - shown.y) as f32)?;
        tile.clip.SetTopLeftRadiusX2(radius)?;
        tile.clip.SetTopLeftRadiusY2(radius)?;
        tile.clip.SetTopRightRadiusX2(radius)?;
        tile.clip.SetTopRightRadiusY2(radius)?;
        tile.clip.SetBottomLeftRadiusX2(radius)?;
        tile.clip.SetBottomLeftRadiusY2(radius)?;
        tile.clip.SetBottomRightRadiusX2(radius)?;
        tile.clip.SetBottomRightRadiusY2(radius)
    }
}

/// What fails for one picture is tried again with the next.
fn told(outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a picture was not shown");
    }
}

/// A graphics device, and what gives it its work.
fn device(kind: D3D_DRIVER_TYPE) -> Result<(ID3D11Device, ID3D11DeviceContext)> {
    let (mut device, mut context) = (None, None);
    // SAFETY: the places for the answers live through the call.
    unsafe {
        D3D11CreateDevice(
            None,
            kind,
            HMODULE::default(),
            D3D11_CREATE_DEVICE_BGRA_SUPPORT,
            None,
            D3D11_SDK_VERSION,
            Some(&mut device),
            None,
            Some(&mut context),
        )?;
    }
    device.zip(context).ok_or_else(|| windows::core::Error::from_hresult(windows::Win32::Foundation::E_FAIL))
}
