/**
 * redis_replies: a stream of bytes into replies, with bounds.
 *
 * The reader of hiredis believes what it reads: a reply may be without end, and an array may say to
 * have 2^31 elements.  Here a reply has bounds: its bytes, how deep arrays are nested, and one
 * element for each ELEMENT_BYTES of those bytes, as an element takes about 70 bytes of memory
 * however short it was.  A line (a status, an error, a number) has at most LINE_BYTES: while it has
 * no end, hiredis reads all of it again with each piece that comes.
 *
 *   thread   one owner
 */
#ifndef SINKS_REDIS_REPLIES_H
#define SINKS_REDIS_REPLIES_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REDIS_REPLIES_DEPTH_MAX = 7,
    REDIS_REPLIES_ELEMENT_BYTES = 16,
    REDIS_REPLIES_LINE_BYTES = 64 << 10
};

struct redis_replies;

/**
 * redis_replies_new(bytes_max, depth_max):
 *   bytes_max  of one reply, from its first byte to its last
 *   depth_max  arrays within arrays, at most REDIS_REPLIES_DEPTH_MAX; 0: no array
 */
struct redis_replies *redis_replies_new(uint32_t bytes_max, uint8_t depth_max);

/* What came next, of any length. */
void redis_replies_feed(struct redis_replies *r, const char *p, size_t n);

/**
 * redis_replies_next(r, ret, ret_error):
 *   ret        with 1: a reply, for freeReplyObject
 *   ret_error  with -EBADMSG: what is wrong, static or as long as r
 *   returns    1; 0: there is no whole reply; -EBADMSG: there will be no more
 */
int redis_replies_next(struct redis_replies *r, redisReply **ret, const char **ret_error);

/* Are there bytes that no reply had? */
bool redis_replies_rest(const struct redis_replies *r);

void redis_replies_free(struct redis_replies *r); /* NULL is fine */

#endif
