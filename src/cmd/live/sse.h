/**
 * sse: server-sent events as they come in, cut out of the pieces of a stream.
 *   thread   any; no state but its own
 */
#ifndef CMD_LIVE_SSE_H
#define CMD_LIVE_SSE_H

#include <stdbool.h>

#include "base/buf.h"

enum { SSE_LINE_BYTES = 1 << 20 /* of a longer line the front is kept */ };

struct sse {
    struct buf line, event, data; /* of what is not complete yet */
    /* returns  false: enough */
    bool (*on_event)(void *cookie, struct slice event, struct slice data);
    void *cookie;
};

/* returns  false: on_event did */
bool sse_feed(struct sse *s, struct slice piece);

/* Forget what is not complete: the stream begins anew. */
void sse_reset(struct sse *s);
void sse_release(struct sse *s);

#endif
