//! A window with a page and pictures drawn natively into it, and nothing else: what drawing costs and whether it is right,
//! without cameras, codecs and calls. The main thread belongs to GTK; the thread `source` hands pictures over.
//!
//! At each SIGUSR1 all tiles change places, the first with the last and so on; with `--glide` they take their time.
//! Writes `counter,microseconds` (CLOCK_MONOTONIC) of each picture of the first tile to `--log` as it is handed over.

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Duration;

    use anyhow::Context as _;
    use clap::Parser;
    use fika_devices::clock::monotonic;
    use fika_media::test::Pattern;
    use fika_media::{I420, Resolution, Timestamp};
    use fika_surface::native::{Events, Mode, NativeSurface, Renderer, attach};
    use fika_surface::{Fit, Layout, Overlay, Rgb, TileId, TileRect, VideoSurface as _};
    use gtk::prelude::*;
    use webkit2gtk::{WebView, WebViewExt as _};

    /// Pictures made before the start and shown again and again.
    const PICTURES: usize = 16;
    const GAP: f64 = 12.0;
    const CHIP: (f64, f64) = (120.0, 28.0);
    const MENU: (f64, f64) = (220.0, 160.0);
    const DIALOG: (f64, f64) = (520.0, 260.0);
    const TOAST: (f64, f64) = (360.0, 48.0);
    /// How much of what lies under the backdrop of a dialog is hidden.
    const BACKDROP: f64 = 0.62;

    type Pictures = Vec<Arc<I420>>;

    #[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
    enum Way {
        /// The page is opaque.
        Cut,
        /// The page is transparent over pictures.
        Blend,
        /// The page alone, no pictures.
        None,
    }

    #[derive(Parser)]
    struct Arguments {
        #[arg(long, value_enum, default_value = "cut")]
        way: Way,
        /// Size of the pictures.
        #[arg(long, default_value = "1280x720")]
        picture: String,
        #[arg(long, default_value_t = 1)]
        tiles: usize,
        #[arg(long, default_value_t = 30)]
        fps: u32,
        #[arg(long, default_value = "1280x720")]
        window: String,
        #[arg(long, default_value_t = 1)]
        windows: usize,
        /// A menu in the middle of each tile.
        #[arg(long)]
        menu: bool,
        /// A dialog in the middle of the window, with a backdrop that the pictures shine through.
        #[arg(long)]
        dialog: bool,
        /// A toast at the bottom of the window.
        #[arg(long)]
        toast: bool,
        /// Each tile has one colour of its own, no corners and nothing over it.
        #[arg(long)]
        plain: bool,
        /// Milliseconds in which tiles change their places.
        #[arg(long, default_value_t = 0)]
        glide: u32,
        /// Shows the picture as a mirror does.
        #[arg(long)]
        mirror: bool,
        /// The first tile fills the window and the others lie over it, in a row at the bottom.
        #[arg(long)]
        stacked: bool,
        /// The page is never opaque, which fails the test of the window.
        #[arg(long)]
        transparent: bool,
        #[arg(long)]
        log: Option<PathBuf>,
    }

    pub(super) fn main() -> anyhow::Result<()> {
        let arguments = Arguments::parse();
        gtk::init().context("no screen")?;
        let renderer = Arc::new(Renderer::start()?);
        let size = resolution(&arguments.window)?;
        let mut surfaces = Vec::new();
        for number in 0..arguments.windows {
            surfaces.extend(open(&arguments, size, number, &renderer)?);
        }
        let tiles: Vec<TileId> = (0..arguments.tiles).map(name).collect();
        let surfaces = Arc::new(surfaces);
        let change = {
            let (surfaces, mut wanted) = (surfaces.clone(), layout(&arguments, size));
            move || {
                let mut places: Vec<TileId> = wanted.tiles.iter().map(|tile| tile.id.clone()).collect();
                places.reverse();
                wanted.tiles.iter_mut().zip(places).for_each(|(tile, id)| tile.id = id);
                surfaces.iter().for_each(|surface| surface.set_layout(wanted.clone()));
                gtk::glib::ControlFlow::Continue
            }
        };
        gtk::glib::unix_signal_add_local(libc::SIGUSR1, change);
        let of_tile: fn(usize, &Pictures) -> Pictures =
            if arguments.plain { plain } else { |_, pictures| pictures.clone() };
        let shared = pictures(resolution(&arguments.picture)?, arguments.fps);
        let source = Source {
            pictures: (0..arguments.tiles).map(|number| of_tile(number, &shared)).collect(),
            interval: Duration::from_secs(1) / arguments.fps.max(1),
            log: arguments.log.map(std::fs::File::create).transpose()?,
            tiles,
            surfaces,
        };
        std::thread::Builder::new().name("source".into()).spawn(move || source.run())?;
        gtk::main();
        Ok(())
    }

    fn resolution(text: &str) -> anyhow::Result<Resolution> {
        let (width, height) = text.split_once('x').context("a size is written WxH")?;
        Ok(Resolution::new(width.parse()?, height.parse()?))
    }

    fn name(number: usize) -> TileId {
        TileId(format!("p{number}/camera"))
    }

    /// All of one colour, which no other tile has.
    fn plain(number: usize, pictures: &Pictures) -> Pictures {
        let mut image = I420::black(pictures[0].size());
        let (y, u, v) = image.planes_mut();
        y.fill(60 + 40 * number as u8);
        u.fill(90 + 30 * number as u8);
        v.fill(150 - 20 * number as u8);
        std::iter::repeat_n(Arc::new(image), PICTURES).collect()
    }

    fn pictures(size: Resolution, fps: u32) -> Pictures {
        let mut pattern = Pattern::new(size, fps);
        (0..PICTURES).map(|number| Arc::new(I420::clone(&pattern.frame(Timestamp(number as i64)).image))).collect()
    }

    fn open(
        arguments: &Arguments,
        size: Resolution,
        number: usize,
        renderer: &Arc<Renderer>,
    ) -> anyhow::Result<Option<NativeSurface>> {
        let window = gtk::Window::new(gtk::WindowType::Toplevel);
        window.set_title(&format!("stage {number}"));
        window.set_default_size(size.width as i32, size.height as i32);
        window.connect_delete_event(|_, _| {
            gtk::main_quit();
            gtk::glib::Propagation::Proceed
        });
        let view = WebView::new();
        window.add(&view);
        let layout = layout(arguments, size);
        let surface = match arguments.way {
            Way::None => None,
            Way::Cut | Way::Blend => {
                let mode = if arguments.way == Way::Cut { Mode::Cut } else { Mode::Blend };
                let events = Events {
                    pictures: Box::new(|_| {}),
                    // The page is tested while it is opaque.
                    tested: Box::new({
                        let (view, seen) = (view.clone(), page(&layout, mode == Mode::Blend));
                        move |verdict| {
                            // Whoever started it may not listen any more.
                            let _ = writeln!(std::io::stderr(), "tested: {verdict:?}");
                            view.load_html(&seen, None);
                        }
                    }),
                };
                let surface = attach(&view, renderer.clone(), mode, events)?;
                surface.set_layout(layout.clone());
                Some(surface)
            }
        };
        if arguments.transparent {
            view.set_background_color(&gtk::gdk::RGBA::new(0.0, 0.0, 0.0, 0.0));
        }
        view.load_html(&page(&layout, arguments.transparent), None);
        window.show_all();
        Ok(surface)
    }

    fn layout(arguments: &Arguments, size: Resolution) -> Layout {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let (mut tiles, mut overlays) = (Vec::new(), Vec::new());
        let columns = (arguments.tiles as f64).sqrt().ceil().max(1.0);
        let rows = (arguments.tiles as f64 / columns).ceil().max(1.0);
        let gap = if arguments.tiles == 1 { 0.0 } else { GAP };
        for number in 0..arguments.tiles {
            let (tile_width, tile_height) = ((width - gap) / columns - gap, (height - gap) / rows - gap);
            let (column, row) = (number as f64 % columns, (number as f64 / columns).floor());
            let (mut x, mut y) = (gap + column * (tile_width + gap), gap + row * (tile_height + gap));
            let (mut tile_width, mut tile_height) = (tile_width, tile_height);
            if arguments.stacked {
                (x, y, tile_width, tile_height) = match number {
                    0 => (0.0, 0.0, width, height),
                    _ => (GAP + (number as f64 - 1.0) * 332.0, height - 192.0, 320.0, 180.0),
                };
            }
            let z = u8::from(arguments.stacked && number > 0);
            tiles.push(TileRect {
                id: name(number),
                x,
                y,
                width: tile_width,
                height: tile_height,
                radius: if arguments.tiles == 1 || arguments.plain { 0.0 } else { 20.0 },
                fit: Fit::Cover,
                mirror: arguments.mirror,
                z,
                dim: false,
                zoom: None,
            });
            let over =
                |x, y, (width, height): (f64, f64), z| Overlay { x, y, width, height, radius: 10.0, z, opacity: 1.0 };
            if arguments.plain {
                continue;
            }
            overlays.push(over(x + 10.0, y + tile_height - 38.0, CHIP, z));
            if arguments.menu {
                let middle = |start: f64, outer: f64, inner: f64| start + (outer - inner) / 2.0;
                overlays.push(over(middle(x, tile_width, MENU.0), middle(y, tile_height, MENU.1), MENU, 255));
            }
        }
        let top = |(across, down): (f64, f64), y: f64, opacity| {
            let x = (width - across) / 2.0;
            Overlay { x, y, width: across, height: down, radius: 0.0, z: 255, opacity }
        };
        if arguments.dialog {
            overlays.push(top((width, height), 0.0, BACKDROP));
            overlays.push(top(DIALOG, (height - DIALOG.1) / 2.0, 1.0));
        }
        if arguments.toast {
            overlays.push(top(TOAST, height - TOAST.1 - 24.0, 1.0));
        }
        let stage = Rgb { r: 19, g: 17, b: 16 };
        Layout { device_pixel_ratio: 1.0, stage, glide: arguments.glide, tiles, overlays }
    }

    /// Boxes where the layout says, with words in what lies over them.
    fn page(layout: &Layout, transparent: bool) -> String {
        let mut html = String::from("<!doctype html><style>html,body{margin:0;height:100%;overflow:hidden;");
        html += if transparent { "background:transparent}" } else { "background:#131110}" };
        html += "div{position:absolute;box-sizing:border-box;overflow:hidden;font:14px sans-serif}\
                 .over{background:#fff;color:#123;padding:4px 8px;border-radius:10px}</style>";
        for over in &layout.overlays {
            let Overlay { x, y, width, height, opacity, .. } = over;
            if *opacity < 1.0 {
                html += &format!("<div style='inset:0;background:rgba(0,0,0,{opacity})'></div>");
                continue;
            }
            html += &format!(
                "<div class=over style='left:{x}px;top:{y}px;width:{width}px;height:{height}px'>Åsa Öberg, MMMM</div>"
            );
        }
        html
    }

    struct Source {
        /// Of each tile.
        pictures: Vec<Pictures>,
        interval: Duration,
        log: Option<std::fs::File>,
        tiles: Vec<TileId>,
        surfaces: Arc<Vec<NativeSurface>>,
    }

    impl Source {
        /// Until the program ends.
        fn run(mut self) {
            let mut next = monotonic();
            for number in 0.. {
                let at = number % PICTURES;
                for (offset, tile) in self.tiles.iter().enumerate() {
                    if offset == 0
                        && let Some(log) = &mut self.log
                    {
                        let _ = writeln!(log, "{at},{}", monotonic().0);
                    }
                    for surface in self.surfaces.iter() {
                        surface.present(tile, self.pictures[offset][at].clone());
                    }
                    // Cameras do not deliver all at the same moment.
                    std::thread::sleep(self.interval / (2 * self.tiles.len() as u32));
                }
                next = next + self.interval;
                std::thread::sleep(next.since(monotonic()));
            }
        }
    }
}
