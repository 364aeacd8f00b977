#include "http/desk.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { STATUS_UNAVAILABLE = 503 };

void http_desk_init(struct http_desk *d, const struct http_desk_opts *opts)
{
    *d = (struct http_desk){ .opts = *opts };
    http_mailbox_init(&d->mailbox, opts->wake, opts->cookie);
}

void http_desk_look(struct http_desk *d)
{
    struct http_request *const *incoming;
    size_t n = http_mailbox_take(&d->mailbox, &incoming);
    if (n == 0)
        return;
    uint64_t turn = d->opts.ask_turn(d->opts.turn_cookie);
    assert(d->n == 0 || turn >= d->waiting[d->n - 1].turn);
    d->waiting = mem_grow(d->waiting, &d->cap, d->n + n, sizeof *d->waiting);
    for (size_t i = 0; i < n; i++)
        d->waiting[d->n++] = (struct http_desk_waiter){ incoming[i], turn };
}

void http_desk_turned(struct http_desk *d, uint64_t done)
{
    struct http_request **to = mem_alloc(d->n * sizeof(struct http_request *));
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (d->waiting[i].turn > done)
            d->waiting[kept++] = d->waiting[i];
        else
            to[n++] = d->waiting[i].request;
    }
    d->n = kept;
    if (n > 0)
        d->opts.serve(d->opts.cookie, to, n);
    free(to);
}

void http_desk_close(struct http_desk *d)
{
    http_mailbox_close(&d->mailbox);
    for (size_t i = 0; i < d->n; i++)
        http_answer(d->waiting[i].request, STATUS_UNAVAILABLE, NULL);
    d->n = 0;
}

void http_desk_release(struct http_desk *d)
{
    http_mailbox_release(&d->mailbox);
    free(d->waiting);
    d->waiting = NULL;
}
