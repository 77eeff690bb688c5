//! Memory and data over time, as SVG.

use super::watch::Sample;
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 40.0;

/// Resident memory on the left scale, loaded bytes on the right.
pub(super) fn svg(samples: &[Sample]) -> String {
    let most = |value: fn(&Sample) -> f64| samples.iter().map(value).fold(1.0, f64::max);
    let seconds = most(|sample| sample.seconds);
    let memory: fn(&Sample) -> f64 = |sample| sample.resident_bytes as f64 / f64::from(1 << 20);
    let loaded: fn(&Sample) -> f64 = |sample| sample.loaded_bytes as f64 / f64::from(1 << 30);
    let top = (most(memory) / 64.0).ceil() * 64.0;
    let line = |value: fn(&Sample) -> f64, top: f64| {
        samples.iter().fold(String::new(), |mut points, sample| {
            let x = LEFT + (WIDTH - 2.0 * LEFT) * sample.seconds / seconds;
            let y = HEIGHT - BOTTOM - (HEIGHT - 2.0 * BOTTOM) * value(sample) / top;
            let _ = write!(points, "{x:.1},{y:.1} ");
            points
        })
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let y = HEIGHT - BOTTOM - (HEIGHT - 2.0 * BOTTOM) * share;
        let x = LEFT + (WIDTH - 2.0 * LEFT) * share;
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ddd\"/>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#1d4e89\">{:.0}</text>\n\
             <text x=\"{}\" y=\"{}\" fill=\"#b5651d\">{:.1}</text>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{:.0} s</text>\n",
            WIDTH - LEFT,
            LEFT - 6.0,
            y + 4.0,
            top * share,
            WIDTH - LEFT + 6.0,
            y + 4.0,
            most(loaded) * share,
            HEIGHT - BOTTOM + 18.0,
            seconds * share,
        );
    }
    let _ = write!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#b5651d\" stroke-width=\"1.5\" stroke-dasharray=\"4 3\"/>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#1d4e89\" stroke-width=\"2\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" fill=\"#1d4e89\">resident memory, MiB</text>\n\
         <text x=\"{}\" y=\"22\" text-anchor=\"end\" fill=\"#b5651d\">keys and values loaded, GiB</text>\n</svg>\n",
        line(loaded, most(loaded)),
        line(memory, top),
        WIDTH - LEFT,
    );
    svg
}
