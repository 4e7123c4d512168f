//! Hubs and commands that speak TLS, and those that do not.

mod support;

use std::{fs, path::Path};

use nix::sys::signal::Signal;
use support::{
    certificates::{Ca, Issued},
    hub::Hub,
    process::{Process, leasehold},
    shell::{Told, run, text_of},
};
use tempfile::TempDir;
use tokio::process::Command;

/// A hub that speaks TLS, and the files for it.
struct Tower {
    hub: Hub,
    ca: Ca,
    nodes: Ca,
    folder: TempDir,
}

impl Tower {
    /// A hub that asks nodes for nothing.
    async fn start() -> Self {
        Self::with("none").await
    }

    /// A hub that asks nodes for certificates like this.
    async fn with(nodes: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let (ca, of_nodes) = (Ca::new("hubs"), Ca::new("nodes"));
        ca.write(folder.path(), "ca.pem");
        of_nodes.write(folder.path(), "nodes-ca.pem");
        ca.issue(folder.path(), "hub", &["127.0.0.1", "localhost"]);
        let hub = Hub::with(&section(folder.path(), nodes)).await;
        Self {
            hub,
            ca,
            nodes: of_nodes,
            folder,
        }
    }

    fn path(&self, name: &str) -> String {
        text_of(&self.folder.path().join(name))
    }

    /// A command that speaks TLS with the hub.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.hub.command(args);
        command.env("LEASEHOLD_NODE_TLS_CA", self.path("ca.pem"));
        command
    }

    async fn run(&self, args: &[&str]) -> Told {
        run(self.command(args)).await
    }

    /// The same, and it shows a certificate.
    async fn run_as(&self, issued: &Issued, args: &[&str]) -> Told {
        let (certificate, key) = (text_of(&issued.certificate), text_of(&issued.key));
        let flags = ["--tls-certificate", &certificate, "--tls-key", &key];
        self.run(&[args, &flags].concat()).await
    }
}

/// The `[tls]` of a hub whose files are in this folder.
fn section(folder: &Path, nodes: &str) -> String {
    let path = |name| text_of(&folder.join(name));
    let (certificate, key, ca) = (path("hub.pem"), path("hub.key"), path("nodes-ca.pem"));
    let mut text =
        format!("[log]\nlevel = \"debug\"\n[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
    if nodes != "none" {
        text += &format!("nodes_ca = {ca:?}\nnodes = {nodes:?}\n");
    }
    text
}

#[tokio::test]
async fn tasks_are_enqueued_and_worked_on_over_tls() {
    let tower = Tower::start().await;
    let payload = "x".repeat(300_000);
    let file = tower.hub.file("payload", &payload);
    let ca = tower.path("ca.pem");
    let args = ["enqueue", "p", "--file", &file, "--tls-ca", &ca];
    let id = tower.hub.run(&args).await.ok();
    let worked = tower.run(&["work", "p", "--exec", "wc -c", "--until-empty"]);
    worked.await.ok();
    let args = ["wait", "p", id.trim(), "--tls-name", "localhost"];
    assert_eq!(tower.run(&args).await.ok().trim(), "300000");
}

#[tokio::test]
async fn a_hub_that_is_not_trusted_is_told_at_once_and_how_to_mend_it() {
    let tower = Tower::start().await;
    let other = text_of(&Ca::new("others").write(tower.folder.path(), "other.pem"));
    let told = tower.run(&["status", "--tls-ca", &other]).await.failed(1);
    assert!(
        told.contains("not of a CA in the file that was given (--tls-ca)"),
        "{told}"
    );
    let told = tower
        .run(&["status", "--tls-name", "elsewhere"])
        .await
        .failed(1);
    assert!(
        told.contains("--tls-name") && told.contains("elsewhere"),
        "{told}"
    );
    let gone = tower.path("gone.pem");
    let told = tower.run(&["status", "--tls-ca", &gone]).await.failed(1);
    assert!(told.contains(&format!("{gone} cannot be read")), "{told}");
    tower
        .ca
        .issue_expired(tower.folder.path(), "hub", "127.0.0.1");
    tower.hub.process().signal(Signal::SIGHUP);
    tower.hub.process().said("it is not good any more").await;
    let told = tower.run(&["status", "--timeout", "2s"]).await.failed(69);
    assert!(told.contains("expired"), "{told}");
    let told = tower.run(&["status", "--tls-key", "k"]).await.failed(2);
    assert!(told.contains("--tls-certificate"), "{told}");
}

#[tokio::test]
async fn only_nodes_of_the_right_ca_are_let_in_and_they_are_known_by_name() {
    let tower = Tower::with("required").await;
    let told = tower.run(&["status"]).await.failed(1);
    assert!(told.contains("--tls-certificate"), "{told}");
    tower.hub.process().said("its TLS handshake failed").await;
    let foreign = tower.ca.issue(tower.folder.path(), "foreign", &["crane-1"]);
    let told = tower.run_as(&foreign, &["status"]).await.failed(1);
    assert!(told.contains("tls.nodes_ca"), "{told}");
    let issued = tower
        .nodes
        .issue(tower.folder.path(), "crane-1", &["crane-1.yard"]);
    tower.run_as(&issued, &["enqueue", "p", "x"]).await.ok();
    tower
        .hub
        .process()
        .said("certificate=\"crane-1.yard\"")
        .await;
}

#[tokio::test]
async fn a_hub_takes_new_certificates_while_it_runs() {
    let tower = Tower::start().await;
    let mut worker = worker(&tower);
    tower.run(&["enqueue", "p", "first"]).await.ok();
    worker.said("worked on first").await;
    let next = Ca::new("next hubs");
    let next_ca = text_of(&next.write(tower.folder.path(), "next.pem"));
    next.issue(tower.folder.path(), "hub", &["127.0.0.1"]);
    tower.hub.process().signal(Signal::SIGHUP);
    let told = tower
        .hub
        .process()
        .said("configuration: the hub's certificate is")
        .await;
    assert!(told.contains("is for 127.0.0.1, serial "), "{told}");
    let refused = tower.run(&["status"]).await.failed(1);
    assert!(refused.contains("--tls-ca"), "{refused}");
    let second = ["enqueue", "p", "second", "--tls-ca", &next_ca];
    tower.run(&second).await.ok();
    worker.said("worked on second").await;
    worker.signal(Signal::SIGTERM);
    assert!(
        worker.ended().await.success(),
        "its session went on to the end"
    );
}

fn worker(tower: &Tower) -> Process {
    let exec = "echo worked on $(cat) | tee /dev/stderr";
    let command = tower.command(&["work", "p", "--name", "old", "--exec", exec]);
    Process::start("the worker", command)
}

#[tokio::test]
async fn bad_certificates_are_named_and_the_old_ones_stay() {
    let tower = Tower::start().await;
    fs::write(tower.path("hub.key"), "-----BEGIN PRIVATE KEY-----\nSECRET").unwrap();
    tower.hub.process().signal(Signal::SIGHUP);
    tower
        .hub
        .process()
        .said("the configuration stays as it was")
        .await;
    let lines = tower.hub.process().lines().join("\n");
    let told = format!("tls.key = {:?}: has no key in PEM", tower.path("hub.key"));
    assert!(lines.contains(&told), "{lines}");
    assert!(!lines.contains("SECRET"), "{lines}");
    tower.run(&["enqueue", "p", "x"]).await.ok();
    let args = ["hub", "--check-config", "--config"];
    let config = text_of(&tower.hub.folder().join("hub.toml"));
    let told = run(leasehold(&[&args[..], &[&config]].concat()))
        .await
        .failed(2);
    assert!(told.contains("tls.key"), "{told}");
}

#[tokio::test]
async fn who_speaks_otherwise_is_told_so_and_so_is_the_owner() {
    let tower = Tower::start().await;
    let told = tower.hub.run(&["status"]).await.failed(1);
    assert!(
        told.contains("speaks TLS") && told.contains("--tls-ca"),
        "{told}"
    );
    tower
        .hub
        .process()
        .said("it spoke no TLS, and this hub speaks nothing else")
        .await;
    let plain = Hub::start().await;
    let ca = tower.path("ca.pem");
    let told = plain.run(&["status", "--tls-ca", &ca]).await.failed(1);
    assert!(told.contains("speaks no TLS"), "{told}");
    plain
        .process()
        .said("it spoke TLS, and this hub does not")
        .await;
    plain.run(&["status"]).await.ok();
}

/// The commands of the page make what a hub and a node take.
#[tokio::test]
async fn the_page_tells_how_certificates_are_made() {
    let page = include_str!("../../docs/TLS.md");
    let fenced = |kind: &str, nth: usize| {
        let begin = format!("```{kind}\n");
        let text = page.split(&begin).nth(nth).expect("the page has it");
        text.split("```").next().expect("it has an end").to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut commands = Command::new("sh");
    commands.args(["-e", "-c", &fenced("sh", 1)]);
    commands.current_dir(folder.path());
    run(commands).await.ok();
    let file = |name: &str| text_of(&folder.path().join(name));
    let config = fenced("toml", 1);
    let config = config.replace("= \"hub.pem\"", &format!("= {:?}", file("hub.pem")));
    let config = config.replace("= \"hub.key\"", &format!("= {:?}", file("hub.key")));
    let config = config.replace("= \"ca.pem\"", &format!("= {:?}", file("ca.pem")));
    let hub = Hub::with(&config).await;
    let (ca, certificate, key) = (file("ca.pem"), file("crane-1.pem"), file("crane-1.key"));
    let identity = ["--tls-certificate", &certificate, "--tls-key", &key];
    let args = [&["status", "--tls-ca", &ca], &identity[..]].concat();
    hub.run(&args).await.ok();
    // What was made for a node is not taken for a hub's.
    let posing = config.replace(&file("hub.pem"), &certificate);
    let posing = Hub::with(&posing.replace(&file("hub.key"), &key)).await;
    let args = [&args[..], &["--tls-name", "crane-1"]].concat();
    let told = posing.run(&args).await.failed(1);
    assert!(
        told.contains("the hub's certificate is not taken"),
        "{told}"
    );
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused_until_strangers_are_kept_out() {
    let check = |more: &[&str]| {
        let args = ["hub", "--listen", "0.0.0.0:7411", "--check-config"];
        run(leasehold(&[&args[..], more].concat()))
    };
    let told = check(&[]).await.failed(2);
    for words in [
        "--listen: hub.listen = \"0.0.0.0:7411\" with hub.open_to_all = false (default): ",
        "set tls.certificate and tls.key, as docs/TLS.md says, and auth.required = true",
        "(or tls.nodes = \"required\" and tls.nodes_ca)",
        "hub.open_to_all = true",
    ] {
        assert!(told.contains(words), "{words} in {told}");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = text_of(&folder.path().join("hub.toml"));
    fs::write(&config, "[hub]\nopen_to_all = true\n").unwrap();
    check(&["--config", &config]).await.ok();
    let ca = Ca::new("all");
    ca.issue(folder.path(), "hub", &["localhost"]);
    ca.write(folder.path(), "nodes-ca.pem");
    fs::write(&config, section(folder.path(), "optional")).unwrap();
    let told = check(&["--config", &config]).await.failed(2);
    assert!(told.contains("TLS alone keeps nobody out"), "{told}");
    fs::write(&config, section(folder.path(), "required")).unwrap();
    check(&["--config", &config]).await.ok();
}
