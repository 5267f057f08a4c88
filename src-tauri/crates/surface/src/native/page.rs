//! The page as WebKit draws it by itself. On the main thread.

use gtk::cairo::{Context, Format, ImageSurface};
use gtk::glib::translate::ToGlibPtr;
use gtk::prelude::*;
use webkit2gtk::WebView;

/// Asks the view to draw itself as it does without us.
pub(super) fn draw_page(view: &WebView, cr: &Context) {
    let widget: *mut gtk::ffi::GtkWidget = view.upcast_ref::<gtk::Widget>().to_glib_none().0;
    // SAFETY: the widget lives as long as `view`; its class is a GtkWidgetClass, whose `draw` takes both for the length
    // of the call. This runs on the main thread, within the draw signal.
    unsafe {
        let class =
            (*widget.cast::<gtk::glib::gobject_ffi::GTypeInstance>()).g_class.cast::<gtk::ffi::GtkWidgetClass>();
        if let Some(draw) = (*class).draw {
            draw(widget, cr.to_raw_none());
        }
    }
}

/// Whether the view, asked to draw itself into an image of ours, leaves none of what was there.
pub(super) fn is_opaque(view: &WebView) -> bool {
    const SIDE: usize = 16;
    let test = || -> Result<bool, gtk::cairo::Error> {
        // Of full height, since WebKit mirrors a clip that is not.
        let mut image = ImageSurface::create(Format::ARgb32, SIDE as i32, view.allocated_height().max(1))?;
        draw_page(view, &Context::new(&image)?);
        image.flush();
        let pixels = image.data().map_err(|_| gtk::cairo::Error::ReadError)?;
        Ok(pixels.chunks_exact(4).take(SIDE * SIDE).all(|pixel| pixel[3] == 255))
    };
    test().unwrap_or(false)
}
