use dogstatsd::{Client, DogstatsdError, OptionsBuilder, ServiceStatus};
use std::cell::Cell;
use std::thread::sleep;
use std::time::Duration;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut b = OptionsBuilder::new();
    if args[1] == "udp" {
        b.to_addr(args[2].clone());
    } else {
        b.socket_path(Some(args[2].clone()));
    }
    let c = Client::new(b.build()).unwrap();
    let none: [&str; 0] = [];
    let dropped = Cell::new(0);
    let count = |sent: Result<(), DogstatsdError>| {
        if sent.is_err() {
            dropped.set(dropped.get() + 1)
        }
    };
    // It drops what finds the socket full, so these come at an application's pace; only the burst below does not.
    let call = |sent| {
        count(sent);
        sleep(Duration::from_millis(20));
    };
    call(c.incr("shop.hits", ["path:/a"]));
    call(c.incr_by_value("shop.hits", 4, ["path:/a"]));
    call(c.gauge("shop.level", "7.5", none));
    call(c.gauge("shop.cold", "30", none));
    call(c.gauge("shop.cold", "-12", none));
    call(c.timing("shop.lat", 250, none));
    call(c.histogram("shop.size", "512", none));
    call(c.distribution("shop.dist", "3", none));
    call(c.set("shop.users", "alice", none));
    call(c.set("shop.users", "bob", none));
    call(c.event("deploy", "version 2\nis out", ["path:/a"]));
    call(c.service_check("shop.db", ServiceStatus::OK, none, None));
    for _ in 0..1000 {
        count(c.incr("shop.burst", none));
    }
    println!("dropped: {}", dropped.get());
}
