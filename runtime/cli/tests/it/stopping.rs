//! What a signal leaves of an import and an export, and where rows may be written.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::{FileTypeExt, symlink},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use crate::{
    command::{Workplace, eventually, interrupt},
    files::{files, sql},
};

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

fn started(workplace: &Workplace, args: &[&str]) -> Child {
    workplace.levada(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("levada starts")
}

/// A folder with many rows in it.
fn with_rows(rows: usize) -> Workplace {
    let workplace = Workplace::new();
    let text: String = (0..rows).map(|at| format!("{at},root.a.d,{at},some text\n")).collect();
    workplace.write("in.csv", &format!("Time,Device,n(INT64),t(TEXT)\n{text}"));
    workplace.run(&["import", "in.csv", "--data", "data", "--quiet"]).ok();
    workplace
}

#[test]
fn an_interrupted_export_leaves_nothing_behind_and_says_so() {
    let workplace = with_rows(400_000);
    let args = ["export", "--data", "data", "--path", "root.**", "-o", "out.jsonl", "--format", "jsonl"];
    let child = started(&workplace, &args);
    eventually("rows are written", || {
        fs::metadata(workplace.path("out.jsonl.part")).is_ok_and(|part| part.len() > 0)
    });
    let ended = interrupt(&args, child);
    assert_eq!(ended.code, Some(130), "{} {}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("interrupted: nothing is written to out.jsonl"), "{}", ended.stderr);
    assert!(!workplace.path("out.jsonl").exists() && !workplace.path("out.jsonl.part").exists());
}

#[test]
fn an_interrupted_export_to_parquet_leaves_nothing_behind() {
    let workplace = with_rows(400_000);
    let args = ["export", "--data", "data", "--path", "root.**", "-o", "out.parquet"];
    let child = started(&workplace, &args);
    eventually("the file is begun", || workplace.path("out.parquet.part").exists());
    let ended = interrupt(&args, child);
    assert_eq!(ended.code, Some(130), "{} {}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("interrupted: nothing is written to out.parquet"), "{}", ended.stderr);
    assert!(!workplace.path("out.parquet").exists() && !workplace.path("out.parquet.part").exists());
}

#[test]
fn what_is_interrupted_before_its_store_is_open_says_that_nothing_has_happened() {
    let workplace = Workplace::new();
    workplace.write("in.csv", "Time,Device,n(INT64)\n1,root.a.d,1\n");
    // A node that takes the connection and never says a word.
    let node = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = node.local_addr().expect("an address").to_string();
    for (what, said) in [
        (&["import", "in.csv"][..], "interrupted: nothing is stored"),
        (&["export", "--path", "root.**", "-o", "out.csv"], "interrupted: nothing is written to out.csv"),
    ] {
        let args = [what, &["--node", &address]].concat();
        let child = started(&workplace, &args);
        let connection = node.accept().expect("it connects");
        let ended = interrupt(&args, child);
        drop(connection);
        assert_eq!(ended.code, Some(130), "{what:?}: {} {}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(said), "{what:?}: {}", ended.stderr);
    }
    assert!(!workplace.path("out.csv").exists() && !workplace.path("out.csv.part").exists());
}

#[test]
fn an_import_from_a_stream_stores_what_comes_and_ends_when_it_is_asked_to_while_nothing_comes() {
    let workplace = Workplace::new();
    workplace.write("a.csv", "Time,Device,n(INT64)\n1,root.a.d,1\n2,root.a.d,2\n");
    workplace.write("c.csv", "Time,Device,n(INT64)\n9,root.a.d,1\n");
    fifo(&workplace.path("b.jsonl"));
    let args = ["import", "a.csv", "b.jsonl", "c.csv", "--data", "data", "--quiet"];
    let child = started(&workplace, &args);
    let mut pipe = File::options().write(true).open(workplace.path("b.jsonl")).expect("somebody reads");
    let lines =
        "{\"Time\":1,\"root.b.d.n\":1}\nno row\n# a remark\n{\"Time\":2,\"root.b.d.n\":2}\n{\"Time\":3,";
    pipe.write_all(lines.as_bytes()).expect("written");
    // What is rejected is kept aside before the others are stored. Somebody may write more, and does not.
    eventually("the lines are taken in", || workplace.path("b.jsonl.failed").exists());
    let ended = interrupt(&args, child);
    drop(pipe);
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    for said in [
        "4 values in 4 rows are stored, 1 of 3 files wholly",
        "not stored, or in part: b.jsonl",
        "not stored: c.csv",
        "interrupted",
    ] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(ended.stdout.contains("1 row was rejected: see b.jsonl.failed"), "{}", ended.stdout);
}

#[test]
fn an_import_is_interrupted_though_more_comes_all_the_while() {
    let workplace = Workplace::new();
    fifo(&workplace.path("b.jsonl"));
    let child = started(&workplace, &["import", "b.jsonl", "--data", "data", "--quiet"]);
    let mut pipe = File::options().write(true).open(workplace.path("b.jsonl")).expect("somebody reads");
    let pid = child.id().to_string();
    let ended = thread::scope(|scope| {
        let ended = scope.spawn(|| child.wait_with_output().expect("it ends"));
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
        let mut at = 0;
        while !ended.is_finished()
            && pipe.write_all(format!("{{\"Time\":{at},\"root.b.d.n\":1}}\n").as_bytes()).is_ok()
        {
            at += 1;
        }
        drop(pipe);
        ended.join().expect("no panic")
    });
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(130) && stderr.contains("interrupted"), "{stderr}");
}

#[test]
fn a_stream_is_written_into_and_stays_what_it_is() {
    let workplace = with_rows(2);
    fifo(&workplace.path("pipe"));
    let expected = "Time,Device,n(INT64)\n0,root.a.d,0\n1,root.a.d,1\n";
    for force in [&[][..], &["--force"]] {
        let (read, done) = thread::scope(|scope| {
            let read = scope.spawn(|| {
                let mut text = String::new();
                File::open(workplace.path("pipe")).expect("a pipe").read_to_string(&mut text).expect("text");
                text
            });
            let args = [&["export", "--data", "data", "--path", "root.a.d.n", "-o", "pipe"], force].concat();
            let done = workplace.run(&args);
            (read.join().expect("no panic"), done)
        });
        assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""), "{}", done.stderr);
        assert_eq!(read, expected);
    }
    assert!(fs::symlink_metadata(workplace.path("pipe")).expect("there").file_type().is_fifo());
    // Nobody reads any more: it does not wait for ever.
    let alone = workplace.run(&["export", "--data", "data", "--path", "root.**", "-o", "pipe", "--force"]);
    assert!(alone.code == Some(1) && alone.stderr.contains("nobody reads from it"), "{}", alone.stderr);
    for format in ["csv", "jsonl", "tsfile"] {
        let args = [
            "export",
            "--data",
            "data",
            "--path",
            "root.**",
            "-o",
            "/dev/null",
            "--force",
            "--format",
            format,
        ];
        workplace.run(&args).ok();
    }
    assert!(fs::metadata("/dev/null").expect("there").file_type().is_char_device());
}

#[test]
fn a_link_stays_and_what_it_points_to_counts() {
    let workplace = with_rows(1);
    let export = |to: &str, more: &[&str]| {
        workplace.run(&[&["export", "--data", "data", "--path", "root.a.d.n", "-o", to], more].concat())
    };
    workplace.write("kept/real.csv", "mine\n");
    symlink("kept/real.csv", workplace.path("link.csv")).expect("linked");
    symlink("kept/nothing.csv", workplace.path("dangling.csv")).expect("linked");
    assert_eq!(export("link.csv", &[]).code, Some(3));
    export("link.csv", &["--force"]).ok();
    assert!(fs::symlink_metadata(workplace.path("link.csv")).expect("there").is_symlink());
    let real = fs::read_to_string(workplace.path("kept/real.csv")).expect("there");
    assert_eq!(real, "Time,Device,n(INT64)\n0,root.a.d,0\n");
    let dangling = export("dangling.csv", &["--force"]);
    assert!(
        dangling.code == Some(3) && dangling.stderr.contains("link to what is not there"),
        "{}",
        dangling.stderr
    );
    // What stands under the name of the file that is being written, and is no file, is not written through.
    symlink("kept/real.csv", workplace.path("new.csv.part")).expect("linked");
    assert_eq!(export("new.csv", &[]).code, Some(1));
    assert_eq!(fs::read_to_string(workplace.path("kept/real.csv")).expect("there"), real);
    assert_eq!(files(&workplace.path("kept"), "part").len(), 0);
}

/// Two ends of a terminal.
fn terminal() -> (File, File) {
    use std::os::fd::FromRawFd;
    let (mut ours, mut theirs) = (0, 0);
    let null = std::ptr::null_mut();
    // SAFETY: the two numbers are written to, and nothing else is asked for.
    assert_eq!(unsafe { libc::openpty(&mut ours, &mut theirs, null, null.cast(), null.cast()) }, 0);
    // SAFETY: both are open, and nobody else has them.
    unsafe { (File::from_raw_fd(ours), File::from_raw_fd(theirs)) }
}

#[test]
fn ctrl_c_ends_a_query_and_not_the_shell() {
    let workplace = with_rows(300_000);
    let (mut ours, theirs) = terminal();
    let other = || Stdio::from(theirs.try_clone().expect("another"));
    let mut child = workplace
        .levada(&["sql", "--data", "data", "--zone", "UTC", "--format", "csv"])
        .stdin(other())
        .stdout(other())
        .stderr(other())
        .env("TERM", "dumb")
        .env("HOME", workplace.path(""))
        .spawn()
        .expect("levada starts");
    drop(theirs);
    let pid = child.id().to_string();
    let mut input = ours.try_clone().expect("another");
    let mut type_in = |text: &str| std::io::Write::write_all(&mut input, text.as_bytes()).expect("typed");
    type_in("select n, t from root.a.d;\n");
    let (mut seen, mut piece) = (String::new(), [0; 1 << 16]);
    let (mut interrupted, mut asked) = (false, false);
    // The terminal is gone when the shell ends.
    while let Ok(read @ 1..) = ours.read(&mut piece) {
        seen.push_str(&String::from_utf8_lossy(&piece[..read]));
        if !interrupted && seen.contains("100,100,some text") {
            interrupted = true;
            assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
        }
        if !asked && seen.contains("Msg: interrupted") {
            asked = true;
            type_in("select count(n) from root.a.d;\nexit\n");
        }
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert!(asked, "nothing was interrupted");
    assert!(!seen.contains("299999,299999,some text"), "it went on to its end");
    assert!(seen.contains("300000"), "the shell goes on");
}

#[test]
fn a_statement_may_begin_with_a_remark() {
    let workplace = with_rows(1);
    for text in [
        "-- a remark\nselect n from root.a.d",
        "--\nselect n from root.a.d; -- the end",
        "-- select\n\n-- twice\nselect n from root.a.d;",
    ] {
        assert_eq!(sql(&workplace, "data", text), "Time,root.a.d.n\n0,0\n");
    }
    let export =
        ["export", "--data", "data", "--query", "-- a remark\nselect n from root.a.d", "-o", "q.csv"];
    workplace.run(&export).ok();
}
