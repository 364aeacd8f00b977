/**
 * protobuf_reader: a body in the delimited protobuf format, decoded by protobuf-c.
 */
#ifndef SUPPORT_PROTOBUF_READER_H
#define SUPPORT_PROTOBUF_READER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Append what the text format would show of it: native buckets are not in it.  A family in several
 * messages one behind the other is one.  Fails the test on anything that does not decode. */
void protobuf_as_text(struct slice body, struct buf *out);

/* Messages in the body. */
size_t protobuf_messages(struct slice body);

enum { PROTOBUF_BUCKETS_MAX = 4096 };

struct protobuf_bucket {
    int32_t index;
    int64_t count;
};

/* A native histogram with its spans and deltas laid out. */
struct protobuf_native {
    int32_t schema;
    double zero_threshold, sum;
    uint64_t zero, count;
    size_t n[2];                                             /* of buckets that are not empty */
    struct protobuf_bucket buckets[2][PROTOBUF_BUCKETS_MAX]; /* [1]: negative */
};

/* The first native histogram of that family.  Fails the test when there is none, and when its
 * count is not that of its buckets. */
void protobuf_native(struct slice body, const char *family, struct protobuf_native *ret);

#endif
