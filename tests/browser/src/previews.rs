//! The pictures that links to lessons are previewed by: for each lesson, in each language, its
//! title over the still picture of its page. Written where the build takes them from.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::{Failure, Outcome};
use crate::page::Page;
use crate::setup::Setup;
use crate::visit::Visit;
use pushpull::lesson::catalog::LESSONS;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Where they are kept, from the root of the repository: `ID/LANGUAGE.png`.
const FOLDER: &str = "www/previews";

/// As large as those who show previews ask for.
const SIZE: (u32, u32) = (1200, 630);

/// A picture may have so many colours: one byte a pixel.
const COLOURS_MAX: usize = 256;

/// Of the page only title and picture stay, as large as there is room.
const CARD: &str = "
    const [width, height] = arguments;
    const page = document.querySelector('.article-page');
    const mark = Object.assign(document.createElement('p'), { textContent: 'pushpull' });
    const title = document.querySelector('h1');
    const figure = document.querySelector('figure');
    page.replaceChildren(mark, title, figure);
    Object.assign(page.style, { overflow: 'hidden', padding: '44px 56px 0', maxInlineSize: 'none', blockSize: height + 'px' });
    Object.assign(mark.style, { fontSize: '24px', fontWeight: 700, color: 'var(--kafka)', margin: 0 });
    Object.assign(title.style, { fontSize: '44px', lineHeight: 1.25, margin: '0 0 20px' });
    Object.assign(figure.style, { margin: 0, blockSize: '100%', overflow: 'hidden' });
    document.documentElement.style.overflow = 'hidden';
    const shown = [...figure.querySelectorAll(':scope > svg')].filter((svg) => svg.clientHeight > 1);
    const drawn = shown.at(-1);
    const room = height - figure.getBoundingClientRect().top - 24;
    const [, , w, h] = drawn.getAttribute('viewBox').split(' ').map(Number);
    /* A high one is cut off below: else nobody could read it. */
    const wide = (width - 112) / w;
    const scale = Math.min(wide, Math.max(room / h, 0.75 * wide));
    Object.assign(drawn.style, {
        inlineSize: w * scale + 'px', blockSize: h * scale + 'px', display: 'block', margin: '0 auto',
    });
    return title.scrollWidth <= width - 112 && document.fonts.ready.then(() => true);";

/// Takes all of them.
pub async fn run(setup: &Setup) -> Outcome {
    let browser = Browser::new(setup);
    let result = take_all(&browser).await;
    browser.dispose().await;
    result
}

async fn take_all(browser: &Browser) -> Outcome {
    // One that fits the picture exactly: the window has edges of its own, the view has none.
    let page = browser.open(Visit::to("about:blank")).await?;
    let metrics = json!({
        "width": SIZE.0, "height": SIZE.1, "deviceScaleFactor": 1, "mobile": false,
    });
    page.devtools("Emulation.setDeviceMetricsOverride", metrics).await?;
    for lesson in &LESSONS {
        for language in ["ko", "en"] {
            let picture = take(&page, lesson.id, language).await?;
            let folder = Path::new(FOLDER).join(lesson.id);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(language).with_extension("png"), &picture)?;
            println!("{:>7}  {FOLDER}/{}/{language}.png", picture.len(), lesson.id);
        }
    }
    Ok(())
}

async fn take(page: &Page, id: &str, language: &str) -> Outcome<Vec<u8>> {
    page.go(&format!("lessons/{id}/?lang={language}&theme=light")).await?;
    let fits = page.eval(CARD, vec![json!(SIZE.0), json!(SIZE.1)]).await?;
    ensure!(fits == json!(true), "the title of {id} in {language} is too long for a line");
    packed(&page.client().await?.screenshot().await?)
}

/// The same picture with at most [`COLOURS_MAX`] colours: those that most of it has, and for each
/// other one the nearest of them.
fn packed(screenshot: &[u8]) -> Outcome<Vec<u8>> {
    let told = |error: &dyn ToString| Failure(format!("the picture: {}", error.to_string()));
    let mut decoder = png::Decoder::new(std::io::Cursor::new(screenshot));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| told(&error))?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("the picture is too large.")?];
    let info = reader.next_frame(&mut pixels).map_err(|error| told(&error))?;
    ensure!((info.width, info.height) == SIZE, "it is {} x {}", info.width, info.height);
    let colours: Vec<[u8; 3]> = pixels[..info.buffer_size()]
        .chunks_exact(info.color_type.samples())
        .map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let mut counts: BTreeMap<[u8; 3], usize> = BTreeMap::new();
    colours.iter().for_each(|colour| *counts.entry(*colour).or_default() += 1);
    let mut common: Vec<([u8; 3], usize)> = counts.into_iter().collect();
    common.sort_by_key(|(colour, count)| (usize::MAX - count, *colour));
    let palette: Vec<[u8; 3]> =
        common.iter().take(COLOURS_MAX).map(|(colour, _)| *colour).collect();
    let places: BTreeMap<[u8; 3], u8> =
        common.iter().map(|(colour, _)| (*colour, nearest(&palette, *colour))).collect();
    let indices: Vec<u8> = colours.iter().map(|colour| places[colour]).collect();

    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().map_err(|error| told(&error))?;
    writer.write_image_data(&indices).map_err(|error| told(&error))?;
    writer.finish().map_err(|error| told(&error))?;
    Ok(file)
}

fn nearest(palette: &[[u8; 3]], colour: [u8; 3]) -> u8 {
    let distance = |other: &[u8; 3]| -> u32 {
        other.iter().zip(colour).map(|(one, two)| u32::from(one.abs_diff(two)).pow(2)).sum()
    };
    let places = palette.iter().enumerate().min_by_key(|(_, other)| distance(other));
    places.map_or(0, |(place, _)| place as u8)
}
