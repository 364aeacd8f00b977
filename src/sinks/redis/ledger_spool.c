/*
 * What waits long takes less room.
 *
 *   redis_spool_tend      pack_next     what is old, a bale at each call
 *   redis_spool_relieve   store_next    the oldest goes to disk, packed if it is not yet
 *                         pack_next     else, whatever its age
 *   redis_spool_open      a bale's batches in its place, when they are about to be sent
 *
 *   shard   queue:  [numbered ..] [on disk ..] [packed ..] [plain ..]        oldest first
 */
#include <assert.h>
#include <errno.h>

#include "base/err.h"
#include "sinks/redis/ledger_spool.h"

enum {
    STEP_MS = 1, /* between two pieces: all else goes on meanwhile */
    DISK_LOG_MS = 6 * SPOOL_RETRY_MS
};

static unsigned lowest(uint64_t shards)
{
    return (unsigned)__builtin_ctzll(shards);
}

static struct squeeze *squeeze_of(struct redis_ledger *l)
{
    if (l->squeeze == NULL)
        l->squeeze = squeeze_new();
    return l->squeeze;
}

/* ---- packing ---- */

static bool is_plain(const struct redis_batch *b, const struct redis_interval *iv)
{
    return b->interval == iv && b->seq == 0 && b->bale == NULL;
}

static struct redis_batch *first_plain(const struct redis_ledger *l,
                                       const struct redis_interval *iv, unsigned shard)
{
    struct redis_batch *b = l->shards[shard].queue.head;
    while (b != NULL && !is_plain(b, iv))
        b = b->next;
    return b;
}

/* `first` and those behind it that fit.   returns  what stands for them, in their place; NULL: no
 * memory */
static struct redis_batch *pack_from(struct redis_ledger *l, struct redis_batch *first)
{
    size_t bytes = 0;
    uint32_t n = 0;
    struct redis_batch *b = first, *next;
    do {
        bytes += redis_bale_bytes_of(b);
        n++;
        b = b->next;
    } while (b != NULL && is_plain(b, first->interval) &&
             bytes + redis_bale_bytes_of(b) <= REDIS_BALE_BYTES);
    struct redis_batch *of = redis_bale_make(squeeze_of(l), first, n);
    if (of == NULL)
        return NULL;
    redis_ledger_queue_insert(l, first, of);
    for (b = first; n > 0; n--, b = next) {
        next = b->next;
        redis_ledger_discard(l, b);
    }
    return of;
}

/* A piece of the oldest interval that waits since before `before_ms`.   returns  false: none */
static bool pack_next(struct redis_ledger *l, uint64_t before_ms)
{
    for (struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next) {
        if (iv == l->filling || iv->queued_ms >= before_ms)
            return false;
        for (uint64_t rest; (rest = iv->holds & ~iv->packed) != 0;) {
            struct redis_batch *first = first_plain(l, iv, lowest(rest));
            if (first != NULL)
                return pack_from(l, first) != NULL;
            iv->packed |= redis_ledger_bit(lowest(rest));
        }
    }
    return false;
}

uint64_t redis_spool_tend(struct redis_ledger *l, uint64_t now_ms)
{
    const uint64_t after_ms = l->opts.pack_after_ms;
    if (after_ms == 0 || l->intervals == NULL)
        return 0;
    if (now_ms > after_ms && pack_next(l, now_ms - after_ms))
        return now_ms + STEP_MS;
    for (const struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        if ((iv->holds & ~iv->packed) != 0 && iv->queued_ms + after_ms >= now_ms)
            return iv->queued_ms + after_ms + STEP_MS;
    return 0;
}

/* ---- the disk ---- */

static void log_disk(struct redis_ledger *l, int rc, uint64_t now_ms)
{
    uint64_t suppressed;
    struct spool_file_stats f;
    spool_file_stats(l->file, &f);
    if (log_gate(&l->disk_gate, DISK_LOG_MS, now_ms, &suppressed))
        LOG(LOG_ERROR, "cannot write what waits for redis to server.state_dir",
            F_STR("error", err_text(rc)), F_U64("bytes_on_disk", f.bytes),
            F_STR("remedy", "make room there; meanwhile the oldest is dropped when memory is full"),
            F_U64("suppressed", suppressed));
}

/* The oldest of the shard's part of iv that is in memory and may wait on disk. */
static struct redis_batch *first_in_memory(struct redis_ledger *l, const struct redis_interval *iv,
                                           unsigned shard)
{
    struct redis_batch *b = l->shards[shard].queue.head;
    while (b != NULL && !is_plain(b, iv) &&
           !(b->interval == iv && b->bale != NULL && b->bale->bytes != NULL))
        b = b->next;
    return b == NULL || b->bale != NULL ? b : pack_from(l, b);
}

static bool store(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    struct redis_bale *x = b->bale;
    int rc = spool_file_put(l->file, slice_of(x->bytes, x->len), now_ms, &x->at);
    if (rc < 0 && rc != -ENOSPC && rc != -EAGAIN)
        log_disk(l, rc, now_ms);
    if (rc < 0)
        return false;
    l->queue_bytes -= redis_bale_memory(b);
    l->packed_bytes -= x->len;
    free(x->bytes);
    x->bytes = NULL;
    l->queue_bytes += redis_bale_memory(b);
    return true;
}

static bool store_next(struct redis_ledger *l, uint64_t now_ms)
{
    for (struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next) {
        for (uint64_t rest; iv != l->filling && (rest = iv->holds & ~iv->stored) != 0;) {
            struct redis_batch *b = first_in_memory(l, iv, lowest(rest));
            if (b != NULL)
                return store(l, b, now_ms);
            iv->stored |= redis_ledger_bit(lowest(rest));
        }
    }
    return false;
}

bool redis_spool_relieve(struct redis_ledger *l, uint64_t now_ms)
{
    if (l->file != NULL && store_next(l, now_ms))
        return true;
    return l->opts.pack_after_ms > 0 && pack_next(l, UINT64_MAX);
}

void redis_spool_pack_all(struct redis_ledger *l)
{
    if (l->opts.pack_after_ms == 0 || l->queue_bytes <= l->opts.max_bytes / 4)
        return;
    while (pack_next(l, UINT64_MAX))
        ;
}

bool redis_spool_disk_is_short(const struct redis_ledger *l)
{
    const uint64_t max = l->opts.disk_max_bytes;
    struct spool_file_stats f;
    if (l->file == NULL || max < 2ull * SPOOL_SEGMENT_BYTES)
        return false;
    spool_file_stats(l->file, &f);
    return f.bytes + SPOOL_SEGMENT_BYTES > max;
}

/* ---- opening ---- */

static void drop_damaged(struct redis_ledger *l, struct redis_batch *b, int rc, uint64_t now_ms)
{
    struct shard *sh = &l->shards[b->shard];
    struct redis_interval *iv = b->interval;
    const uint32_t batches = redis_bale_batches(b);
    l->stats.spool_damaged += b->series;
    l->stats.series_dropped += b->series;
    l->stats.intervals_dropped += !iv->dropped;
    iv->dropped = true;
    if (b->seq != 0 && b->epoch == sh->producer.epoch) {
        sh->missing.batches += batches;
        sh->missing.series += b->series;
    }
    uint64_t suppressed;
    if (log_gate(&l->damage_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
        LOG(LOG_ERROR, "what waited for redis on disk is damaged: dropped",
            F_STR("error", rc < 0 ? err_text(rc) : "it makes no sense"),
            F_U64("segment", b->bale->at.segment), F_U64("series", b->series),
            F_STR("remedy", "look at the disk; nobody else may write to server.state_dir"),
            F_U64("suppressed", suppressed));
    redis_ledger_discard(l, b);
    iv->left -= batches;
    if (iv->left == 0 && iv != l->filling)
        redis_ledger_forget_interval(l, iv);
}

/* Its batches in its place; they may be packed again. */
static void put_in_place(struct redis_ledger *l, struct redis_batch *b, struct redis_batch *first)
{
    const uint64_t shard = redis_ledger_bit(b->shard);
    struct redis_batch *next;
    b->interval->packed &= ~shard;
    b->interval->stored &= ~shard;
    for (; first != NULL; first = next) {
        next = first->next;
        redis_ledger_queue_insert(l, b, first);
    }
    redis_ledger_discard(l, b);
}

struct redis_batch *redis_spool_unpack(struct redis_ledger *l, const struct redis_batch *b,
                                       int *ret_error)
{
    struct redis_bale *x = b->bale;
    const struct redis_producer *p = &l->shards[b->shard].producer;
    struct redis_batch *first = NULL;
    struct buf read = { 0 };
    int rc = x->bytes == NULL ? spool_file_get(l->file, x->at, &read) : 0;
    if (x->start != NULL && x->start->epoch == p->epoch)
        x->start->generation = p->generation;
    const struct slice bytes = x->bytes != NULL ? slice_of(x->bytes, x->len) : buf_slice(&read);
    if (rc == 0)
        (void)redis_bale_open(squeeze_of(l), b, bytes, &first);
    buf_release(&read);
    if (ret_error != NULL)
        *ret_error = rc;
    return first;
}

/* The file may well be whole: the process, or the machine, has none of what it takes to open it. */
static bool passes(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -EINTR;
}

bool redis_spool_open(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    int rc;
    assert(!b->in_flight && b->interval != NULL);
    struct redis_batch *first = redis_spool_unpack(l, b, &rc);
    if (first == NULL && passes(rc)) {
        uint64_t suppressed;
        if (log_gate(&l->disk_gate, DISK_LOG_MS, now_ms, &suppressed))
            LOG(LOG_WARN, "cannot read what waits for redis in server.state_dir: it is kept",
                F_STR("error", err_text(rc)), F_U64("suppressed", suppressed));
        return false;
    }
    if (first != NULL)
        put_in_place(l, b, first);
    else
        drop_damaged(l, b, rc, now_ms);
    return true;
}

/* ---- the rest ---- */

void redis_spool_abandon(struct redis_ledger *l)
{
    for (unsigned i = 0; i < REDIS_SHARDS; i++) {
        struct redis_batch *next;
        for (struct redis_batch *b = l->shards[i].queue.head; b != NULL; b = next) {
            next = b->next;
            if (b->bale != NULL && b->bale->at.len > 0)
                redis_ledger_discard(l, b);
        }
    }
}

void redis_spool_stats(const struct redis_ledger *l, struct redis_stats *ret)
{
    ret->spool_packed_bytes = l->packed_bytes;
    if (l->file == NULL)
        return;
    struct spool_file_stats f;
    spool_file_stats(l->file, &f);
    ret->spool_disk_bytes = f.bytes;
    ret->spool_written = f.written;
    ret->spool_failures = f.failures;
    ret->spool_left_over = f.left_over_segments;
}
