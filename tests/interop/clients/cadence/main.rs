use cadence::prelude::*;
use cadence::{StatsdClient, UdpMetricSink, UnixMetricSink};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let c = if args[1] == "udp" {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        StatsdClient::from_sink("shop", UdpMetricSink::from(args[2].as_str(), socket).unwrap())
    } else {
        StatsdClient::from_sink("shop", UnixMetricSink::from(&args[2], UnixDatagram::unbound().unwrap()))
    };
    c.count_with_tags("hits", 1).with_tag("path", "/a").try_send().unwrap();
    c.count_with_tags("hits", 4).with_tag("path", "/a").try_send().unwrap();
    c.gauge("level", 7.5).unwrap();
    c.gauge("cold", 30.0).unwrap();
    c.gauge("cold", -12.0).unwrap();
    c.time("lat", 250).unwrap();
    c.histogram("size", 512).unwrap();
    c.distribution("dist", 3).unwrap();
    c.set("users", 1).unwrap();
    c.set("users", 2).unwrap();
    // It sends the rate but leaves it to the caller which samples to send.
    for _ in 0..500 {
        c.count_with_tags("sampled", 1).with_sampling_rate(0.5).try_send().unwrap();
    }
    for _ in 0..1000 {
        c.incr("burst").unwrap();
    }
    c.flush().unwrap();
}
