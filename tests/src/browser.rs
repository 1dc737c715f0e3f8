//! A person at a browser: a real Chromium, driven over WebDriver, with a profile of its own that goes with it.

mod judging;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Play;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use xtask::stage::{Running, address_to_return_to};
use xtask::test::{CHROMEDRIVER, CHROMIUM};

/// How long a page may take to be what is expected, on a machine that may be busy.
const SOON: Duration = Duration::from_secs(20);

/// What the owner chooses.
const PASSWORD: &str = "correct horse battery";

/// How often one looks.
const EVERY: Duration = Duration::from_millis(25);

/// What a browser is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// A screen of 1,280 by 900 pixels.
    Desk,
    /// A screen of 375 by 812 pixels, on which fingers press.
    Phone,
    /// A desk where browsers run no scripts.
    WithoutScripts,
}

/// A person at a browser.
pub struct Person {
    _running: Running,
    driver: Client,
    base: String,
    _folder: TempDir,
}

impl Person {
    /// Opens a browser for a control plane.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn at(control_plane: SocketAddr, device: Device) -> Result<Self> {
        let folder = TempDir::with_prefix("portcullis-browser-")?;
        let address = address_to_return_to()?;
        let mut command = Command::new(named(CHROMEDRIVER)?);
        command.arg(format!("--port={}", address.port()));
        let running = Running::start("chromedriver", &mut command, folder.path())?;
        let deadline = Instant::now() + SOON;
        let driver = loop {
            let opened = ClientBuilder::new(HttpConnector::new())
                .capabilities(wishes(folder.path(), device)?)
                .connect(&format!("http://{address}"))
                .await;
            match opened {
                Ok(driver) => break driver,
                Err(error) if Instant::now() > deadline => {
                    return Err(anyhow!(error)).context(running.end_of_log());
                }
                Err(_) => sleep(EVERY).await,
            }
        };
        Ok(Self {
            _running: running,
            driver,
            base: format!("http://{control_plane}"),
            _folder: folder,
        })
    }

    /// Goes to a path, or a URL.
    ///
    /// # Errors
    /// When the browser does not.
    pub async fn goes(&self, path: &str) -> Result<()> {
        let url = match path.strip_prefix('/') {
            Some(_) => format!("{}{path}", self.base),
            None => path.to_owned(),
        };
        Ok(self.driver.goto(&url).await?)
    }

    /// What a selector (CSS) finds, as soon as it is there and seen.
    ///
    /// # Errors
    /// When it is not there soon.
    pub async fn sees(&self, selector: &str) -> Result<Element> {
        let deadline = Instant::now() + SOON;
        loop {
            for found in self.driver.find_all(Locator::Css(selector)).await? {
                if found.is_displayed().await.unwrap_or(false) {
                    return Ok(found);
                }
            }
            if Instant::now() > deadline {
                bail!(
                    "nobody sees `{selector}` on this page: {}",
                    self.page().await?
                );
            }
            sleep(EVERY).await;
        }
    }

    /// Waits until a text is on the page.
    ///
    /// # Errors
    /// When it is not there soon.
    pub async fn reads(&self, text: &str) -> Result<()> {
        let deadline = Instant::now() + SOON;
        loop {
            let page = self.page().await.unwrap_or_default();
            if page.contains(text) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("`{text}` is not on this page: {page}");
            }
            sleep(EVERY).await;
        }
    }

    /// The text of what a selector finds.
    ///
    /// # Errors
    /// When it is not there soon.
    pub async fn text(&self, selector: &str) -> Result<String> {
        Ok(self.sees(selector).await?.text().await?)
    }

    /// Types into a field, by its name, in place of what it says.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn types(&self, name: &str, text: &str) -> Result<()> {
        let field = self.sees(&format!("main [name=\"{name}\"]")).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Chooses a file for a field.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn chooses_file(&self, name: &str, path: &Path) -> Result<()> {
        let field = self.sees(&format!("main [name=\"{name}\"]")).await?;
        Ok(field.send_keys(&path.to_string_lossy()).await?)
    }

    /// Presses what a selector finds.
    ///
    /// # Errors
    /// When it is not there soon.
    pub async fn presses(&self, selector: &str) -> Result<()> {
        Ok(self.sees(selector).await?.click().await?)
    }

    /// Presses the button or link with a text.
    ///
    /// # Errors
    /// When it is not there soon.
    pub async fn presses_text(&self, text: &str) -> Result<()> {
        let path = format!("//*[self::a or self::button][normalize-space(.)=\"{text}\"]");
        let deadline = Instant::now() + SOON;
        loop {
            for found in self.driver.find_all(Locator::XPath(&path)).await? {
                if found.is_displayed().await.unwrap_or(false) {
                    return Ok(found.click().await?);
                }
            }
            if Instant::now() > deadline {
                bail!("nothing says `{text}` here: {}", self.page().await?);
            }
            sleep(EVERY).await;
        }
    }

    /// Presses a key where the page has its focus.
    ///
    /// # Errors
    /// When the browser does not.
    pub async fn strikes(&self, keys: &str) -> Result<()> {
        let focused = self.driver.active_element().await?;
        Ok(focused.send_keys(keys).await?)
    }

    /// What has the focus: its text, or its name where it is a field.
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn focus(&self) -> Result<String> {
        let focused = self.driver.active_element().await?;
        match focused.attr("name").await? {
            Some(name) if !name.is_empty() => Ok(name),
            _ => Ok(focused.text().await?),
        }
    }

    /// Where the browser is: the path with its query.
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn place(&self) -> Result<String> {
        let url = self.driver.current_url().await?;
        let place = url.as_str().strip_prefix(&self.base);
        Ok(place.unwrap_or(url.as_str()).to_owned())
    }

    /// Looks as the operator has chosen: `light` or `dark`.
    ///
    /// # Errors
    /// When the browser does not.
    pub async fn prefers(&self, theme: &str) -> Result<()> {
        let script = format!("document.cookie = 'portcullis-theme={theme}; path=/'");
        self.driver.execute(&script, Vec::new()).await?;
        Ok(self.driver.refresh().await?)
    }

    /// Loads the page again until a text is on it.
    ///
    /// # Errors
    /// When it is not there soon.
    pub async fn reloads_until(&self, text: &str) -> Result<()> {
        let deadline = Instant::now() + SOON;
        while !self.page().await?.contains(text) {
            ensure!(
                Instant::now() < deadline,
                "`{text}` is not on this page: {}",
                self.page().await?
            );
            sleep(EVERY).await;
            self.driver.refresh().await?;
        }
        Ok(())
    }

    /// Closes the browser.
    ///
    /// # Errors
    /// When it does not close.
    pub async fn leaves(self) -> Result<()> {
        Ok(self.driver.clone().close().await?)
    }

    async fn page(&self) -> Result<String> {
        Ok(self.driver.find(Locator::Css("body")).await?.text().await?)
    }
}

/// Somebody who comes by the link that the first start prints, and is the first operator from then on.
///
/// # Errors
/// When there is no link, or it does not lead in.
pub async fn owner(play: &Play, device: Device) -> Result<Person> {
    let printed = play.control_plane.printed();
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("set up the first operator: "));
    let link = line.and_then(|line| line.split_whitespace().next());
    let owner = Person::at(play.control_plane.address(), device).await?;
    owner.goes(link.with_context(|| printed.clone())?).await?;
    for (name, text) in [
        ("name", "Ann Berg"),
        ("email", "ann@example.com"),
        ("password", PASSWORD),
        ("repeated", PASSWORD),
    ] {
        owner.types(name, text).await?;
    }
    owner.presses_text("Save and log in").await?;
    owner.sees(".head .product").await?;
    Ok(owner)
}

/// A browser without a window, in a folder of its own, which asks nobody for anything.
fn wishes(folder: &Path, device: Device) -> Result<Capabilities> {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let mut options = json!({
        "binary": named(CHROMIUM)?,
        "args": [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--force-prefers-reduced-motion",
            "--lang=en",
            "--window-size=1280,900",
            profile,
        ],
    });
    match device {
        Device::Desk => {}
        Device::Phone => {
            options["mobileEmulation"] =
                json!({"deviceMetrics": {"width": 375, "height": 812, "pixelRatio": 1.0}});
        }
        Device::WithoutScripts => {
            options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
        }
    }
    let mut wishes = Capabilities::new();
    wishes.insert("browserName".into(), "chrome".into());
    wishes.insert("goog:chromeOptions".into(), options);
    Ok(wishes)
}

fn named(variable: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    let path = path.with_context(|| {
        format!("`{variable}` is not set: run the end-to-end tests with `cargo xtask test`")
    })?;
    ensure!(
        path.is_file(),
        "`{}` is not there: run `cargo xtask test`",
        path.display()
    );
    Ok(path)
}
