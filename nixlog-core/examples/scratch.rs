use std::time::Instant;
use nixlog_core::wire::{*, event::*};
fn main() {
    for p in std::env::args().skip(1) {
    let text = std::fs::read_to_string(&p).unwrap();
    for _ in 0..5 {
        let t = Instant::now();
        let mut n=0u64; 
        for _ in memchr::memchr_iter(b'\n', text.as_bytes()) { n+=1; }
        let nl = t.elapsed();
        let t = Instant::now();
        let mut sum = 0u64; let mut odd=0; let mut lines=0u64;
        for line in scan(&text) {
            lines+=1;
            match line.body {
                Body::Event(Event::Progress(p)) => sum = sum.wrapping_add(p.id.0 ^ p.done ^ p.expected ^ p.running ^ p.failed),
                Body::Event(Event::Result(r)) => sum = sum.wrapping_add(r.id.0 ^ u64::from(r.kind.0) ^ r.fields.raw().len() as u64),
                Body::Event(Event::Start(s)) => sum = sum.wrapping_add(s.id.0 ^ s.text.raw().len() as u64),
                Body::Event(Event::Stop(s)) => sum = sum.wrapping_add(s.0),
                Body::Event(Event::Message(s)) => sum = sum.wrapping_add(s.text.raw().len() as u64),
                _ => odd+=1,
            }
        }
        let d = t.elapsed();
        println!("{p} lines {lines}/{n} odd {odd} sum {sum} scan {:.2} GB/s newline {:.2} GB/s {:.1}%", text.len() as f64/d.as_secs_f64()/1e9, text.len() as f64/nl.as_secs_f64()/1e9, 100.*nl.as_secs_f64()/d.as_secs_f64());
    }}
}
