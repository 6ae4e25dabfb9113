//! The HTML report in headless Chromium. `make browser` runs these, and installs what they need.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod driver;
#[path = "../report_sample/mod.rs"]
mod report_sample;

use std::collections::HashSet;
use std::convert::Infallible;
use std::path::Path;

use countermand_fleet::JobRow;
use countermand_fleet::report::{Summary, html};
use driver::{Browser, Site};
use report_sample::{hostile, row, summary};
use serde_json::{Value, json};

fn page(summary: &Summary, rows: &[JobRow]) -> Vec<u8> {
    let mut page = Vec::new();
    let again = || Ok::<_, Infallible>(rows.iter().cloned().map(Ok));
    html(&mut page, summary, again).unwrap();
    page
}

fn job(rows: u64) -> Vec<u8> {
    let all: Vec<JobRow> = (0..rows).map(row).collect();
    page(&summary(rows), &all)
}

/// Number of colours of a picture, which is also kept for people to look at.
fn colours(png: &[u8], name: &str) -> usize {
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    std::fs::create_dir_all(&shots).unwrap();
    std::fs::write(shots.join(name), png).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let size = info.color_type.samples();
    assert!(info.width > 300 && info.height > 300);
    let colours: HashSet<&[u8]> = pixels.chunks_exact(size).collect();
    colours.len()
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn is_not_blank_by_day_and_by_night_on_a_desk_and_on_a_phone() {
    let site = Site::serve(vec![("/", job(300))]);
    let browser = Browser::start();
    for (width, scale, device) in [(1280, 1, "desk"), (390, 2, "phone")] {
        let mut grounds = HashSet::new();
        for scheme in ["light", "dark"] {
            browser.window(width, scale);
            browser.scheme(scheme);
            browser.open(&site.url("/"));
            let png = browser.screenshot();
            assert!(colours(&png, &format!("{device}-{scheme}.png")) > 30);
            let whole = browser.whole_page();
            assert!(colours(&whole, &format!("{device}-{scheme}-whole.png")) > 30);
            let ground = browser.run("return getComputedStyle(document.body).backgroundColor");
            grounds.insert(ground.to_string());
            let wide = browser.run("return document.documentElement.scrollWidth - innerWidth");
            assert!(wide.as_i64().unwrap() <= 0, "nothing sticks out at {width}");
        }
        assert_eq!(grounds.len(), 2, "dark is another ground: {grounds:?}");
    }
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn search_hides_the_other_rows() {
    let site = Site::serve(vec![("/", job(300))]);
    let browser = Browser::start();
    browser.window(1280, 1);
    browser.open(&site.url("/"));
    let visible = "return [...document.querySelectorAll('#rows > tbody > tr')]\
        .filter(row => row.checkVisibility()).map(row => row.cells[2].innerText.split('\\n')[0])";
    let all = browser.run(visible);
    assert_eq!(all.as_array().unwrap().len(), 300);

    browser.type_into("#words", "COMPLETED wipe");
    let found = browser.wait("return document.getElementById('found').value");
    let shown = browser.run(visible);
    let shown = shown.as_array().unwrap();
    assert!(
        !shown.is_empty() && shown.iter().all(|state| state == "completed"),
        "{shown:?}"
    );
    assert_eq!(found, json!(format!("{} of 300", shown.len())));
    colours(&browser.screenshot(), "search.png");

    browser.type_into("#words", " nothing of the kind");
    browser.wait("return document.getElementById('found').value === '0 of 300'");
    assert_eq!(browser.run(visible), json!([]));
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn a_large_job_is_text_in_blocks_and_is_searched() {
    let site = Site::serve(vec![("/", job(20_050))]);
    let browser = Browser::start();
    browser.window(1280, 1);
    browser.open(&site.url("/"));
    let count = "return [...document.querySelectorAll('#blocks pre')]\
        .reduce((sum, pre) => sum + pre.textContent.trim().split('\\n').length, 0)";
    assert_eq!(browser.run(count), json!(20_050));
    let name = row(20_049).target.name;
    browser.type_into("#words", name.id());
    let found = browser.wait("return document.getElementById('found').value");
    assert_eq!(found, json!("1 found"));
    let line = browser.run("return document.querySelector('#matches pre').innerText");
    assert!(line.as_str().unwrap().contains(name.as_str()), "{line}");
    assert!(colours(&browser.screenshot(), "large.png") > 30);
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn is_readable_without_script() {
    let site = Site::serve(vec![("/", job(40))]);
    let browser = Browser::start();
    browser.window(1280, 1);
    browser.without_script();
    browser.open(&site.url("/"));
    assert!(colours(&browser.screenshot(), "no-script.png") > 30);
    let shown = "return [...document.querySelectorAll('#rows > tbody > tr')].length \
        + ':' + document.getElementById('search').checkVisibility()";
    assert_eq!(browser.run(shown), json!("40:false"));
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn what_strangers_wrote_is_text() {
    let (summary, rows) = hostile();
    let site = Site::serve(vec![("/", page(&summary, &rows))]);
    let browser = Browser::start();
    for scheme in ["light", "dark"] {
        browser.window(1280, 1);
        browser.scheme(scheme);
        browser.open(&site.url("/"));
        browser.type_into("#words", "<script>");
        browser.wait("return document.getElementById('found').value");
        assert_eq!(
            browser.run("return window.canary === undefined"),
            json!(true)
        );
        assert_eq!(browser.dialog(), None);
        let title = browser.run("return document.title");
        assert!(
            title.as_str().unwrap().ends_with("– Countermand"),
            "{title}"
        );
        let strange = browser.run(
            "return [...document.querySelectorAll('script, iframe, img, object, link, base, [onload], [onerror], [onfocus]')].length",
        );
        assert_eq!(strange, json!(1), "the page's own script alone");
        assert!(colours(&browser.screenshot(), &format!("hostile-{scheme}.png")) > 30);
    }

    // Even if something came to be an element, the page's policy lets it do nothing.
    browser.run(
        "const script = document.createElement('script'); script.text = 'window.canary = 1';\
         const image = document.createElement('img'); image.src = '/canary';\
         const frame = document.createElement('iframe'); frame.src = '/canary';\
         const style = document.createElement('style'); style.textContent = '@import \"/canary\"';\
         document.body.append(script, image, frame, style);\
         window.request = fetch('/canary').then(() => 'sent', () => 'refused');",
    );
    let fetched = browser.run_async("const done = arguments[0]; window.request.then(done)");
    assert_eq!(fetched, json!("refused"));
    assert_eq!(
        browser.run("return window.canary === undefined"),
        json!(true)
    );
    assert_eq!(
        browser.run("return navigator.userAgent.includes('Chrome')"),
        json!(true)
    );
    let requests = site.requests();
    assert!(
        requests.len() >= 2 && requests.iter().all(|path| path == "/"),
        "{requests:?}"
    );

    // The canary would have been seen.
    let inert: Value = browser.run("window.canary = 2; return window.canary");
    assert_eq!(inert, json!(2));
    browser.open(&site.url("/canary"));
    assert!(site.requests().iter().any(|path| path == "/canary"));
}

/// The pages of a PDF that Chromium prints of a report, which is kept for people to look at.
fn printed(page: &[u8], name: &str) -> usize {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("printed");
    std::fs::create_dir_all(&folder).unwrap();
    let (source, pdf) = (
        folder.join(format!("{name}.html")),
        folder.join(format!("{name}.pdf")),
    );
    std::fs::write(&source, page).unwrap();
    let _ = std::fs::remove_file(&pdf);
    let profile = tempfile::tempdir().unwrap();
    let run = std::process::Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(&source)
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let bytes = std::fs::read(&pdf).unwrap();
    let is_page = |window: &&[u8]| window.starts_with(b"/Type /Page") && window[11] != b's';
    bytes.windows(12).filter(is_page).count()
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn finding_28_prints_as_a_table_and_without_the_cancelled_if_asked() {
    const ROWS: u64 = 1527;
    let whole = job(ROWS);
    let none = printed(&page(&summary(0), &[]), "none");
    assert_eq!(none, 1);
    let pages = printed(&whole, "whole");
    // 25 operations a page or more, and what stands before them.
    let listed = (0..ROWS).filter(|number| {
        let state = countermand_fleet::RowState::of(&row(*number));
        state.may_execute()
    });
    let listed = usize::try_from(listed.count() as u64).unwrap();
    let most = (usize::try_from(ROWS).unwrap() + listed).div_ceil(25) + 2;
    assert!(pages <= most, "{pages} pages, at most {most}");
    let brief = String::from_utf8(whole).unwrap();
    let brief = brief.replace("id=\"brief\"", "id=\"brief\" checked");
    let brief = printed(brief.as_bytes(), "brief");
    let most = (2 * listed).div_ceil(25) + 4;
    assert!(brief <= most, "{brief} pages, at most {most}");

    let site = Site::serve(vec![("/", job(60))]);
    let browser = Browser::start();
    browser.window(1280, 1);
    browser.without_script();
    browser.open(&site.url("/"));
    let shown = browser.run("return document.getElementById('brief').checkVisibility()");
    assert_eq!(shown, json!(true), "it needs no script");
}
