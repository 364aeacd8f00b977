/**
 * page_reader: clients of a large page, each a thread that reads at its own pace, for tests that
 * run the server's end in the main thread.
 */
#ifndef SUPPORT_PAGE_READER_H
#define SUPPORT_PAGE_READER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "support/pipeline.h"

struct page_reader {
    int fd;
    size_t per_ms; /* reads no more than so many bytes a millisecond; 0: what there is */
    pthread_t thread;
    struct buf reply;
};

/*
 * Dial from an address of our own and ask for /metrics, to be closed behind the reply.  encoding:
 * for Accept-Encoding, or NULL
 */
int page_ask(const char *address, const char *from, const char *encoding);

/* Let a client of page_ask read, in a thread of its own. */
void page_reader_start(struct page_reader *r, int fd, size_t per_ms);

/* Until the server has closed.  returns  bytes of the body; 0: it was cut off before its end */
size_t page_reader_join(struct page_reader *r);

/* Counters whose lines take some 440 bytes each. */
void page_fill(struct pipeline *p, unsigned series);

#endif
