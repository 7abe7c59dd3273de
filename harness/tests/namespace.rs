//! Programs in a network of their own, where every host is the test.
#![cfg(target_os = "linux")]

mod world;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use loginproof::sandbox::namespace::{Etc, Namespace, Peer, Sockets, available};
use loginproof::terminal::{How, Launch, Program, StdinKind};
use world::{BOUND, World, end_of};

const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\nthe run's own\n-----END CERTIFICATE-----\n";

/// A namespace, its sockets, and a folder for what runs inside.
struct Net {
    world: World,
    namespace: Namespace,
    sockets: Sockets,
    etc: PathBuf,
}

impl Net {
    /// `None`, with the reason printed, where this machine refuses namespaces.
    fn new() -> Option<Self> {
        let loginproof = Path::new(env!("CARGO_BIN_EXE_loginproof"));
        match available(loginproof) {
            Ok(()) => {}
            // Only where it is the machine's doing: our own mistakes must not go unseen.
            Err(error) if error.remedy().is_some() => {
                #[expect(clippy::print_stderr, reason = "says why nothing is tested")]
                {
                    eprintln!("skipped: {error}");
                }
                return None;
            }
            Err(error) => panic!("{error}"),
        }
        let world = World::new();
        let etc = world.folder.path().join("etc");
        let pinned = ("pinned.test".to_owned(), IpAddr::from([198, 18, 7, 7]));
        Etc::write(&etc, AUTHORITY, &[pinned]).expect("files");
        let (namespace, sockets) = Namespace::create(loginproof, &[]).expect("a namespace");
        Some(Self {
            world,
            namespace,
            sockets,
            etc,
        })
    }

    fn shell(&self, script: &str) -> Launch {
        self.put_inside(self.world.pipes(script, StdinKind::Null))
    }

    fn python(&self, script: &str) -> Launch {
        let launch = self.world.launch(&["python3", "-c", script]);
        let attach = self.shell("").attach;
        self.put_inside(Launch { attach, ..launch })
    }

    fn put_inside(&self, launch: Launch) -> Launch {
        Launch {
            inside: Some(self.namespace.inside(&self.etc)),
            ..launch
        }
    }

    /// Its own report, so that several can run at once.
    fn start(&self, name: &str, launch: Launch) -> Program {
        let report = self.world.folder.path().join(name);
        Program::start(Launch { report, ..launch }).expect("a program")
    }
}

/// What a program printed, once it has ended well.
async fn output(program: Program) -> String {
    let ended = end_of(&program).await;
    let view = program.view();
    let text = String::from_utf8_lossy(&view.stdout.expect("a pipe")).into_owned();
    let error = String::from_utf8_lossy(&view.stderr.expect("a pipe")).into_owned();
    assert_eq!(ended.how, How::Exit(0), "{text}{error}");
    text
}

fn accept(listener: &TcpListener) -> (std::net::TcpStream, SocketAddr) {
    let until = Instant::now() + BOUND;
    loop {
        match listener.accept() {
            Ok((socket, peer)) => {
                socket.set_nonblocking(false).expect("a socket");
                return (socket, peer);
            }
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Answers `count` look-ups and returns their names: 198.18.0.5 for an A record, nothing for others.
fn answer(sockets: &[UdpSocket], count: usize) -> Vec<String> {
    let until = Instant::now() + BOUND;
    let mut names = Vec::new();
    while names.len() < count {
        assert!(Instant::now() < until, "only {names:?} were looked up");
        std::thread::sleep(Duration::from_millis(1));
        for socket in sockets {
            let mut query = [0; 512];
            let Ok((_, from)) = socket.recv_from(&mut query) else {
                continue;
            };
            let mut labels = Vec::new();
            let mut at = 12;
            while query[at] != 0 {
                let end = at + 1 + usize::from(query[at]);
                labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
                at = end;
            }
            let question = &query[12..at + 5];
            let wants_v4 = query[at + 1..at + 3] == [0, 1];
            let mut reply = query[..2].to_vec();
            reply.extend([0x81, 0x80, 0, 1, 0, u8::from(wants_v4), 0, 0, 0, 0]);
            reply.extend(question);
            if wants_v4 {
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 5]);
            }
            names.push(labels.join("."));
            socket.send_to(&reply, from).expect("an answer");
        }
    }
    names
}

#[tokio::test]
async fn a_hard_coded_host_is_ours() {
    let Some(net) = Net::new() else { return };
    let script = "
import socket
s = socket.create_connection(('auth.openai.com', 443), 10)
s.sendall(b'hello')
print(s.recv(10).decode(), s.getpeername()[0])
";
    let program = net.start("client.json", net.python(script));
    // For both families.
    assert_eq!(
        answer(&net.sockets.names_udp, 2),
        ["auth.openai.com", "auth.openai.com"]
    );
    let (mut socket, peer) = accept(&net.sockets.tls[0]);
    assert_eq!(
        socket.local_addr().unwrap(),
        SocketAddr::from(([198, 18, 0, 5], 443))
    );
    let who = net.namespace.who();
    let port = peer.port();
    let name = who(Peer { udp: false, port }).unwrap();
    assert!(name.starts_with("python3"), "{name}");
    assert!(name.contains("import socket"), "{name}");
    let mut said = [0; 5];
    socket.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"hello");
    socket.write_all(b"welcome").unwrap();
    assert_eq!(output(program).await, "welcome 198.18.0.5\n");
}

#[tokio::test]
async fn any_resolver_and_any_address_is_ours() {
    let Some(net) = Net::new() else { return };
    let script = "
import socket
q = bytes.fromhex('abcd01000001000000000000') + b'\\x07example\\x03org\\0\\0\\1\\0\\1'
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('8.8.8.8', 53)); s.settimeout(10); s.send(q)
print(s.recv(512)[-4:].hex())
t = socket.create_connection(('8.8.4.4', 53), 10); print(t.getpeername())
for port in (80, 443):
    socket.create_connection(('2606:4700::1111', port), 10)
";
    let v6 = net.sockets.tls.len() > 1;
    let script = if v6 {
        script
    } else {
        script.split("for port").next().unwrap()
    };
    let program = net.start("client.json", net.python(script));
    assert_eq!(answer(&net.sockets.names_udp, 1), ["example.org"]);
    accept(&net.sockets.names_tcp[0]);
    if v6 {
        let local = |listener| accept(listener).0.local_addr().unwrap().to_string();
        assert_eq!(local(&net.sockets.plain[1]), "[2606:4700::1111]:80");
        assert_eq!(local(&net.sockets.tls[1]), "[2606:4700::1111]:443");
    }
    assert_eq!(output(program).await, "c6120005\n('8.8.4.4', 53)\n");
}

#[tokio::test]
async fn the_host_is_out_of_reach_and_each_try_is_seen() {
    let Some(net) = Net::new() else { return };
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = outside.local_addr().unwrap().port();
    let script = format!(
        "
import socket
for address in [('127.0.0.1', {port}), ('203.0.113.9', 8443), ('10.0.2.15', 9), ('2001:db8::9', 8444)]:
    try:
        socket.create_connection(address, 10)
        print('connected', address)
    except OSError as error:
        print(error.errno)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.sendto(b'quic', ('203.0.113.10', 443))
"
    );
    let program = net.start("client.json", net.python(&script));
    let refused = output(program).await;
    assert!(!refused.contains("connected"), "{refused}");
    outside.set_nonblocking(true).unwrap();
    assert!(outside.accept().is_err());

    let mut seen = Vec::new();
    let mut socket = fs::File::from(net.sockets.packets.unwrap());
    let mut packet = [0; 2048];
    while let Ok(length) = socket.read(&mut packet) {
        let packet = &packet[..length];
        let port = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
        seen.push(match packet[0] >> 4 {
            4 => (packet[9], packet[16..20].to_vec(), port(22)),
            _ => (packet[6], packet[24..40].to_vec(), port(42)),
        });
    }
    let mut v6 = vec![0; 16];
    v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    v6[15] = 9;
    let mut expected = vec![
        (6, vec![203, 0, 113, 9], 8443),
        (6, v6, 8444),
        (17, vec![203, 0, 113, 10], 443),
    ];
    if net.sockets.tls.len() == 1 {
        expected.remove(1);
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn names_and_certificates_are_the_runs_own_and_the_hosts_stay() {
    let Some(net) = Net::new() else { return };
    let before = fs::read_to_string("/proc/self/mounts").unwrap();
    let places = [
        "/etc/hosts",
        "/etc/resolv.conf",
        "/etc/ssl/certs/ca-certificates.crt",
    ];
    let system: Vec<_> = places.iter().map(|path| fs::read(path).ok()).collect();
    let script = "cat /etc/hosts /etc/resolv.conf; id -u; tail -n 3 /etc/ssl/certs/ca-certificates.crt; pwd; touch here";
    let text = output(net.start("client.json", net.shell(script))).await;
    assert!(text.contains("198.18.7.7 pinned.test"), "{text}");
    if system[1].is_some() {
        assert!(text.contains("nameserver 127.0.0.53"), "{text}");
    }
    if system[2].is_some() {
        assert!(text.contains(AUTHORITY), "{text}");
    }
    let own = rustix::process::geteuid().as_raw();
    assert!(text.contains(&format!("\n{own}\n")), "{text}");
    assert!(net.world.folder.path().join("here").exists());
    assert_eq!(fs::read_to_string("/proc/self/mounts").unwrap(), before);
    let after: Vec<_> = places.iter().map(|path| fs::read(path).ok()).collect();
    assert_eq!(after, system);
}

#[tokio::test]
async fn certificates_are_found_by_name_and_by_hash() {
    let Some(net) = Net::new() else { return };
    let folder = Path::new("/etc/ssl/certs");
    if !folder.is_dir() {
        return;
    }
    let script =
        "cd /etc/ssl/certs; cat 931e8d11.0; for f in *; do test -e $f || echo dangling $f; done";
    let text = output(net.start("client.json", net.shell(script))).await;
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.retain(|path| !path.exists());
    assert_eq!(text.matches("dangling").count(), names.len(), "{text}");
    assert!(text.starts_with(AUTHORITY), "{text}");
}

#[tokio::test]
async fn two_namespaces_do_not_see_each_other() {
    let (Some(one), Some(two)) = (Net::new(), Net::new()) else {
        return;
    };
    let script = "
import socket, sys
s = socket.create_server(('127.0.0.1', 1455))
print('bound', flush=True)
c = socket.create_connection(('127.0.0.1', 1455), 10)
a, _ = s.accept()
socket.create_connection(('198.18.0.9', 443), 10).recv(1)
";
    let programs = [(&one, &two), (&two, &one)]
        .map(|(net, other)| (net, other, net.start("client.json", net.python(script))));
    for (net, other, program) in programs {
        let (mut socket, peer) = accept(&net.sockets.tls[0]);
        let peer = Peer {
            udp: false,
            port: peer.port(),
        };
        let own = net.namespace.who()(peer).unwrap();
        assert!(own.starts_with("python3"), "{own}");
        // The same port may be in use there as well, but not by this process.
        assert_ne!(other.namespace.who()(peer), Some(own));
        socket.write_all(b".").unwrap();
        assert_eq!(output(program).await, "bound\n");
    }
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_told() {
    let Some(net) = Net::new() else { return };
    let mut launch = net.shell("true");
    launch.inside = Some(net.namespace.inside(Path::new("/nowhere/at/all")));
    let ended = end_of(&net.start("client.json", launch)).await;
    match ended.how {
        How::NotStarted(reason) => assert!(reason.contains("/nowhere/at/all"), "{reason}"),
        how => panic!("{how:?}"),
    }
}

#[tokio::test]
async fn a_terminal_and_a_daemon_are_as_outside() {
    let Some(net) = Net::new() else { return };
    let launch = net
        .world
        .shell("setsid sleep 1000 & test -t 0 && stty size; exit 4");
    let program = net.start("client.json", net.put_inside(launch));
    let ended = end_of(&program).await;
    assert_eq!(ended.how, How::Exit(4));
    assert_eq!(ended.left_behind.len(), 1, "{:?}", ended.left_behind);
    assert_eq!(ended.left_behind[0].command, "sleep 1000");
    assert_eq!(&*program.view().screen, "24 80");
}
