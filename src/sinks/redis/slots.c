#include "sinks/redis/slots.h"

#include <string.h>

#include "sinks/redis/entry.h"

static uint16_t slot_of_key(struct slice key)
{
    struct slice tag = key, head = { 0 };
    slice_cut(&tag, '{', &head);
    slice_cut(&tag, '}', &head);
    return redis_keys_crc16(head) % REDIS_SLOTS;
}

void redis_slots_of_places(const char *prefix, uint16_t ret[REDIS_PLACES])
{
    struct buf key = { 0 };
    for (unsigned shard = 0; shard < REDIS_SHARDS; shard++) {
        buf_clear(&key);
        buf_printf(&key, "{%s:%02u}", prefix, shard);
        ret[shard] = slot_of_key(buf_slice(&key));
    }
    for (int k = 0; k < EVENT_KINDS; k++) {
        buf_clear(&key);
        redis_entry_key(prefix, (enum event_kind)k, &key);
        ret[redis_keys_stream((enum event_kind)k)] = slot_of_key(buf_slice(&key));
    }
    buf_release(&key);
}

static struct slice text_of(const redisReply *r)
{
    if (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS)
        return slice_of(r->str, r->len);
    return r->type == REDIS_REPLY_NIL ? SLICE_LIT("") : SLICE_LIT("?");
}

/* Host, port, id, and since Redis 7 names and values: `ip` is there when the host is a name that
 * the node does not know. */
static bool read_node(const redisReply *r, const struct redis_addr *asked, struct redis_addr *ret)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements < 2 ||
        r->element[1]->type != REDIS_REPLY_INTEGER)
        return false;
    int64_t port = r->element[1]->integer;
    if (redis_addr_set(ret, text_of(r->element[0]), port, asked))
        return true;
    const redisReply *more = r->elements > 3 ? r->element[3] : NULL;
    if (more == NULL || more->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i + 1 < more->elements; i += 2)
        if (slice_eq(text_of(more->element[i]), SLICE_LIT("ip")))
            return redis_addr_set(ret, text_of(more->element[i + 1]), port, asked);
    return false;
}

static uint8_t index_of(struct redis_slots *s, const struct redis_addr *at)
{
    uint8_t i = 0;
    while (i < s->n && !redis_addr_is(&s->nodes[i], at))
        i++;
    if (i == s->n)
        s->nodes[s->n++] = *at;
    return i;
}

/* First slot, last slot, the master, its replicas. */
static void read_range(const redisReply *r, const uint16_t slot_of[REDIS_PLACES],
                       const struct redis_addr *asked, struct redis_slots *ret)
{
    struct redis_addr at;
    if (r->type != REDIS_REPLY_ARRAY || r->elements < 3 ||
        r->element[0]->type != REDIS_REPLY_INTEGER || r->element[1]->type != REDIS_REPLY_INTEGER ||
        !read_node(r->element[2], asked, &at))
        return;
    for (int place = 0; place < REDIS_PLACES; place++)
        if (slot_of[place] >= r->element[0]->integer && slot_of[place] <= r->element[1]->integer &&
            ret->node_of[place] == REDIS_NODE_NONE)
            ret->node_of[place] = index_of(ret, &at);
}

bool redis_slots_read(const redisReply *reply, const uint16_t slot_of[REDIS_PLACES],
                      const struct redis_addr *asked, struct redis_slots *ret)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    ret->n = 0;
    memset(ret->node_of, REDIS_NODE_NONE, sizeof ret->node_of);
    for (size_t i = 0; i < reply->elements; i++)
        read_range(reply->element[i], slot_of, asked, ret);
    redis_slots_check(ret);
    return true;
}
