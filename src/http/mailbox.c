#include "http/mailbox.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { STATUS_UNAVAILABLE = 503 };

/* Locked.  Not of taken and cap_taken: they are the owner's, who writes them unlocked. */
static void mailbox_check(const struct http_mailbox *m)
{
    assert(m->n <= m->cap && m->wake != NULL);
    assert((m->incoming == NULL) == (m->cap == 0));
}

void http_mailbox_init(struct http_mailbox *m, void (*wake)(void *cookie), void *cookie)
{
    *m = (struct http_mailbox){ .wake = wake, .cookie = cookie };
    pthread_mutex_init(&m->lock, NULL);
}

void http_mailbox_ask(void *mailbox, struct http_request *r)
{
    struct http_mailbox *m = mailbox;
    pthread_mutex_lock(&m->lock);
    mailbox_check(m);
    bool closed = m->closed;
    if (!closed) {
        m->incoming = mem_grow(m->incoming, &m->cap, m->n + 1, sizeof(struct http_request *));
        m->incoming[m->n++] = r;
        m->wake(m->cookie); /* under the lock: never after the close */
    }
    pthread_mutex_unlock(&m->lock);
    if (closed)
        http_answer(r, STATUS_UNAVAILABLE, NULL);
}

/* The two arrays change places, so the owner reads one while requests come into the other. */
size_t http_mailbox_take(struct http_mailbox *m, struct http_request *const **ret)
{
    pthread_mutex_lock(&m->lock);
    mailbox_check(m);
    struct http_request **full = m->incoming;
    size_t n = m->n, cap = m->cap;
    m->incoming = m->taken;
    m->cap = m->cap_taken;
    m->n = 0;
    pthread_mutex_unlock(&m->lock);
    m->taken = full;
    m->cap_taken = cap;
    *ret = full;
    return n;
}

void http_mailbox_close(struct http_mailbox *m)
{
    struct http_request *const *left;
    pthread_mutex_lock(&m->lock);
    m->closed = true;
    pthread_mutex_unlock(&m->lock);
    size_t n = http_mailbox_take(m, &left);
    for (size_t i = 0; i < n; i++)
        http_answer(left[i], STATUS_UNAVAILABLE, NULL);
}

void http_mailbox_release(struct http_mailbox *m)
{
    assert(m->closed && m->n == 0);
    pthread_mutex_destroy(&m->lock);
    free(m->incoming);
    free(m->taken);
    *m = (struct http_mailbox){ 0 };
}
