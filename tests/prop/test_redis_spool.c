/*
 * What waits for Redis, over any schedule of intervals, outages, cut connections, restarts, kills,
 * takeovers that come to nothing, damaged files and limits of memory, disk and age: every batch is
 * applied at most once, and one that is not is counted as dropped, or was in a process that was
 * killed.  Memory and disk stay within their limits.
 *
 * Where totals are carried, and there was room for them, the totals are exact.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "sinks/redis/filled.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/ledger.h"
#include "sinks/redis/pack.h"
#include "sinks/redis/state.h"
#include "support/state_memory.h"

enum {
    BATCHES = 16384,
    SHARDS = 4,
    PRODUCERS = 4096,
    WIRE = 64,
    SERIES = 10,
    KEYS = 120,
    STEPS = 300,
    SEEDS = 30,
    PLACES_BYTES = 128, /* of a batch: what the ledger writes */
    SLACK = 64 * 1024,  /* a bale that is open, and what was sent and cannot be dropped */
    INTERVAL_MS = 1000
};

struct producer {
    char id[REDIS_ID_DIGITS + 1];
    uint8_t shard;
    uint64_t last, series;
    uint32_t nth;
};

struct world {
    struct redis_ledger *ledger;
    struct redis_ledger_opts opts;
    struct redis_batch *wire[WIRE];
    size_t n_wire;
    struct producer producers[PRODUCERS];
    size_t n_producers;
    uint64_t writes[REDIS_SHARDS];
    uint8_t applied[BATCHES], killed[BATCHES];
    uint32_t next_batch;
    double sent[KEYS], totals[KEYS]; /* of counters, where totals are carried */
    struct redis_encode *encode;     /* NULL: of batches it is known whether they were applied */
    uint64_t carried;
    uint64_t now_ms, dropped, random;
    bool down;
    int dir;
};

static struct world *world;

static unsigned below(struct world *w, unsigned n)
{
    w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((w->random >> 33) % n);
}

static void draw(char *ret, size_t digits)
{
    for (size_t i = 0; i < digits; i++)
        ret[i] = "0123456789abcdef"[below(world, 16)];
    ret[digits] = '\0';
}

static bool takes(void *cookie, uint8_t shard)
{
    struct world *w = cookie;
    (void)shard;
    return !w->down;
}

static bool send_batch(void *cookie, struct redis_batch *b)
{
    struct world *w = cookie;
    if (w->down)
        return false;
    assert_true(w->n_wire < WIRE);
    b->wire_len = b->len;
    w->wire[w->n_wire++] = b;
    return true;
}

static void open_ledger(struct world *w)
{
    w->opts.cookie = w;
    w->opts.takes = takes;
    w->opts.send = send_batch;
    w->opts.draw = draw;
    w->opts.dir = w->dir;
    draw(w->opts.id, REDIS_ID_DIGITS);
    w->ledger = redis_ledger_new(&w->opts);
}

/* ---- batches ---- */

static struct redis_batch *batch(struct world *w, uint8_t shard)
{
    struct redis_batch *b = mem_zalloc(sizeof *b);
    size_t bytes = PLACES_BYTES + 8 + below(w, 3000);
    b->len = bytes;
    b->head_len = b->split_at = (uint32_t)bytes;
    b->bytes = mem_zalloc(bytes);
    for (size_t i = PLACES_BYTES; i < bytes; i++)
        b->bytes[i] = (char)below(w, 8);
    b->stale_at = 4;
    b->sha_at = 8;
    b->id_at = 8;
    b->token_at = 40;
    b->before_at = 56;
    b->seq_at = 72;
    b->mark_at = 84;
    b->generation_at = 112;
    b->life_s = 100000;
    b->shard = shard;
    b->series = SERIES;
    b->amount.series[0] = SERIES;
    memcpy(b->bytes, &w->next_batch, sizeof w->next_batch);
    w->next_batch++;
    assert_true(w->next_batch < BATCHES);
    return b;
}

static uint32_t number_of(const struct redis_batch *b)
{
    uint32_t n;
    memcpy(&n, b->bytes, sizeof n);
    return n;
}

static void take_batch(void *cookie, struct redis_batch *b)
{
    struct world *w = cookie;
    redis_ledger_take(w->ledger, b);
}

/* Counters, of some of the keys. */
static void encode_interval(struct world *w)
{
    const struct snapshot snap = { .start_s = (int64_t)w->now_ms / 1000, .interval_ms = 1000 };
    char key[16];
    redis_encode_begin(w->encode, &snap, 100000, take_batch, w);
    for (unsigned i = below(w, 3); i < KEYS; i += 1 + below(w, 4)) {
        snprintf(key, sizeof key, "k.%u", i);
        const struct closed_series s = { .key = slice_str(key),
                                         .name = slice_str(key),
                                         .kind = SERIES_COUNTER,
                                         .counter = 1 + below(w, 9) };
        redis_encode_put(w->encode, &s);
        w->sent[i] += s.counter;
    }
    redis_encode_end(w->encode);
}

static void interval(struct world *w)
{
    redis_ledger_begin(w->ledger, (int64_t)w->now_ms / 1000, w->now_ms, w->now_ms);
    if (w->encode != NULL)
        encode_interval(w);
    for (uint8_t shard = 0; shard < SHARDS && w->encode == NULL; shard++) {
        for (unsigned n = 1 + below(w, 4); n > 0; n--) {
            struct redis_batch *b = batch(w, shard);
            b->last = shard + 1 == SHARDS && n == 1;
            redis_ledger_take(w->ledger, b);
        }
    }
    redis_ledger_end(w->ledger, w->now_ms);
}

/* ---- Redis ---- */

static struct producer *producer_of(struct world *w, const struct redis_batch *b)
{
    const char *id = b->bytes + b->id_at;
    for (size_t i = 0; i < w->n_producers; i++)
        if (w->producers[i].shard == b->shard && memcmp(w->producers[i].id, id, 32) == 0)
            return &w->producers[i];
    assert_true(w->n_producers < PRODUCERS);
    struct producer *p = &w->producers[w->n_producers++];
    *p = (struct producer){ .shard = b->shard };
    memcpy(p->id, id, REDIS_ID_DIGITS);
    return p;
}

static void add_to_totals(struct world *w, const struct redis_batch *b)
{
    struct redis_unpack u = { .rest = slice_of(b->bytes + b->head_len, b->len - b->head_len) };
    for (unsigned i = 0; i < b->ops[REDIS_COUNTERS]; i++) {
        char key[16] = "";
        const struct slice s = redis_unpack_key(&u);
        memcpy(key, s.ptr, s.len);
        w->totals[atoi(key + 2)] += (double)redis_unpack_number(&u).whole;
    }
    assert_true(u.rest.len == 0 && !u.bad);
    redis_unpack_release(&u);
}

static struct redis_verdict execute(struct world *w, const struct redis_batch *b)
{
    struct producer *p = producer_of(w, b);
    struct redis_verdict v = { .kind = REDIS_VERDICT_DUPLICATE };
    strcpy(v.totals.birth, w->writes[b->shard] > 0 ? "b" : "-");
    v.totals.writes = w->writes[b->shard];
    v.holder = slice_str("-");
    if (b->seq <= p->last)
        return v;
    v.kind = REDIS_VERDICT_GAP;
    v.known = p->last > 0;
    v.last = p->last;
    v.series = p->series;
    v.nth = p->nth;
    if (b->seq > p->last + 1)
        return v;
    p->last = b->seq;
    p->series = b->series_upto;
    p->nth = b->nth;
    if (w->encode != NULL)
        add_to_totals(w, b);
    else
        w->applied[number_of(b)]++;
    v.totals.writes = ++w->writes[b->shard];
    strcpy(v.totals.birth, "b");
    v.kind = REDIS_VERDICT_APPLIED;
    v.known = false;
    v.last = 0;
    return v;
}

static void answer(struct world *w, const struct redis_verdict *v)
{
    struct redis_batch *b = w->wire[0];
    memmove(w->wire, w->wire + 1, --w->n_wire * sizeof w->wire[0]);
    redis_ledger_answer(w->ledger, b, v, w->now_ms);
}

static void answers(struct world *w, unsigned n)
{
    for (; n > 0 && w->n_wire > 0; n--) {
        struct redis_verdict v = execute(w, w->wire[0]);
        answer(w, &v);
    }
}

/* Of what was on its way, some was applied, and nobody hears of it. */
static void cut(struct world *w)
{
    static const struct redis_verdict lost = { .kind = REDIS_VERDICT_LOST };
    unsigned n = below(w, (unsigned)w->n_wire + 1);
    for (unsigned i = 0; i < n; i++)
        (void)execute(w, w->wire[i]);
    while (w->n_wire > 0)
        answer(w, &lost);
    w->down = below(w, 3) > 0;
}

/* ---- the ends of processes ---- */

static struct redis_stats stats_of(const struct world *w)
{
    struct redis_stats s;
    redis_ledger_stats(w->ledger, w->now_ms, &s);
    return s;
}

static void save(struct world *w, struct state_memory *m)
{
    const struct records_sink sink = state_memory_sink(m);
    struct records_writer to;
    cut(w);
    records_begin(&to, &sink, 1);
    redis_state_save(w->ledger, "sd", w->now_ms, &to);
    assert_int_equal(records_end(&to), 0);
}

static void load(struct world *w, struct state_memory *m)
{
    const struct records_source source = state_memory_source(m);
    struct records_reader r;
    struct slice body;
    uint8_t type;
    assert_int_equal(records_open(&r, &source, 1), 0);
    while (records_next(&r, &type, &body) > 0)
        assert_true(redis_state_load(w->ledger, "sd", type, body, w->now_ms, 0));
    records_close(&r);
    redis_ledger_loaded(w->ledger);
}

static void end_ledger(struct world *w)
{
    w->dropped += stats_of(w).series_dropped;
    w->carried += stats_of(w).series_carried;
    redis_ledger_free(w->ledger);
}

static void restart(struct world *w)
{
    struct state_memory m = { 0 };
    save(w, &m);
    redis_ledger_saved(w->ledger);
    end_ledger(w);
    open_ledger(w);
    load(w, &m);
    state_memory_release(&m);
}

/* The other process read all of it, and died: this one goes on. */
static void vain_takeover(struct world *w)
{
    struct state_memory m = { 0 };
    struct redis_ledger *own = w->ledger;
    save(w, &m);
    open_ledger(w);
    load(w, &m);
    redis_ledger_free(w->ledger);
    w->ledger = own;
    state_memory_release(&m);
}

static void kill_it(struct world *w)
{
    cut(w);
    end_ledger(w);
    for (uint32_t i = 0; i < w->next_batch; i++)
        w->killed[i] |= !w->applied[i];
    open_ledger(w);
}

static size_t segments(struct world *w, char name[32])
{
    size_t n = 0;
    DIR *d = fdopendir(openat(w->dir, ".", O_RDONLY | O_DIRECTORY));
    const struct dirent *e;
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.' && n++ == 0)
            snprintf(name, 32, "%.31s", e->d_name);
    closedir(d);
    return n;
}

static uint64_t bytes_on_disk(struct world *w)
{
    uint64_t bytes = 0;
    struct stat st;
    DIR *d = fdopendir(openat(w->dir, ".", O_RDONLY | O_DIRECTORY));
    const struct dirent *e;
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.' && fstatat(w->dir, e->d_name, &st, 0) == 0)
            bytes += (uint64_t)st.st_size;
    closedir(d);
    return bytes;
}

/* It makes no file longer. */
static void damage(struct world *w)
{
    char name[32];
    if (segments(w, name) == 0)
        return;
    int fd = openat(w->dir, name, O_RDWR);
    off_t size = lseek(fd, 0, SEEK_END);
    const off_t at = size > 0 ? below(w, (unsigned)size) : 0;
    const size_t n = size - at < 6 ? (size_t)(size - at) : 6;
    if (below(w, 2) == 0)
        assert_int_equal(ftruncate(fd, at), 0);
    else
        assert_int_equal(pwrite(fd, "damage", n, at), n);
    close(fd);
}

/* ---- laws ---- */

static void step(struct world *w, bool damages)
{
    unsigned what = below(w, damages ? 25 : 24);
    if (what < 10) {
        w->now_ms += INTERVAL_MS;
        interval(w);
    } else if (what < 16) {
        answers(w, below(w, 40));
    } else if (what < 18) {
        cut(w);
    } else if (what < 21) {
        w->down = !w->down && below(w, 2) > 0;
    } else if (what == 21) {
        restart(w);
    } else if (what == 22) {
        vain_takeover(w);
    } else if (what == 23 && w->encode == NULL && below(w, 4) == 0) {
        kill_it(w);
    } else if (what == 24) {
        damage(w);
    }
    for (unsigned i = below(w, 8); i > 0; i--)
        redis_ledger_pump(w->ledger, ++w->now_ms);
}

static void deliver_all(struct world *w)
{
    w->down = false;
    for (int i = 0; !redis_ledger_idle(w->ledger); i++) {
        assert_true(i < 100000);
        redis_ledger_pump(w->ledger, w->now_ms += 50);
        answers(w, 1000);
    }
}

static void expect_once_or_counted(struct world *w, unsigned seed)
{
    uint64_t missing = 0;
    for (uint32_t i = 0; i < w->next_batch; i++) {
        if (w->applied[i] > 1)
            fail_msg("seed %u: batch %u was applied %d times", seed, i, w->applied[i]);
        missing += !w->applied[i] && !w->killed[i];
    }
    if (missing * SERIES > w->dropped)
        fail_msg("seed %u: %d batches are missing, %d series counted", seed, (int)missing,
                 (int)w->dropped);
}

/* returns  whether something was dropped, and none of it for good */
static bool expect_totals(const struct world *w, unsigned seed)
{
    bool exact = w->dropped == w->carried;
    for (unsigned i = 0; i < KEYS; i++) {
        bool right = exact ? w->totals[i] == w->sent[i] : w->totals[i] <= w->sent[i];
        if (!right)
            fail_msg("seed %u: k.%u is %g, not %g; %d series dropped, %d carried", seed, i,
                     w->totals[i], w->sent[i], (int)w->dropped, (int)w->carried);
    }
    return exact && w->dropped > 0;
}

static const struct redis_encode_opts encode_opts = { .prefix = "sd",
                                                      .instance = "one",
                                                      .retention_s = 600 };

static struct world *world_of(char *path, unsigned seed)
{
    struct world *w = mem_zalloc(sizeof *w);
    world = w;
    w->random = seed * 7919u + 1;
    w->now_ms = 1000000;
    w->dir = open(mkdtemp(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return w;
}

/* returns  as expect_totals */
static bool run(unsigned seed, bool damages, bool carries)
{
    static const uint64_t memory[] = { 60000, 200000, 1 << 30 }, disk[] = { 0, 100000, 1 << 30 },
                          age[] = { 20000, 1 << 30 };
    char path[] = "/tmp/spool-law-XXXXXX", name[32];
    struct world *w = world_of(path, seed);
    w->opts = (struct redis_ledger_opts){ .max_bytes = memory[below(w, 3)],
                                          .max_age_ms = age[below(w, 2)],
                                          .keep_ms = 5000,
                                          .interval_ms = below(w, 2) * INTERVAL_MS,
                                          .pack_after_ms = 2 * INTERVAL_MS,
                                          .disk_max_bytes = disk[below(w, 3)] };
    w->encode = carries ? redis_encode_new(&encode_opts) : NULL;
    w->opts.carry = carries ? &encode_opts : NULL;
    open_ledger(w);
    for (int i = 0; i < STEPS; i++) {
        step(w, damages);
        /* What a file that was cut short should hold is reckoned with until it is opened. */
        uint64_t bytes = damages ? bytes_on_disk(w) : stats_of(w).spool_disk_bytes;
        assert_true(bytes <= w->opts.disk_max_bytes);
    }
    deliver_all(w);
    interval(w); /* what a killed process left goes */
    deliver_all(w);
    end_ledger(w);
    bool exact = false;
    if (carries)
        exact = expect_totals(w, seed);
    else
        expect_once_or_counted(w, seed);
    redis_encode_free(w->encode);
    assert_int_equal(segments(w, name), 0);
    close(w->dir);
    assert_int_equal(rmdir(path), 0);
    free(w);
    return exact;
}

static void every_batch_is_applied_once_or_counted(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        run(seed, false, false);
}

static void damaged_files_cost_what_they_held_and_no_more(void **state)
{
    (void)state;
    for (unsigned seed = 1001; seed <= 1000 + SEEDS; seed++)
        run(seed, true, false);
}

static void totals_are_exact_where_they_are_carried(void **state)
{
    int exact = 0;
    (void)state;
    for (unsigned seed = 2001; seed <= 2000 + SEEDS; seed++)
        exact += run(seed, false, true);
    assert_true(exact >= SEEDS / 10);
}

static void what_is_carried_is_left_until_redis_has_it(void **state)
{
    char path[] = "/tmp/spool-law-XXXXXX";
    struct world *w = mem_zalloc(sizeof *w);
    struct sink_amount left;
    (void)state;
    world = w;
    w->now_ms = 1000000;
    w->dir = open(mkdtemp(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w->opts = (struct redis_ledger_opts){ .max_bytes = 1 << 20,
                                          .max_age_ms = 1000,
                                          .keep_ms = 5000,
                                          .interval_ms = INTERVAL_MS,
                                          .carry = &encode_opts };
    w->encode = redis_encode_new(&encode_opts);
    open_ledger(w);
    w->down = true;
    interval(w);
    redis_ledger_hurry(w->ledger);
    w->now_ms += 2000;
    while (stats_of(w).spool_batches > 0)
        redis_ledger_pump(w->ledger, ++w->now_ms);
    assert_false(redis_ledger_idle(w->ledger));
    redis_ledger_left(w->ledger, &left);
    assert_int_equal(sink_amount_series(&left), stats_of(w).series_carried);
    double sent = 0;
    for (unsigned i = 0; i < KEYS; i++)
        sent += w->sent[i];
    assert_true(left.counted == sent);
    /* Nor does it come out for a node that does not answer: it would be dropped again. */
    w->down = false;
    for (int i = 0; i < 500; i++)
        redis_ledger_pump(w->ledger, ++w->now_ms);
    assert_int_equal(w->n_wire, REDIS_LEDGER_WINDOW);
    assert_int_equal(stats_of(w).spool_batches, REDIS_LEDGER_WINDOW);
    deliver_all(w);
    redis_ledger_left(w->ledger, &left);
    assert_true(sink_amount_is_nothing(&left));
    end_ledger(w);
    assert_true(expect_totals(w, 0));
    redis_encode_free(w->encode);
    close(w->dir);
    assert_int_equal(rmdir(path), 0);
    free(w);
}

/* What a state holds has numbers, so the next process can neither drop nor compress it: it has to
 * be ready for the disk before. */
static void what_a_state_brings_back_makes_room_on_disk_for_what_comes(void **state)
{
    char path[] = "/tmp/spool-law-XXXXXX";
    struct world *w = world_of(path, 3);
    (void)state;
    w->opts = (struct redis_ledger_opts){ .max_bytes = 1 << 20,
                                          .max_age_ms = 1 << 30,
                                          .keep_ms = 5000,
                                          .pack_after_ms = 1 << 30,
                                          .disk_max_bytes = 1 << 30 };
    open_ledger(w);
    w->down = true;
    while (stats_of(w).spool_bytes < (1 << 20) - 60000) {
        assert_int_equal(stats_of(w).spool_disk_bytes, 0);
        interval(w);
    }
    restart(w);
    for (int i = 0; i < 300; i++) {
        interval(w);
        (void)redis_ledger_pump(w->ledger, ++w->now_ms);
    }
    assert_true(stats_of(w).spool_disk_bytes > 0);
    assert_int_equal(stats_of(w).series_dropped, 0);
    w->down = false;
    deliver_all(w);
    expect_once_or_counted(w, 3);
    end_ledger(w);
    close(w->dir);
    assert_int_equal(rmdir(path), 0);
    free(w);
}

/* As when strangers hold all the connections that the process may have. */
static void what_is_on_disk_waits_for_a_descriptor(void **state)
{
    char path[] = "/tmp/spool-law-XXXXXX";
    struct world *w = mem_zalloc(sizeof *w);
    struct rlimit all, none;
    (void)state;
    world = w;
    w->now_ms = 1000000;
    w->dir = open(mkdtemp(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w->opts = (struct redis_ledger_opts){ .max_bytes = 60000,
                                          .max_age_ms = 1 << 30,
                                          .keep_ms = 5000,
                                          .pack_after_ms = 2 * INTERVAL_MS,
                                          .disk_max_bytes = 1 << 30 };
    open_ledger(w);
    w->down = true;
    for (int i = 0; i < 20; i++)
        interval(w);
    assert_true(stats_of(w).spool_disk_bytes > 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    none = (struct rlimit){ .rlim_cur = 0, .rlim_max = all.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    w->down = false;
    for (int i = 0; i < 3; i++) {
        uint64_t wake_ms = redis_ledger_pump(w->ledger, w->now_ms);
        assert_true(wake_ms > w->now_ms);
        w->now_ms = wake_ms;
        answers(w, WIRE);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    assert_int_equal(stats_of(w).series_dropped, 0);
    deliver_all(w);
    assert_int_equal(stats_of(w).series_dropped, 0);
    end_ledger(w);
    expect_once_or_counted(w, 0);
    close(w->dir);
    assert_int_equal(rmdir(path), 0);
    free(w);
}

/* So long that it is a piece of its own, and hardly gets smaller. */
static struct redis_batch *long_batch(struct world *w, uint8_t shard)
{
    enum { BYTES = 40000 };
    struct redis_batch *b = batch(w, shard);
    b->bytes = mem_realloc(b->bytes, BYTES);
    for (size_t i = b->len; i < BYTES; i++)
        b->bytes[i] = (char)below(w, 251);
    b->len = b->head_len = b->split_at = BYTES;
    return b;
}

/* What is on disk takes hardly any memory: dropping it makes room there alone. */
static void a_disk_that_is_full_gives_away_no_more_than_it_needs(void **state)
{
    enum { MEMORY = 1 << 20, DISK = 20 << 20, SEGMENT = 8 << 20, INTERVALS = 400 };
    char path[] = "/tmp/spool-law-XXXXXX";
    (void)state;
    for (int carries = 0; carries < 2; carries++) {
        struct world *w = mem_zalloc(sizeof *w);
        world = w;
        w->now_ms = 1000000;
        w->down = true;
        memcpy(path + strlen(path) - 6, "XXXXXX", 6);
        w->dir = open(mkdtemp(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        w->opts = (struct redis_ledger_opts){ .max_bytes = MEMORY,
                                              .max_age_ms = 1 << 30,
                                              .keep_ms = 5000,
                                              .pack_after_ms = 2 * INTERVAL_MS,
                                              .disk_max_bytes = DISK,
                                              .carry = carries ? &encode_opts : NULL };
        open_ledger(w);
        const uint64_t least = DISK - SEGMENT - MEMORY - (carries ? SEGMENT : 0);
        for (int i = 0; i < INTERVALS; i++) {
            w->now_ms += INTERVAL_MS;
            redis_ledger_begin(w->ledger, i, w->now_ms, w->now_ms);
            const uint64_t before = stats_of(w).series_dropped;
            for (uint8_t n = 0; n < 3; n++)
                redis_ledger_take(w->ledger, long_batch(w, n));
            redis_ledger_end(w->ledger, w->now_ms);
            redis_ledger_pump(w->ledger, ++w->now_ms);
            struct redis_stats s = stats_of(w);
            if (carries) /* about a piece for each that comes */
                assert_true(s.series_dropped - before <= 2 * 3 * SERIES);
            assert_true(s.spool_bytes <= MEMORY + SLACK);
            assert_true(s.spool_disk_bytes <= DISK);
            if (s.series_dropped > 0)
                assert_true(s.spool_disk_bytes > least);
        }
        assert_true(stats_of(w).series_dropped > 0);
        redis_ledger_give_up(w->ledger);
        end_ledger(w);
        redis_encode_free(w->encode);
        close(w->dir);
        assert_int_equal(rmdir(path), 0);
        free(w);
    }
}

static uint64_t most_dropped_at_once;
static struct redis_filled filled;

static void expect_batch(void *cookie, struct redis_batch *b)
{
    struct world *w = cookie;
    uint64_t before = stats_of(w).series_dropped;
    redis_filled_add(&filled, b);
    redis_ledger_expect(w->ledger, b, w->now_ms);
    uint64_t dropped = stats_of(w).series_dropped - before;
    most_dropped_at_once = dropped > most_dropped_at_once ? dropped : most_dropped_at_once;
}

/* What is carried takes far more memory than what it came from took, compressed. */
static void memory_that_is_full_is_made_room_in_a_piece_at_a_time(void **state)
{
    enum { MEMORY = 4 << 20, MANY = 6400, INTERVALS = 120, SERIES_OF_SHARD = 250 };
    struct world *w = mem_zalloc(sizeof *w);
    struct redis_encode *encode = redis_encode_new(&encode_opts);
    (void)state;
    world = w;
    w->now_ms = 1000000;
    w->down = true;
    w->opts = (struct redis_ledger_opts){ .max_bytes = MEMORY,
                                          .max_age_ms = 1 << 30,
                                          .keep_ms = 5000,
                                          .pack_after_ms = 2 * INTERVAL_MS,
                                          .carry = &encode_opts };
    open_ledger(w);
    for (int i = 0; i < INTERVALS; i++) {
        const struct snapshot snap = { .start_s = i, .interval_ms = 1000, .n_series = MANY };
        redis_filled_begin(&filled, &snap, false, w->now_ms);
        redis_encode_begin(encode, &snap, 100000, expect_batch, w);
        for (unsigned k = 0; k < MANY; k++) {
            char key[32];
            snprintf(key, sizeof key, "requests.of.n%u", k);
            const struct closed_series s = { .key = slice_str(key),
                                             .name = slice_str(key),
                                             .kind = SERIES_COUNTER,
                                             .counter = below(w, 1000000) };
            redis_encode_put(encode, &s);
        }
        redis_encode_end(encode);
        redis_filled_end(&filled, w->ledger, 0, w->now_ms);
        for (int k = 0; k < INTERVAL_MS; k++)
            redis_ledger_pump(w->ledger, ++w->now_ms);
        assert_true(stats_of(w).spool_bytes <= MEMORY);
    }
    assert_true(stats_of(w).series_dropped > MANY);
    assert_int_equal(stats_of(w).series_carried, stats_of(w).series_dropped);
    assert_true(most_dropped_at_once <= 4 * SERIES_OF_SHARD);
    redis_encode_free(encode);
    end_ledger(w);
    free(w);
}

static struct closed_series gauge_of(const char *key, double v)
{
    return (struct closed_series){ .key = slice_str(key),
                                   .name = slice_str(key),
                                   .kind = SERIES_GAUGE,
                                   .gauge = { .absolute = true, .value = v, .stamp_ms = 1 } };
}

static double gauge_in(const struct redis_batch *b)
{
    struct redis_unpack u = { .rest = slice_of(b->bytes + b->head_len, b->len - b->head_len) };
    assert_int_equal(b->ops[REDIS_GAUGES], 1);
    (void)redis_unpack_key(&u);
    double v = (double)redis_unpack_number(&u).whole;
    redis_unpack_release(&u);
    return v;
}

/* Redis takes what a writer sends last for the newest, whatever its stamp. */
static void what_is_carried_goes_before_what_came_later_in_its_shard(void **state)
{
    const char *first = "k.0", *second = "k.1";
    char path[] = "/tmp/spool-law-XXXXXX";
    struct world *w = world_of(path, 1);
    (void)state;
    if (redis_keys_shard(slice_str(first)) > redis_keys_shard(slice_str(second)))
        first = "k.1", second = "k.0";
    const uint32_t shard = redis_keys_shard(slice_str(second));
    assert_true(redis_keys_shard(slice_str(first)) < shard);
    w->opts = (struct redis_ledger_opts){
        .max_bytes = 1 << 20, .max_age_ms = 1000, .keep_ms = 5000, .carry = &encode_opts
    };
    struct redis_encode *encode = redis_encode_new(&encode_opts);
    open_ledger(w);
    w->down = true;
    uint64_t first_interval = 0;
    for (int i = 1; i <= 2; i++) {
        const struct snapshot snap = { .start_s = i, .interval_ms = 1000 };
        const struct closed_series s[] = { gauge_of(first, i), gauge_of(second, i) };
        redis_ledger_begin(w->ledger, i, w->now_ms, w->now_ms);
        redis_encode_begin(encode, &snap, 100000, take_batch, w);
        redis_encode_put(encode, &s[0]);
        redis_encode_put(encode, &s[1]);
        redis_encode_end(encode);
        redis_ledger_end(w->ledger, w->now_ms);
        first_interval = i == 1 ? stats_of(w).spool_batches : first_interval;
    }
    w->now_ms += 2000;
    const uint64_t second_interval = stats_of(w).spool_batches - first_interval;
    while (stats_of(w).spool_batches > second_interval)
        redis_ledger_pump(w->ledger, w->now_ms);
    w->down = false; /* the next one drops what the second interval has in the first shard */
    double last = 0;
    for (int i = 0; !redis_ledger_idle(w->ledger) && i < 100; i++) {
        redis_ledger_pump(w->ledger, ++w->now_ms);
        while (w->n_wire > 0) {
            const struct redis_batch *b = w->wire[0];
            const struct redis_verdict applied = {
                .kind = REDIS_VERDICT_APPLIED,
                .totals = { .birth = "b", .writes = ++w->writes[b->shard] },
                .holder = slice_str("-"),
            };
            if (b->shard == shard && b->series > 0) {
                assert_true(gauge_in(b) > last);
                last = gauge_in(b);
            }
            answer(w, &applied);
        }
    }
    assert_true(last == 2);
    end_ledger(w);
    redis_encode_free(encode);
    close(w->dir);
    assert_int_equal(rmdir(path), 0);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_state_brings_back_makes_room_on_disk_for_what_comes),
        cmocka_unit_test(what_is_on_disk_waits_for_a_descriptor),
        cmocka_unit_test(memory_that_is_full_is_made_room_in_a_piece_at_a_time),
        cmocka_unit_test(what_is_carried_is_left_until_redis_has_it),
        cmocka_unit_test(what_is_carried_goes_before_what_came_later_in_its_shard),
        cmocka_unit_test(a_disk_that_is_full_gives_away_no_more_than_it_needs),
        cmocka_unit_test(every_batch_is_applied_once_or_counted),
        cmocka_unit_test(totals_are_exact_where_they_are_carried),
        cmocka_unit_test(damaged_files_cost_what_they_held_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
