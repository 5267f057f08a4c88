//! How one window's pictures, the page and its overlays become one image, with cairo. Runs on the main thread.

use std::f64::consts::{FRAC_PI_2, PI};

use fika_media::Resolution;
use gtk::cairo::{Context, Extend, Filter, Format, ImageSurface, Matrix, Operator, SurfacePattern};

use super::Mode;
use super::scene::{Over, Placed, Rect, Scene, Step, picture_rect, without};
use crate::layout::{Fit, Rgb};

/// How dark a picture is that stands still.
const DIM: f64 = 0.55;

/// A picture in the screen's format, ready to be painted.
pub(super) struct Front {
    pub surface: ImageSurface,
    pub width: i32,
    pub height: i32,
}

/// One image of a window. `page` draws the page within the clip of its context.
pub(super) struct Painting<'a> {
    pub scene: &'a Scene,
    /// In the order of the scene's tiles.
    pub fronts: &'a [Option<Front>],
    pub stage: Rgb,
    pub mode: Mode,
    /// Device pixels per unit of the context.
    pub scale: f64,
    /// Of the page, in units of the context.
    pub height: f64,
    pub page: &'a dyn Fn(&Context),
}

type Drawn = Result<(), gtk::cairo::Error>;

impl Painting<'_> {
    /// Paints what lies within the context's clip.
    pub(super) fn paint(&self, cr: &Context) -> Drawn {
        let (left, top, right, bottom) = cr.clip_extents()?;
        let edge = |at: f64| at * self.scale;
        let clip = Rect::new(
            edge(left).floor() as i32,
            edge(top).floor() as i32,
            (edge(right).ceil() - edge(left).floor()) as i32,
            (edge(bottom).ceil() - edge(top).floor()) as i32,
        );
        if clip.is_empty() {
            return Ok(());
        }
        let steps = self.scene.steps(&clip, |index| self.fronts.get(index).is_some_and(Option::is_some));
        match self.mode {
            Mode::Cut => self.cut(cr, &clip, &steps),
            Mode::Blend => self.blend(cr, &steps, (left, top, right, bottom)),
        }
    }

    /// The page where no picture covers it, then pictures, and the page again within what lies over them.
    ///
    /// Box by box and corner by corner: cairo sends as much of an image to the X server as the bounds of what is painted
    /// with it, however little that is.
    fn cut(&self, cr: &Context, clip: &Rect, steps: &[Step]) -> Drawn {
        let mut free = vec![*clip];
        for step in steps {
            let Step::Tile(index) = *step else { break };
            for part in body(&self.scene.tiles[index], &self.shown_rect(index)) {
                free = without(free, &part);
            }
        }
        for part in free {
            cr.save()?;
            self.rectangle(cr, &part);
            cr.clip();
            (self.page)(cr);
            cr.restore()?;
        }
        for step in steps {
            match *step {
                Step::Tile(index) => self.picture(cr, index)?,
                Step::Overlay(index) => self.overlay(cr, &self.scene.overlays[index])?,
            }
        }
        Ok(())
    }

    /// The stage, pictures on it, and the page over all.
    fn blend(&self, cr: &Context, steps: &[Step], extents: (f64, f64, f64, f64)) -> Drawn {
        let Rgb { r, g, b } = self.stage;
        cr.save()?;
        cr.set_operator(Operator::Source);
        cr.set_source_rgb(f64::from(r) / 255.0, f64::from(g) / 255.0, f64::from(b) / 255.0);
        cr.paint()?;
        cr.restore()?;
        for step in steps {
            if let Step::Tile(index) = *step {
                self.picture(cr, index)?;
            }
        }
        let (left, top, right, bottom) = extents;
        if (top + bottom - self.height).abs() < 1.0 {
            (self.page)(cr);
            return Ok(());
        }
        // WebKit mirrors the clip of its accelerated drawing at the middle of the window, and GTK gives no more room than
        // the clip: so the page is drawn beside it in a column of full height.
        let (left, right) = (left.floor(), right.ceil());
        let column = ImageSurface::create(
            Format::ARgb32,
            ((right - left) * self.scale).ceil() as i32,
            (self.height * self.scale).ceil() as i32,
        )?;
        column.set_device_scale(self.scale, self.scale);
        let beside = Context::new(&column)?;
        beside.translate(-left, 0.0);
        (self.page)(&beside);
        drop(beside);
        cr.set_source_surface(&column, left, 0.0)?;
        cr.paint()
    }

    /// Where the picture of a tile lies: all of it, or the middle with bars at the sides.
    fn shown_rect(&self, index: usize) -> Rect {
        let tile = &self.scene.tiles[index];
        self.fronts[index].as_ref().map_or(tile.rect, |front| {
            let shape = Resolution::new(front.width.max(0) as u32, front.height.max(0) as u32);
            picture_rect(&tile.rect, tile.fit, shape)
        })
    }

    fn picture(&self, cr: &Context, index: usize) -> Drawn {
        let (tile, Some(front)) = (&self.scene.tiles[index], &self.fronts[index]) else { return Ok(()) };
        let rect = self.shown_rect(index);
        let pattern = SurfacePattern::create(&front.surface);
        let Part { x, y, across, down } = part_of(front, &rect, tile.fit);
        let corner = (x - f64::from(rect.x) * across, y - f64::from(rect.y) * down);
        pattern.set_matrix(Matrix::new(self.scale * across, 0.0, 0.0, self.scale * down, corner.0, corner.1));
        // Another size is soon over: the tile moves, or its next picture is on the way.
        pattern.set_filter(if across == 1.0 && down == 1.0 { Filter::Nearest } else { Filter::Bilinear });
        pattern.set_extend(Extend::Pad);
        cr.save()?;
        cr.set_source(&pattern)?;
        cr.set_operator(Operator::Source);
        body(tile, &rect).iter().for_each(|part| self.rectangle(cr, part));
        cr.fill()?;
        cr.set_operator(Operator::Over);
        self.corners(cr, tile, &rect)?;
        if tile.dim {
            cr.set_source_rgba(0.0, 0.0, 0.0, DIM);
            body(tile, &rect).iter().for_each(|part| self.rectangle(cr, part));
            cr.fill()?;
            self.corners(cr, tile, &rect)?;
        }
        cr.restore()
    }

    /// What the page shows within an overlay, mixed with what is there already if it is translucent.
    fn overlay(&self, cr: &Context, over: &Over) -> Drawn {
        if over.opacity <= 0.0 {
            return Ok(());
        }
        cr.save()?;
        self.rounded(cr, &over.rect, over.radius);
        cr.clip();
        if over.opacity < 1.0 {
            cr.push_group();
            (self.page)(cr);
            cr.pop_group_to_source()?;
            cr.paint_with_alpha(over.opacity)?;
        } else {
            (self.page)(cr);
        }
        cr.restore()
    }

    fn rectangle(&self, cr: &Context, rect: &Rect) {
        if !rect.is_empty() {
            let unit = |pixels: i32| f64::from(pixels) / self.scale;
            cr.rectangle(unit(rect.x), unit(rect.y), unit(rect.width), unit(rect.height));
        }
    }

    /// Fills the quarter discs in the corners of a tile, unless its picture has bars beside it.
    fn corners(&self, cr: &Context, tile: &Placed, rect: &Rect) -> Drawn {
        let radius = tile.radius;
        if radius == 0 || *rect != tile.rect {
            return Ok(());
        }
        for (x, y, from) in self.arcs(rect, radius) {
            cr.move_to(x, y);
            cr.arc(x, y, f64::from(radius) / self.scale, from, from + FRAC_PI_2);
            cr.close_path();
            cr.fill()?;
        }
        Ok(())
    }

    fn rounded(&self, cr: &Context, rect: &Rect, radius: i32) {
        if radius == 0 {
            return self.rectangle(cr, rect);
        }
        cr.new_sub_path();
        for (x, y, from) in self.arcs(rect, radius) {
            cr.arc(x, y, f64::from(radius) / self.scale, from, from + FRAC_PI_2);
        }
        cr.close_path();
    }

    /// Centres of the four corners, clockwise from the top left, and the angle at which each begins.
    fn arcs(&self, rect: &Rect, radius: i32) -> [(f64, f64, f64); 4] {
        let unit = |pixels: i32| f64::from(pixels) / self.scale;
        let (left, top) = (unit(rect.x + radius), unit(rect.y + radius));
        let (right, bottom) = (unit(rect.x + rect.width - radius), unit(rect.y + rect.height - radius));
        [(left, top, PI), (right, top, PI + FRAC_PI_2), (right, bottom, 0.0), (left, bottom, FRAC_PI_2)]
    }
}

/// What of a picture is seen: its corner, and its pixels for each pixel of the window.
struct Part {
    x: f64,
    y: f64,
    across: f64,
    down: f64,
}

/// A picture of another shape than its tile is cut at its sides and never squeezed, as it will be in the end.
fn part_of(front: &Front, rect: &Rect, fit: Fit) -> Part {
    let (width, height) = (f64::from(front.width), f64::from(front.height));
    let (across, down) = (width / f64::from(rect.width), height / f64::from(rect.height));
    if fit == Fit::Contain {
        return Part { x: 0.0, y: 0.0, across, down };
    }
    let step = across.min(down);
    let cut = |all: f64, shown: i32| (all - f64::from(shown) * step) / 2.0;
    Part { x: cut(width, rect.width), y: cut(height, rect.height), across: step, down: step }
}

/// The boxes of a picture that no rounded corner touches: they are copied without blending.
fn body(tile: &Placed, rect: &Rect) -> [Rect; 3] {
    let radius = if *rect == tile.rect { tile.radius } else { 0 };
    let inner = rect.width - 2 * radius;
    [
        Rect::new(rect.x + radius, rect.y, inner, radius),
        Rect::new(rect.x, rect.y + radius, rect.width, rect.height - 2 * radius),
        Rect::new(rect.x + radius, rect.y + rect.height - radius, inner, radius),
    ]
}

#[cfg(test)]
#[path = "paint_tests.rs"]
mod tests;
