#include "support/http_daemon.h"

#include <string.h>

#include "http/body.h"
#include "http/stream.h"

struct http_server *http_daemon;

void http_daemon_stop(void)
{
    http_stop(http_daemon);
    http_daemon = NULL;
}

struct http_stats http_daemon_stats(void)
{
    struct http_stats s;
    http_stats(http_daemon, &s);
    return s;
}

static void on_read(void *cookie)
{
    (void)cookie;
}

void http_daemon_answer_piece(void *cookie, struct http_request *r)
{
    (void)cookie;
    struct http_stream *st = http_stream_new(&(struct http_stream_opts){
        .type = "text/x-test", .vary = "Accept", .max_lag = 1 << 20, .on_read = on_read });
    struct http_body *piece = http_body_take("text/x-test", strdup("piece\n"), 6);
    http_answer_stream(&r, 1, st);
    http_stream_append(st, piece);
    http_body_unref(piece);
    http_stream_end(st);
    http_stream_release(st);
}
