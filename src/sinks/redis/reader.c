/*
 *   redis_read_start -> pump          each node that has nothing on its way: the first request that
 *                                     waits for it
 *     send_piece                      kind->command -> redis_route_ask
 *   on_reply                          kind->take -> the next piece, or end -> done()
 *     lost, refuse                    ask again, or end
 *   on_tick                           end what is late
 */
#include "sinks/redis/reader_priv.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/login.h"
#include "sinks/redis/resp.h"
#include "sinks/redis/route.h"

enum {
    TICK_MS = 50,
    REQUEST_TIMEOUT_MS = 60000,
    REPLY_BYTES_MAX = 16 << 20,
    REPLY_DEPTH_MAX = 5, /* of XREAD: streams, a stream, entries, an entry, its fields */
    PIECE_MIN = 8
};

struct redis_reader {
    uv_loop_t *loop;
    struct redis_login *login;
    char *prefix;
    struct redis_reader_keys keys;
    struct redis_route *route;
    uint32_t request_timeout_ms, down_timeout_ms;
    uint32_t piece_asked; /* as opts have it */
    bool busy[REDIS_NODES_MAX];
    struct redis_read *first, *last;
    struct redis_read_queue queue; /* the same ones */
    uv_timer_t tick;               /* runs while there are requests */
    bool closing;
};

static void reader_check(const struct redis_reader *r)
{
    assert((r->first == NULL) == (r->last == NULL));
    assert(r->first == NULL || r->first->prev == NULL);
    assert(r->keys.piece > 0 && r->keys.piece <= r->piece_asked);
}

const struct redis_reader_keys *redis_reader_keys(const struct redis_reader *r)
{
    return &r->keys;
}

/* ---- requests come and go ---- */

static void read_free(struct redis_read *q)
{
    assert(!q->in_flight);
    if (q->kind->release != NULL)
        q->kind->release(q);
    buf_release(&q->wire);
    free(q);
}

static void unlink_read(struct redis_read *q)
{
    struct redis_reader *r = q->reader;
    *(q->prev != NULL ? &q->prev->next : &r->first) = q->next;
    *(q->next != NULL ? &q->next->prev : &r->last) = q->prev;
    redis_read_queue_remove(&r->queue, &q->turn);
    q->over = true;
    reader_check(r);
}

void redis_read_cancel(struct redis_read *q)
{
    if (!q->over)
        unlink_read(q);
    if (!q->in_flight)
        read_free(q);
}

static void end(struct redis_read *q, enum redis_read_status status, const char *error)
{
    const struct redis_read_calls calls = q->calls;
    assert((status == REDIS_READ_DONE) == (error == NULL));
    unlink_read(q);
    if (calls.done != NULL)
        calls.done(calls.cookie, status, error);
    if (!q->in_flight)
        read_free(q);
}

/* ---- pieces ---- */

static bool send_piece(struct redis_reader *r, struct redis_read *q)
{
    if (q->in_flight)
        return false;
    if (q->wire.len == 0)
        q->kind->command(q);
    uint8_t node = redis_route_nodes(r->route)[q->ask.place];
    if (node == REDIS_NODE_NONE || r->busy[node])
        return false;
    q->ask.bytes = q->wire.ptr;
    q->ask.len = q->wire.len;
    if (!redis_route_ask(r->route, &q->ask))
        return false;
    q->in_flight = true;
    q->node = node;
    r->busy[node] = true;
    return true;
}

static void pump(struct redis_reader *r)
{
    void *heads[REDIS_SHARDS];
    reader_check(r);
    size_t n = r->closing ? 0 : redis_read_queue_heads(&r->queue, heads);
    for (size_t i = 0; i < n; i++)
        (void)send_piece(r, heads[i]);
}

static void restart(struct redis_read *q)
{
    buf_clear(&q->wire);
    if (q->kind->restart != NULL)
        q->kind->restart(q);
}

/* Perhaps it was the answer that was too long. */
static void lost(struct redis_reader *r, struct redis_read *q)
{
    if (r->keys.piece / 2 >= PIECE_MIN)
        r->keys.piece /= 2;
    restart(q);
}

static bool begins_with_one_of(const char *error, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(error, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

/* Of the node: another one may have its places soon. */
static bool passes(const char *error)
{
    static const char *const words[] = { "LOADING", "MASTERDOWN", "BUSY " };
    return begins_with_one_of(error, words, ARRAY_LEN(words));
}

/* Of the place: the route sees to it, and the connection stays. */
static bool is_of_place(const char *error)
{
    static const char *const words[] = { "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK " };
    return begins_with_one_of(error, words, ARRAY_LEN(words));
}

static void refuse(struct redis_reader *r, struct redis_read *q, const char *error)
{
    bool of_place = is_of_place(error);
    if (!of_place && !passes(error)) {
        end(q, REDIS_READ_REFUSED, error);
        return;
    }
    restart(q);
    if (q->why[0] == '\0')
        q->down_ms = uv_now(r->loop);
    snprintf(q->why, sizeof q->why, "%s", error);
    if (!of_place)
        redis_route_retry(r->route, error);
}

static void take(struct redis_reader *r, struct redis_read *q, const redisReply *reply)
{
    buf_clear(&q->wire);
    q->why[0] = '\0';
    redis_route_thrive(r->route, q->ask.place);
    r->keys.piece += r->keys.piece < r->piece_asked;
    q->in_flight =
        true; /* a call of the owner may cancel it: then it must stay until take is over */
    enum redis_read_step step = q->kind->take(q, reply);
    q->in_flight = false;
    if (q->over)
        read_free(q);
    else if (step == REDIS_READ_LAST)
        end(q, REDIS_READ_DONE, NULL);
    else if (step == REDIS_READ_NONSENSE)
        end(q, REDIS_READ_ODD, "an answer that the command does not have");
}

static void on_reply(void *cookie, struct redis_ask *ask, const redisReply *reply)
{
    struct redis_reader *r = cookie;
    struct redis_read *q = (struct redis_read *)ask;
    assert(q->in_flight && r->busy[q->node]);
    r->busy[q->node] = false;
    q->in_flight = false;
    if (q->over)
        read_free(q);
    else if (reply == NULL)
        lost(r, q);
    else if (reply->type == REDIS_REPLY_ERROR)
        refuse(r, q, reply->str);
    else
        take(r, q, reply);
    pump(r);
}

static void on_ready(void *cookie)
{
    pump(cookie);
}

static struct redis_read *first_late(const struct redis_reader *r)
{
    uint64_t now_ms = uv_now(r->loop);
    struct redis_read *q = r->first;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed is not in the list */
    while (q != NULL && q->deadline_ms > now_ms &&
           (q->why[0] == '\0' || now_ms - q->down_ms < r->down_timeout_ms))
        q = q->next;
    return q;
}

static void on_tick(uv_timer_t *t)
{
    struct redis_reader *r = t->data;
    struct redis_read *q;
    while ((q = first_late(r)) != NULL) {
        const char *trouble = q->why[0] != '\0' ? q->why : redis_reader_trouble(r);
        end(q, REDIS_READ_LATE, trouble != NULL ? trouble : "timeout");
    }
    if (r->first == NULL)
        uv_timer_stop(t);
    pump(r);
}

/* ---- for the kinds of requests ---- */

void *redis_read_new(struct redis_reader *r, size_t size, const struct redis_read_kind *kind,
                     const struct redis_read_calls *calls)
{
    assert(size >= sizeof(struct redis_read) && !r->closing);
    struct redis_read *q = mem_zalloc(size);
    q->ask.cargo = REDIS_CARGO_ASK;
    q->kind = kind;
    q->reader = r;
    q->calls = *calls;
    return q;
}

struct redis_read *redis_read_start(struct redis_read *q)
{
    struct redis_reader *r = q->reader;
    uv_update_time(r->loop);
    q->deadline_ms = uv_now(r->loop) + r->request_timeout_ms;
    q->prev = r->last;
    *(r->last != NULL ? &r->last->next : &r->first) = q;
    r->last = q;
    redis_read_queue_add(&r->queue, &q->turn, q->ask.place, q);
    if (!uv_is_active((uv_handle_t *)&r->tick))
        uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
    pump(r);
    return q;
}

void redis_read_key(struct redis_read *q, unsigned shard, const char *what)
{
    struct buf key = { 0 };
    buf_printf(&key, "{%s:%02u}:%s", q->reader->prefix, shard, what);
    redis_resp_arg(&q->wire, buf_slice(&key));
    buf_release(&key);
}

void redis_read_hash_key(struct redis_read *q, unsigned shard, int64_t t)
{
    char what[32] = "tot";
    if (t != REDIS_READER_TOTALS)
        snprintf(what, sizeof what, "i:%" PRId64, t);
    redis_read_key(q, shard, what);
}

const redisReply *redis_read_page(const redisReply *reply, char cursor[REDIS_CURSOR_BYTES])
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return NULL;
    const redisReply *at = reply->element[0], *list = reply->element[1];
    if (!redis_read_is_text(at) || list->type != REDIS_REPLY_ARRAY)
        return NULL;
    struct slice text = redis_read_text(at);
    if (text.len == 0 || text.len >= REDIS_CURSOR_BYTES)
        return NULL;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return NULL;
    for (size_t i = 0; i < list->elements; i++)
        if (!redis_read_is_text(list->element[i]))
            return NULL;
    memcpy(cursor, text.ptr, text.len);
    cursor[text.len] = '\0';
    return list;
}

/* ---- the reader ---- */

unsigned redis_reader_shard(struct slice name)
{
    return redis_keys_shard(name);
}

bool redis_reader_is_ready(const struct redis_reader *r)
{
    return redis_route_is_ready(r->route);
}

bool redis_reader_reaches(const struct redis_reader *r, unsigned shard)
{
    return redis_route_reaches(r->route, (uint8_t)shard);
}

void redis_reader_missing(const struct redis_reader *r, unsigned shard, struct buf *out)
{
    redis_route_missing(r->route, (uint8_t)shard, out);
}

const char *redis_reader_trouble(const struct redis_reader *r)
{
    return redis_route_trouble(r->route);
}

static void start(struct redis_reader *r, const struct redis_reader_opts *opts)
{
    struct buf name = { 0 };
    buf_printf(&name, "%s%c", opts->name, '\0');
    const struct redis_route_opts route = {
        .url = redis_login_url(r->login),
        .login = r->login,
        .prefix = r->prefix,
        .instance = name.ptr,
        .greets = REDIS_GREETS_READER,
        .connect_timeout_ms = opts->connect_timeout_ms,
        .reply_timeout_ms = opts->reply_timeout_ms,
        .reply_bytes_max = REPLY_BYTES_MAX,
        .reply_depth_max = REPLY_DEPTH_MAX,
        .cookie = r,
        .ready = on_ready,
        .reply_ask = on_reply,
    };
    r->route = redis_route_new(r->loop, &route);
    buf_release(&name);
}

int redis_reader_new(uv_loop_t *loop, const struct redis_reader_opts *opts,
                     struct redis_reader **ret)
{
    struct redis_login *login;
    if (opts->prefix[0] == '\0' || redis_login_new(loop, opts->url, &opts->files, &login) < 0)
        return -EINVAL;
    struct redis_reader *r = mem_zalloc(sizeof *r);
    r->loop = loop;
    r->login = login;
    r->prefix = mem_strdup(opts->prefix);
    r->piece_asked = opts->piece > 0 ? opts->piece : REDIS_READER_PIECE;
    r->keys = (struct redis_reader_keys){ r->prefix, r->piece_asked };
    r->request_timeout_ms =
        opts->request_timeout_ms > 0 ? opts->request_timeout_ms : REQUEST_TIMEOUT_MS;
    r->down_timeout_ms = opts->down_timeout_ms > 0 ? opts->down_timeout_ms : UINT32_MAX;
    uv_timer_init(loop, &r->tick);
    r->tick.data = r;
    start(r, opts);
    *ret = r;
    return 0;
}

static void on_tick_closed(uv_handle_t *h)
{
    free(h->data);
}

void redis_reader_free(struct redis_reader *r)
{
    if (r == NULL)
        return;
    assert(!r->closing);
    r->closing = true;
    while (r->first != NULL)
        redis_read_cancel(r->first); /* NOLINT(clang-analyzer-unix.Malloc): as above */
    redis_route_free(r->route);
    redis_login_free(r->login);
    free(r->prefix);
    uv_close((uv_handle_t *)&r->tick, on_tick_closed);
}
