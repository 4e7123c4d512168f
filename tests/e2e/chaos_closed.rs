//! `leasehold chaos` and `leasehold bench` at hubs that speak TLS and ask who comes.

mod support;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use support::{
    certificates::Ca,
    hub::Hub,
    process::{BINARY, Process, leasehold, unswayed},
    shell::{Told, run, text_of},
    within,
};
use tempfile::TempDir;
use tokio::process::Command;

/// The exit code of what a token does not allow.
const DENIED: i32 = 77;

const KEPT: &str = "all promises were kept";

/// Files of a hub that lets in who has a certificate and a token, and of one who has both.
struct Yard {
    folder: TempDir,
}

impl Yard {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let (hubs, nodes) = (Ca::new("hubs"), Ca::new("nodes"));
        hubs.write(folder.path(), "ca.pem");
        nodes.write(folder.path(), "nodes-ca.pem");
        hubs.issue(folder.path(), "hub", &["hub.internal", "localhost"]);
        nodes.issue(folder.path(), "crane-1", &["crane-1"]);
        let yard = Self { folder };
        fs::write(yard.path("hub.toml"), yard.config()).expect("the folder can be written");
        yard.make("me", &["--role", "admin"]).await;
        yard
    }

    fn path(&self, name: &str) -> String {
        text_of(&self.folder.path().join(name))
    }

    /// Of a hub that is played at: nobody waits long for a node that is frozen.
    fn config(&self) -> String {
        let more = "[session]\nheartbeat = \"500ms\"\nsilence_after = \"2s\"\n\
                    [pool_defaults]\nback_off_base = \"100ms\"\nback_off_cap = \"1s\"\n";
        self.patient_config() + more
    }

    /// Silence is borne as long as it is by default.
    fn patient_config(&self) -> String {
        let [certificate, key, ca, tokens] =
            ["hub.pem", "hub.key", "nodes-ca.pem", "tokens.json"].map(|name| self.path(name));
        format!(
            "[tls]\ncertificate = {certificate:?}\nkey = {key:?}\nnodes_ca = {ca:?}\n\
             nodes = \"required\"\n[auth]\nrequired = true\nfile = {tokens:?}\n"
        )
    }

    /// Makes a token before there is a hub; its file.
    async fn make(&self, name: &str, more: &[&str]) -> String {
        let (tokens, out) = (self.path("tokens.json"), self.path(name));
        let args = ["token", "create", name, "--file", &tokens, "--out", &out];
        run(leasehold(&[&args[..], more].concat())).await.ok();
        out
    }

    /// What is secret of a token.
    fn secret(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path(name)).expect("it was made");
        let (_, secret) = text.trim().rsplit_once('.').expect("it has a secret");
        secret.to_owned()
    }

    /// A command that knows whom to trust and what to show, but for the token.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = leasehold(args);
        command
            .env("LEASEHOLD_NODE_TLS_CA", self.path("ca.pem"))
            .env("LEASEHOLD_NODE_TLS_NAME", "hub.internal")
            .env("LEASEHOLD_NODE_TLS_CERTIFICATE", self.path("crane-1.pem"))
            .env("LEASEHOLD_NODE_TLS_KEY", self.path("crane-1.key"))
            .current_dir(self.folder.path());
        command
    }
}

/// It takes as long as it takes: its own bounds are what ends it.
async fn run_for_long(mut command: Command) -> Told {
    let output = command.kill_on_drop(true).output().await;
    let output = output.expect("the binary starts");
    Told {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Files under a folder with this in them.
fn with(needle: &str, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("it can be read on").path();
        if path.is_dir() {
            found.extend(with(needle, &path));
        } else if is_in(needle, &fs::read(&path).expect("a file can be read")) {
            found.push(text_of(&path));
        }
    }
    found
}

fn is_in(needle: &str, bytes: &[u8]) -> bool {
    let mut windows = bytes.windows(needle.len());
    windows.any(|window| window == needle.as_bytes())
}

/// The arguments of all processes of this machine.
fn arguments() -> Vec<Vec<u8>> {
    let processes = fs::read_dir("/proc").expect("there is /proc");
    let arguments = |of: fs::DirEntry| fs::read(of.path().join("cmdline")).ok();
    processes.flatten().filter_map(arguments).collect()
}

#[tokio::test]
async fn a_configuration_with_tls_and_tokens_is_played_with_what_is_given() {
    let yard = Yard::new().await;
    let (config, keep) = (yard.path("hub.toml"), yard.path("kept"));
    let before = fs::read(yard.path("tokens.json")).unwrap();
    let args = [
        "chaos", "kill", "--seed", "4", "--for", "5s", "--slack", "20s",
    ];
    let more = ["--hub-config", &config, "--keep", &keep];
    let told = run_for_long(yard.command(&[&args[..], &more].concat())).await;
    let told = told.ok();
    assert!(told.contains(KEPT), "{told}");
    assert!(
        told.contains(" --tls-name hub.internal "),
        "it can be typed again: {told}"
    );
    assert_eq!(
        fs::read(yard.path("tokens.json")).unwrap(),
        before,
        "the tokens of the configuration are those of another hub"
    );
    // That of the run is gone with it.
    assert_eq!(with("lh1.", Path::new(&keep)), Vec::<String>::new());
    assert_eq!(
        with(&yard.secret("me"), Path::new(&keep)),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn what_a_configuration_with_tls_needs_is_said() {
    let yard = Yard::new().await;
    let config = yard.path("hub.toml");
    let args = ["chaos", "network", "--for", "3s", "--hub-config", &config];
    let told = run(leasehold(&args)).await.failed(2);
    for word in ["--tls-ca", "--tls-name"] {
        assert!(told.contains(word), "{told}");
    }
    let mut command = yard.command(&args);
    command
        .env_remove("LEASEHOLD_NODE_TLS_CERTIFICATE")
        .env_remove("LEASEHOLD_NODE_TLS_KEY");
    let told = run(command).await.failed(2);
    assert!(told.contains("--tls-certificate"), "{told}");
    let mut command = yard.command(&args);
    command.env_remove("LEASEHOLD_NODE_TLS_NAME");
    let told = run(command).await.failed(1);
    assert!(
        told.contains("127.0.0.1") && told.contains("--tls-name"),
        "{told}"
    );
}

#[tokio::test]
async fn a_hub_that_asks_who_comes_is_played_at_and_no_secret_is_seen() {
    let yard = Yard::new().await;
    let pool = ["--pool", "chaos"];
    let roles = ["--role", "producer", "--role", "node"];
    let token = yard.make("chaos", &[&roles[..], &pool].concat()).await;
    let hub = Hub::with(&yard.config()).await;
    let (at, keep) = (hub.at(), yard.path("kept"));
    let args = [
        "chaos", "freeze", "--seed", "4", "--for", "5s", "--hub", &at,
    ];
    // It says how long silence is borne.
    let config = yard.path("hub.toml");
    let more = [
        "--token-file",
        &token,
        "--keep",
        &keep,
        "--hub-config",
        &config,
    ];
    let command = yard.command(&[&args[..], &more].concat());
    let play = Process::start("the play", command);
    play.said("1/").await;
    let secret = yard.secret("chaos");
    let is_part = |of: &&Vec<u8>| is_in(&at, of) && is_in("--history", of);
    // One that was just started still has the arguments of who starts it.
    let arguments = within("all are there", async {
        loop {
            let arguments = arguments();
            if arguments.iter().filter(is_part).count() >= 5 {
                return arguments;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!arguments.iter().any(|of| is_in(&secret, of)));
    play.said("no more faults").await;
    play.said("asking for the end").await;
    play.said(KEPT).await;
    assert_eq!(with(&secret, Path::new(&keep)), Vec::<String>::new());
    let lines = play.lines().join("\n");
    assert!(!lines.contains(&secret), "{lines}");
    assert!(!lines.contains("freeze hub"), "it is another's: {lines}");
}

#[tokio::test]
async fn whoever_would_be_denied_is_told_so_at_once() {
    let yard = Yard::new().await;
    let half = ["--role", "producer"];
    let half = yard.make("half", &half).await;
    let other = ["--role", "producer", "--role", "node", "--pool", "mail"];
    let other = yard.make("other", &other).await;
    let hub = Hub::with(&yard.config()).await;
    let at = hub.at();
    let chaos = ["chaos", "kill", "--for", "3s", "--hub", &at];
    let bench = ["bench", "enqueue", "--seconds", "0.1", "--hub", &at];
    for args in [&chaos[..], &bench[..]] {
        let told = run(yard.command(args)).await.failed(DENIED);
        assert!(told.contains("--token-file"), "{told}");
        for (token, word) in [(&half, "to claim takes the role node"), (&other, "mail")] {
            let mut command = yard.command(args);
            command.env("LEASEHOLD_TOKEN_FILE", token);
            let told = run(command).await.failed(DENIED);
            assert!(told.contains(word), "{told}");
        }
        let told = run(leasehold(args)).await.failed(1);
        assert!(told.contains("speaks TLS"), "{told}");
    }
}

#[tokio::test]
async fn a_hub_that_asks_who_comes_is_measured() {
    let yard = Yard::new().await;
    let token = yard
        .make("bench", &["--role", "producer", "--role", "node"])
        .await;
    // Hundreds of handshakes take their time, and who waits for the others says nothing.
    let hub = Hub::with(&yard.patient_config()).await;
    let at = hub.at();
    let phases = ["bench", "enqueue", "claim", "single", "latency", "cut"];
    let small = ["--connections", "2", "--seconds", "0.2", "--rates", "100"];
    let more = ["--sessions", "10", "--hub", &at, "--json", "-"];
    let mut command = yard.command(&[&phases[..], &small, &more].concat());
    // In the environment alone: the process that holds sessions for `cut` has it, too.
    let secret = fs::read_to_string(token).unwrap();
    command.env("LEASEHOLD_TOKEN", secret.trim());
    let told = run_for_long(command).await.json();
    let told = told.to_string();
    assert!(told.contains("\"cut\""), "{told}");
    assert!(!told.contains(&yard.secret("bench")), "{told}");
}

#[tokio::test]
async fn tls_notices_every_bit_that_flips() {
    let args = [
        "chaos", "network", "--closed", "--seed", "787", "--for", "12s",
    ];
    let mut command = leasehold(&[&args[..], &["--slack", "6s"]].concat());
    // These are for other hubs.
    command
        .env("LEASEHOLD_NODE_TLS_CA", "/nowhere/ca.pem")
        .env("LEASEHOLD_TOKEN_FILE", "/nowhere/token");
    let told = run_for_long(command).await.ok();
    assert!(told.contains("a bit flipped, of whatever passes"), "{told}");
    assert!(told.contains(KEPT), "{told}");
}

/// What the page says of a hub that runs already works as it stands.
#[tokio::test]
async fn the_commands_of_the_page_work() {
    let page = include_str!("../../docs/CHAOS.md");
    let begin = "```sh\nleasehold token create chaos ";
    let from = page.find(begin).expect("the page has them") + "```sh\n".len();
    let commands = page[from..].split("```").next().expect("it has an end");
    let yard = Yard::new().await;
    let hub = Hub::with(&yard.config()).await;
    let commands = commands
        .replace("hub.internal:7411", &hub.at())
        .replace("--for 10m", "--for 3s");
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &commands]);
    let mut shell = unswayed(shell);
    let bin = Path::new(BINARY).parent().expect("it is in a folder");
    let path = std::env::var("PATH").expect("there is a path");
    // Of whom the page has spoken before.
    shell
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("LEASEHOLD_HUB", hub.at())
        .env("LEASEHOLD_TOKEN_FILE", yard.path("me"))
        .env("LEASEHOLD_NODE_TLS_CA", yard.path("ca.pem"))
        .env("LEASEHOLD_NODE_TLS_NAME", "hub.internal")
        .env("LEASEHOLD_NODE_TLS_CERTIFICATE", yard.path("crane-1.pem"))
        .env("LEASEHOLD_NODE_TLS_KEY", yard.path("crane-1.key"))
        .current_dir(yard.folder.path());
    let told = run_for_long(shell).await.ok();
    assert!(told.contains(KEPT), "{told}");
}

/// Each scene has a script and a row in the page, and each script plays what it is called after.
#[tokio::test]
async fn each_scene_has_a_script_and_a_row() {
    let page = include_str!("../../docs/CHAOS.md");
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/chaos");
    let help = run(leasehold(&["chaos", "--help"])).await.ok();
    let scenes = help.lines().skip_while(|line| *line != "Commands:");
    let scenes = scenes.skip(1).take_while(|line| !line.is_empty());
    let scenes = scenes.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let not_played = ["", "check", "help"];
    let scenes = scenes.filter(|scene| !not_played.contains(scene));
    let mut count = 0;
    for scene in scenes {
        count += 1;
        let script = scripts.join(format!("{scene}.sh"));
        let about = fs::metadata(&script).unwrap_or_else(|_| panic!("{scene} has no script"));
        assert_eq!(about.permissions().mode() & 0o111, 0o111, "{scene}");
        let mut command = Command::new(&script);
        command.arg("--help").env("LEASEHOLD_BIN", BINARY);
        let told = run(command).await.ok();
        let usage = format!("Usage: leasehold chaos {scene} [OPTIONS]");
        assert!(told.contains(&usage), "{told}");
        let row = format!("[{scene}](../scripts/chaos/{scene}.sh)");
        assert!(scene == "all" || page.contains(&row), "{row}");
    }
    assert_eq!(count, 11, "{help}");
}
