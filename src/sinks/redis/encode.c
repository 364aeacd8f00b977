/*
 * Series into batches, one interval at a time.
 *
 *   redis_encode_put   a closed series: by its kind, as arguments into a section of its draft
 *     seal             .. and when the draft is full: keys, arguments and sections become a batch
 *   redis_encode_end
 *     seal             .. every draft, even an empty one; that of the log entry last
 *
 *   batch   EVALSHA sha | keys: producer interval totals log scratch instance sets, and one a set
 *           | seq token before mark stale .. writer | how many of each section
 *           | generation only own alive_ms | the sections
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sinks/redis/encode_priv.h"
#include "sinks/redis/resp.h"
#include "sinks/redis/script.h"

enum { KEEP_BYTES = 16 * 1024 }; /* capacity that an empty section keeps between batches */

struct slice redis_encode_shard_key(struct redis_encode *e, uint32_t nn, const char *what)
{
    buf_clear(&e->key);
    buf_printf(&e->key, "{%s:%02" PRIu32 "}:%s", e->prefix, nn, what);
    return buf_slice(&e->key);
}

/* ---- a draft into a batch ---- */

static void append_keys(struct redis_encode *e, uint32_t nn, struct redis_batch *b, struct buf *out)
{
    const struct draft *d = &e->drafts[nn];
    redis_resp_arg_u64(out, REDIS_SCRIPT_KEYS + d->ops[REDIS_SETS]);
    redis_encode_shard_key(e, nn, "p:");
    buf_printf(&e->key, "%s:%0*d", e->instance, (int)REDIS_ID_DIGITS, 0);
    redis_resp_arg(out, buf_slice(&e->key));
    b->id_at = (uint32_t)(out->len - 2 - REDIS_ID_DIGITS);
    redis_encode_shard_key(e, nn, "i:");
    buf_printf(&e->key, "%" PRId64, e->snap.start_s);
    redis_resp_arg(out, buf_slice(&e->key));
    redis_resp_arg(out, redis_encode_shard_key(e, nn, "tot"));
    redis_resp_arg(out, redis_encode_shard_key(e, nn, "log"));
    redis_resp_arg(out, redis_encode_shard_key(e, nn, "tmp"));
    redis_encode_shard_key(e, nn, "w:");
    buf_append_str(&e->key, e->instance);
    redis_resp_arg(out, buf_slice(&e->key));
    redis_resp_arg(out, redis_encode_shard_key(e, nn, "sets"));
    b->split_at = (uint32_t)out->len;
}

/* returns  where the digits of the argument begin */
static uint32_t append_place(struct buf *out, unsigned digits)
{
    redis_resp_arg_fixed(out, 0, digits);
    return (uint32_t)(out->len - 2 - digits);
}

static void append_args(struct redis_encode *e, uint32_t nn, struct redis_batch *b, struct buf *out)
{
    struct draft *d = &e->drafts[nn];
    b->seq_at = append_place(out, REDIS_SEQ_DIGITS);
    b->token_at = append_place(out, REDIS_TOKEN_DIGITS);
    b->before_at = append_place(out, REDIS_TOKEN_DIGITS);
    b->mark_at = append_place(out, REDIS_MARK_SERIES_DIGITS + 1 + REDIS_MARK_NTH_DIGITS);
    out->ptr[b->mark_at + REDIS_MARK_SERIES_DIGITS] = ':';
    b->stale_at = append_place(out, 1);
    redis_resp_arg_u64(out, e->life_s);
    redis_resp_arg_u64(out, e->retention_s);
    redis_resp_arg_i64(out, e->snap.start_s);
    redis_resp_arg_str(out, e->instance);
    redis_resp_arg_i64(out, b->last ? (int64_t)e->snap.n_series : -1);
    redis_resp_arg_str(out, e->writer);
    for (int s = REDIS_COUNTERS; s < REDIS_SECTION_COUNT; s++)
        redis_resp_arg_u64(out, d->ops[s]);
    b->generation_at = append_place(out, REDIS_GENERATION_DIGITS);
    b->only_at = append_place(out, 1);
    redis_resp_arg_str(out, e->has_own ? e->own : "");
    redis_resp_arg_u64(out, e->alive_ms);
    b->head_len = (uint32_t)out->len;
    for (int s = 0; s < REDIS_SECTION_COUNT; s++)
        buf_append_slice(out, buf_slice(&d->section[s].bytes));
}

static void empty(struct redis_pack *p)
{
    if (p->bytes.cap > KEEP_BYTES)
        redis_pack_release(p);
    else
        redis_pack_clear(p);
}

static size_t packed_bytes(const struct draft *d)
{
    size_t n = 0;
    for (int s = 0; s < REDIS_SECTION_COUNT; s++)
        n += d->section[s].bytes.len;
    return n;
}

/* Its places lie within it, in the order of the script's arguments. */
static void sealed_check(const struct redis_batch *b)
{
    assert(b->sha_at < b->id_at && b->id_at < b->seq_at && b->seq_at < b->token_at);
    assert(b->token_at < b->before_at && b->before_at < b->mark_at && b->mark_at < b->stale_at);
    assert(b->stale_at < b->generation_at && b->generation_at < b->only_at);
    assert(b->only_at < b->head_len);
    assert(b->id_at < b->split_at && b->split_at <= b->seq_at);
    assert(b->head_len <= b->len && b->len <= UINT32_MAX);
    assert(b->series <= REDIS_BATCH_SERIES && sink_amount_series(&b->amount) == b->series);
}

static void seal(struct redis_encode *e, uint32_t nn, bool last)
{
    struct draft *d = &e->drafts[nn];
    struct redis_batch *b = mem_zalloc(sizeof *b);
    struct buf out = { 0 };
    buf_reserve(&out, packed_bytes(d) + 864 + 3 * strlen(e->instance) + strlen(e->own) +
                          8 * strlen(e->prefix));
    uint32_t sets = d->ops[REDIS_SETS]; /* a key and an argument each */
    redis_resp_command(&out, 3 + REDIS_SCRIPT_KEYS + sets + REDIS_SCRIPT_ARGS + d->args);
    redis_resp_arg_str(&out, "EVALSHA");
    redis_resp_arg_fixed(&out, 0, REDIS_SHA_DIGITS);
    b->sha_at = (uint32_t)(out.len - 2 - REDIS_SHA_DIGITS);
    b->last = last;
    append_keys(e, nn, b, &out);
    append_args(e, nn, b, &out);
    b->bytes = mem_realloc(out.ptr, out.len);
    b->len = out.len;
    b->series = d->series;
    b->amount = d->amount;
    b->life_s = e->life_s;
    b->shard = (uint8_t)nn;
    for (int s = 0; s < REDIS_SECTION_COUNT; s++) {
        empty(&d->section[s]);
        b->ops[s] = d->ops[s];
        d->ops[s] = 0;
    }
    d->args = d->series = d->wire_bytes = 0;
    d->stamp[0] = d->stamp[1] = d->stamp[2] = 0;
    d->amount = (struct sink_amount){ 0 };
    sealed_check(b);
    e->take(e->cookie, b);
}

void redis_encode_put(struct redis_encode *e, const struct closed_series *s)
{
    assert(e->take != NULL);
    uint32_t nn = redis_keys_shard_of(&e->shards, s->name);
    struct draft *d = &e->drafts[nn];
    uint32_t args = d->args;
    redis_encode_series(e, d, s);
    if (d->args == args)
        return; /* left out */
    sink_amount_add_series(&d->amount, s);
    if (++d->series == REDIS_BATCH_SERIES || d->wire_bytes >= REDIS_BATCH_BYTES)
        seal(e, nn, false);
}

void redis_encode_begin(struct redis_encode *e, const struct snapshot *snap, uint32_t life_s,
                        redis_encode_take_fn take, void *cookie)
{
    assert(e->take == NULL && take != NULL);
    e->snap = *snap;
    e->life_s = life_s;
    e->take = take;
    e->cookie = cookie;
}

void redis_encode_end(struct redis_encode *e)
{
    assert(e->take != NULL);
    for (uint32_t i = 1; i <= REDIS_SHARDS; i++) {
        uint32_t nn = (e->log_shard + i) % REDIS_SHARDS;
        seal(e, nn, i == REDIS_SHARDS);
    }
    e->take = NULL;
}

uint64_t redis_encode_refused(const struct redis_encode *e)
{
    return e->refused;
}

/* FNV-1a of 32 bits: the same on every machine, after every restart. */
static uint32_t writer_hash(const char *instance)
{
    uint32_t h = 0x811c9dc5;
    for (const char *c = instance; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 0x01000193;
    return h;
}

/* returns  text with its % and | as %25 and %7C, as it stands between two | of a field */
static char *escaped(const char *text)
{
    struct buf out = { 0 };
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '%' || *c == '|')
            buf_printf(&out, "%%%02X", (unsigned char)*c);
        else
            buf_append_char(&out, *c);
    }
    buf_append_char(&out, '\0');
    return out.ptr;
}

struct redis_encode *redis_encode_new(const struct redis_encode_opts *opts)
{
    struct redis_encode *e = mem_zalloc(sizeof *e);
    e->prefix = mem_strdup(opts->prefix);
    e->instance = mem_strdup(opts->instance);
    snprintf(e->writer, sizeof e->writer, "%08" PRIx32, writer_hash(opts->instance));
    e->own = escaped(opts->instance);
    e->has_own = opts->own || opts->all_own;
    e->all_own = opts->all_own;
    e->alive_ms = opts->alive_ms;
    e->retention_s = opts->retention_s;
    e->log_shard = redis_keys_shard(slice_str(opts->instance));
    return e;
}

void redis_encode_free(struct redis_encode *e)
{
    if (e == NULL)
        return;
    for (int nn = 0; nn < REDIS_SHARDS; nn++) {
        for (int s = 0; s < REDIS_SECTION_COUNT; s++)
            redis_pack_release(&e->drafts[nn].section[s]);
    }
    buf_release(&e->key);
    buf_release(&e->blob);
    free(e->prefix);
    free(e->instance);
    free(e->own);
    free(e);
}
