#include "sinks/redis/poll.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"

struct redis_poll {
    uv_poll_t handle;
    redisAsyncContext *ac; /* NULL once hiredis let go of us */
    redis_poll_refuse_fn refuse;
    redisReplyObjectFunctions replies;
    uint32_t bytes_max;
    int wanted; /* UV_READABLE | UV_WRITABLE */
};

bool redis_poll_surplus(const redisAsyncContext *ac)
{
    const redisReader *r = ac->c.reader;
    return ac->replies.head == NULL && r->len > r->pos;
}

bool redis_poll_waiting(const redisAsyncContext *ac)
{
    char c;
    return recv(ac->c.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Data that no command asked for.  An end of stream or an error is none: hiredis finds those out by
 * reading. */
static bool unasked(const redisAsyncContext *ac)
{
    return ac->replies.head == NULL && (ac->c.flags & REDIS_CONNECTED) != 0 &&
           redis_poll_waiting(ac);
}

/* Commands of ours answer with one line.  An array may claim 2^31 elements in ten bytes; none is
 * believed. */
static void *refuse_array(const redisReadTask *task, int elements)
{
    (void)task;
    (void)elements;
    return NULL;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct redis_poll *p = handle->data;
    assert(p->ac == NULL || p->ac->ev.data == p);
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE;
    if (p->ac != NULL && (events & UV_READABLE) != 0) {
        if (unasked(p->ac))
            p->refuse(p->ac, "a reply to no command");
        else if (p->ac->c.reader->len > p->bytes_max)
            p->refuse(p->ac, "a reply without end");
        else
            redisAsyncHandleRead(p->ac);
    }
    /* Reading may have freed the context, and with it unset p->ac. */
    if (p->ac != NULL && (events & UV_WRITABLE) != 0)
        redisAsyncHandleWrite(p->ac);
}

static void want(struct redis_poll *p, int wanted)
{
    if (p->wanted == wanted && uv_is_active((uv_handle_t *)&p->handle))
        return;
    p->wanted = wanted;
    if (wanted == 0)
        uv_poll_stop(&p->handle);
    else
        uv_poll_start(&p->handle, wanted, on_poll);
}

static void add_read(void *cookie)
{
    struct redis_poll *p = cookie;
    want(p, p->wanted | UV_READABLE);
}

static void del_read(void *cookie)
{
    struct redis_poll *p = cookie;
    want(p, p->wanted & ~UV_READABLE);
}

static void add_write(void *cookie)
{
    struct redis_poll *p = cookie;
    want(p, p->wanted | UV_WRITABLE);
}

static void del_write(void *cookie)
{
    struct redis_poll *p = cookie;
    want(p, p->wanted & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* The descriptor is closed right after this; uv_close takes it out of the poll set at once. */
static void cleanup(void *cookie)
{
    struct redis_poll *p = cookie;
    assert(p->ac != NULL); /* hiredis cleans up once */
    p->ac->ev.data = NULL;
    p->ac = NULL;
    uv_poll_stop(&p->handle);
    uv_close((uv_handle_t *)&p->handle, on_closed);
}

int redis_poll_attach(uv_loop_t *loop, redisAsyncContext *ac, redis_poll_refuse_fn refuse,
                      uint32_t bytes_max, uint8_t depth_max)
{
    assert(ac->ev.data == NULL && refuse != NULL);
    struct redis_poll *p = mem_zalloc(sizeof *p);
    int rc = uv_poll_init(loop, &p->handle, ac->c.fd);
    if (rc < 0) {
        free(p);
        return rc;
    }
    p->handle.data = p;
    p->replies = *ac->c.reader->fn;
    if (depth_max == 0)
        p->replies.createArray = refuse_array;
    p->bytes_max = bytes_max;
    ac->c.reader->fn = &p->replies;
    p->ac = ac;
    p->refuse = refuse;
    ac->ev.data = p;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;
    return 0;
}
