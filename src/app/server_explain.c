/*
 * What /api/v1/explain asks for is a room's work (explain/explain.h).  It goes on while the server
 * does other things, one of which is to take another mapping: then it begins anew.
 */
#include <assert.h>
#include <stdlib.h>

#include "app/server_priv.h"
#include "base/mem.h"
#include "explain/explain.h"

/* Some 50 ms of near misses: a thousand names with a hundred rules. */
enum { NEAR_LOOKS = 200000 };

struct explaining {
    struct server *server;
    struct config config; /* borrows of the server's */
    struct buf datagram;
    enum api_framing framing;
    size_t most;
    struct explain *explain; /* NULL: it has not begun */
    bool ended;              /* the stream */
};

static void begin_reading(struct explaining *x)
{
    const struct explain_bounds bounds = { .bytes = x->most, .near_looks = NEAR_LOOKS };
    x->explain = explain_new(&x->config, &x->server->mapping, EXPLAIN_JSON_WITH_TEXT, &bounds);
    x->ended = x->framing == API_FRAMING_DATAGRAM;
    if (x->ended) {
        explain_datagram(x->explain, buf_slice(&x->datagram), false);
        return;
    }
    explain_stream_begin(x->explain, x->framing == API_FRAMING_DSD ? FRAMING_DSD : FRAMING_LINE);
    (void)explain_stream_push(x->explain, buf_slice(&x->datagram));
}

static void *begin(void *server, struct slice datagram, enum api_framing framing, size_t most)
{
    struct server *s = server;
    if (s->view->explaining != NULL)
        return NULL;
    struct explaining *x = s->view->explaining = mem_zalloc(sizeof *x);
    *x = (struct explaining){ .server = s, .config = *s->config, .framing = framing, .most = most };
    buf_append_slice(&x->datagram, datagram);
    x->config.protocol_gauge_sign = (int)x->config.sockets[0].gauge_sign; /* as statsd explain */
    return x;
}

static bool some(void *explaining, struct buf *out)
{
    struct explaining *x = explaining;
    if (x->explain == NULL) {
        begin_reading(x);
        return true;
    }
    if (explain_some(x->explain))
        return true;
    if (!x->ended) {
        explain_stream_end(x->explain);
        x->ended = true;
        return true;
    }
    if (explain_close(x->explain))
        return true;
    (void)explain_finish(x->explain, out);
    return false;
}

static void end(void *explaining)
{
    struct explaining *x = explaining;
    assert(x->server->view->explaining == x);
    x->server->view->explaining = NULL;
    explain_free(x->explain);
    buf_release(&x->datagram);
    free(x);
}

const struct api_explain server_explain = { .begin = begin, .some = some, .end = end };

void server_explain_anew(struct server *s)
{
    struct explaining *x = s->view != NULL ? s->view->explaining : NULL;
    if (x == NULL)
        return;
    explain_free(x->explain);
    x->explain = NULL;
}
