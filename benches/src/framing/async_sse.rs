//! async-sse, which wants a buffered reader.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::each;

pub(crate) fn async_sse(stream: &'static [u8], chunk: usize, mut visit: impl FnMut(&str, &str)) {
    each(
        async_sse::decode(Reader {
            stream,
            chunk,
            at: 0,
        }),
        |event| {
            if let async_sse::Event::Message(message) = event.expect("the stream is well formed") {
                let data = std::str::from_utf8(message.data()).expect("the stream is UTF-8");
                visit(message.name(), data);
            }
        },
    );
}

/// The chunks as a buffered reader.
struct Reader {
    stream: &'static [u8],
    chunk: usize,
    at: usize,
}

impl futures_util::io::AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        let rest = self.rest();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Poll::Ready(Ok(length))
    }
}

impl futures_util::io::AsyncBufRead for Reader {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<&[u8]>> {
        Poll::Ready(Ok(self.get_mut().rest()))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        self.at += amount;
    }
}

impl Reader {
    fn rest(&self) -> &'static [u8] {
        let end = (self.at / self.chunk + 1) * self.chunk;
        &self.stream[self.at..end.min(self.stream.len())]
    }
}
