//! A call over time, as a picture (SVG): rate, queue, lines and the distances of pictures below each other. Pure but for the file.

use std::fmt::Write as _;
use std::path::Path;

use fika_media::Timestamp;

use super::figures::Course;
use super::series::moments;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 150.0;
/// Around a panel: for numbers and titles.
const LEFT: f64 = 60.0;
const ABOVE: f64 = 34.0;
const OURS: &str = "#c2410c";
const OTHERS: &str = "#2563eb";
const GREY: &str = "#888888";

/// A line over the time, in seconds.
struct Line {
    colour: &'static str,
    points: Vec<(f64, f64)>,
}

struct Panel {
    title: &'static str,
    lines: Vec<Line>,
}

pub(super) fn write(path: &Path, title: &str, course: &Course) -> std::io::Result<()> {
    let end = course.seen.end.since(Timestamp::ZERO).as_secs_f64();
    std::fs::write(path, draw(title, &panels(course, end), end))
}

fn panels(course: &Course, end: f64) -> Vec<Panel> {
    let (moments, seen) = (moments(course), &course.seen);
    let line = |colour, value: &dyn Fn(&super::series::Moment) -> f64| Line {
        colour,
        points: moments.iter().map(|moment| (moment.second, value(moment))).collect(),
    };
    let ends = seen.rates.iter().skip(1).map(|(from, _)| seconds(*from)).chain([end]);
    let steps = seen.rates.iter().zip(ends);
    let capacity = steps.flat_map(|((from, rate), to)| [(seconds(*from), rate / 1e6), (to, rate / 1e6)]).collect();
    let mut rates = vec![Line { colour: GREY, points: capacity }, line(OURS, &|moment| moment.arrived / 1e6)];
    if !course.others.is_empty() {
        rates.push(line(OTHERS, &|moment| moment.others / 1e6));
    }
    let pairs = seen.shown.iter().zip(seen.shown.iter().skip(1));
    let gaps = pairs.map(|(last, next)| (seconds(next.at), next.at.since(last.at).as_secs_f64() * 1e3)).collect();
    vec![
        Panel { title: "what arrives, Mbit/s (grey: the path; blue: the other flow)", lines: rates },
        Panel { title: "queue on the path, ms", lines: vec![line(OURS, &|moment| moment.queue)] },
        Panel { title: "lines of the picture", lines: vec![line(OURS, &|moment| f64::from(moment.lines))] },
        Panel { title: "from picture to picture, ms", lines: vec![Line { colour: OURS, points: gaps }] },
    ]
}

fn seconds(at: Timestamp) -> f64 {
    at.as_micros() as f64 / 1e6
}

fn draw(title: &str, panels: &[Panel], end: f64) -> String {
    let (width, height) = (LEFT + WIDTH + 20.0, ABOVE + panels.len() as f64 * (HEIGHT + ABOVE) + 10.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"15\">{}</text>\n",
        title.replace('&', "&amp;").replace('<', "&lt;")
    );
    for (number, panel) in panels.iter().enumerate() {
        panel.draw(2.0 * ABOVE + number as f64 * (HEIGHT + ABOVE), end, &mut svg);
    }
    svg + "</svg>\n"
}

impl Panel {
    // Writing to a String cannot fail.
    fn draw(&self, top: f64, end: f64, svg: &mut String) {
        let values = self.lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
        let most = scale(values.fold(0.0, f64::max));
        let (bottom, right) = (top + HEIGHT, LEFT + WIDTH);
        let x = |second: f64| LEFT + second / end * WIDTH;
        let y = |value: f64| bottom - value / most * HEIGHT;
        let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\">{}</text>", top - 6.0, self.title);
        for part in 0..=4 {
            let value = most * f64::from(part) / 4.0;
            let at = y(value);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#dddddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
                LEFT - 6.0,
                at + 4.0
            );
        }
        let tens = (0..).map(|ten| f64::from(ten) * 10.0).take_while(|second| *second <= end);
        for second in tens {
            let (at, below) = (x(second), bottom + 13.0);
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\" fill=\"{GREY}\">{second}</text>"
            );
        }
        for Line { colour, points } in &self.lines {
            let points: Vec<String> =
                points.iter().map(|(second, value)| format!("{:.1},{:.1}", x(*second), y(*value))).collect();
            let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\"/>", points.join(" "));
        }
    }
}

/// The next round number that is a good end of a scale.
fn scale(most: f64) -> f64 {
    let steps = (-3..6).flat_map(|power| [1.0, 2.0, 4.0, 8.0].map(|step| step * 10f64.powi(power)));
    steps.into_iter().find(|step| *step >= most).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_in_their_panel() {
        let line = Line { colour: OURS, points: vec![(0.0, 0.0), (30.0, 3.0), (60.0, 0.5)] };
        let svg = draw("a < b", &[Panel { title: "t", lines: vec![line] }], 60.0);
        assert!(svg.contains("a &lt; b"));
        // The scale ends at 4, so three quarters of 150 pixels up.
        assert!(svg.contains("points=\"60.0,218.0 540.0,105.5 1020.0,199.2\""), "{svg}");
        assert_eq!([scale(0.0), scale(300.0), scale(720.0)], [0.001, 400.0, 800.0]);
    }
}
