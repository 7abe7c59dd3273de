//! How fast the reference client reads a stream: framing alone, and framing with decoding and reassembly.

use std::hint::black_box;
use std::ops::ControlFlow;

use benches::stream::{Kind, Stream};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use loginproof_client::responses::{Assembly, Event};
use loginproof_client::sse::Decoder;

const CHUNKS: [usize; 4] = [16, 1024, 16 * 1024, 64 * 1024];

/// Feeds the stream in chunks of this size and hands each event over.
fn read(stream: &[u8], chunk: usize, mut visit: impl FnMut(&str, &str)) {
    let mut decoder = Decoder::default();
    for piece in stream.chunks(chunk) {
        let flow = decoder.feed(piece, |event| {
            visit(&event.name, &event.data);
            ControlFlow::Continue(())
        });
        assert!(flow.is_ok(), "the stream is within the bound");
    }
    black_box(decoder.finish());
}

fn framing(criterion: &mut Criterion) {
    let stream = Stream::new(Kind::Mix, 2).bytes;
    let mut group = criterion.benchmark_group("framing");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    for chunk in CHUNKS {
        group.bench_with_input(
            BenchmarkId::from_parameter(chunk),
            &chunk,
            |bencher, &chunk| {
                bencher.iter(|| {
                    read(black_box(&stream), chunk, |name, data| {
                        black_box((name.len(), data.len()));
                    })
                });
            },
        );
    }
    group.finish();
}

fn reassembly(criterion: &mut Criterion) {
    let stream = Stream::new(Kind::Mix, 2).bytes;
    let mut group = criterion.benchmark_group("reassembly");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    for chunk in CHUNKS {
        group.bench_with_input(
            BenchmarkId::from_parameter(chunk),
            &chunk,
            |bencher, &chunk| {
                bencher.iter(|| {
                    let mut assembly = Assembly::default();
                    read(black_box(&stream), chunk, |name, data| {
                        match Event::read(name, data) {
                            Ok(event) => assembly.push(event),
                            Err(_) => assembly.push_unreadable(),
                        }
                    });
                    let response = assembly.finish().expect("the stream ends its response");
                    assert!(!response.text().is_empty(), "the text is read");
                    black_box(response)
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, framing, reassembly);
criterion_main!(benches);
