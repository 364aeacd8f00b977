#include "sinks/redis/replies.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct redis_replies {
    redisReader *reader;
    redisReplyObjectFunctions with_bounds; /* hiredis' own, but for arrays */
    void *(*make_array)(const redisReadTask *, int);
    uint32_t bytes_max;
    uint8_t depth_max;
    size_t bytes;        /* of the reply that is not whole yet */
    uint64_t elements;   /* that its arrays say to have */
    const char *refused; /* why an array was */
};

/* Called before there is memory for the elements.  NULL ends the reading. */
static void *make_array(const redisReadTask *task, int elements)
{
    struct redis_replies *r = task->privdata;
    unsigned depth = 1;
    for (const redisReadTask *t = task->parent; t != NULL; t = t->parent)
        depth++;
    if (depth == 1)
        r->elements = 0;
    r->elements += (unsigned)elements;
    if (depth > r->depth_max)
        r->refused = "a reply that no command of ours has";
    else if (r->elements > r->bytes_max / REDIS_REPLIES_ELEMENT_BYTES)
        r->refused = "a reply of too many elements";
    return r->refused == NULL ? r->make_array(task, elements) : NULL;
}

struct redis_replies *redis_replies_new(uint32_t bytes_max, uint8_t depth_max)
{
    struct redis_replies *r = mem_zalloc(sizeof *r);
    assert(bytes_max > 0 && depth_max <= REDIS_REPLIES_DEPTH_MAX);
    r->reader = redisReaderCreate();
    if (r->reader == NULL)
        mem_exhausted(sizeof *r->reader);
    r->bytes_max = bytes_max;
    r->depth_max = depth_max;
    r->with_bounds = *r->reader->fn;
    r->make_array = r->with_bounds.createArray;
    r->with_bounds.createArray = make_array;
    r->reader->fn = &r->with_bounds;
    r->reader->privdata = r;
    return r;
}

void redis_replies_feed(struct redis_replies *r, const char *p, size_t n)
{
    r->bytes += n;
    (void)redisReaderFeed(r->reader, p, n); /* no memory: the reader says so at the next reply */
}

bool redis_replies_rest(const struct redis_replies *r)
{
    return r->bytes > 0;
}

/* Only a string's text may be longer, and its line in front of it is short. */
static bool has_line_without_end(const struct redis_replies *r)
{
    const redisReader *in = r->reader;
    return in->len - in->pos > REDIS_REPLIES_LINE_BYTES &&
           memmem(in->buf + in->pos, REDIS_REPLIES_LINE_BYTES, "\r\n", 2) == NULL;
}

int redis_replies_next(struct redis_replies *r, redisReply **ret, const char **ret_error)
{
    void *reply = NULL;
    if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
        *ret_error = r->refused != NULL ? r->refused : r->reader->errstr;
        return -EBADMSG;
    }
    if (reply != NULL) {
        r->bytes = r->reader->len - r->reader->pos;
        *ret = reply;
        return 1;
    }
    bool line = has_line_without_end(r);
    if (r->bytes <= r->bytes_max && !line)
        return 0;
    *ret_error = line ? "a line without end" : "a reply without end";
    return -EBADMSG;
}

void redis_replies_free(struct redis_replies *r)
{
    if (r == NULL)
        return;
    redisReaderFree(r->reader);
    free(r);
}
