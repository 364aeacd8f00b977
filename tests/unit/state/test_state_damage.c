/*
 * A state damaged in ways that no checksum tells: records are changed, and then written with sums
 * that are right, so that what reads records meets them.  Whatever comes of it, the server goes on:
 * it has all of the state or nothing of it, can show the page, take samples, and be saved again.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/state.h"
#include "base/log.h"
#include "base/pack.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/state.h"
#include "support/fake_snapshot.h"
#include "support/sanitized.h"
#include "support/state_memory.h"

enum { DAMAGES = SANITIZED ? 2000 : 6000, RECORDS = 4096, NOW_MS = 1000000 };

static const double bounds[] = { -1, 0, 0.5, 20 };

static const struct pipeline_opts shapes[] = {
    { .set_steps = 5, .set_step_intervals = 2, .births = true },
    { .histograms = true, .buckets = bounds, .n_buckets = 4 },
    { .histograms = true,
      .buckets = bounds,
      .n_buckets = 4,
      .native_factor = 1.3,
      .native_max_buckets = 12 },
};

/* ---- a state of everything, as records ---- */

struct record {
    uint8_t type;
    struct buf body;
};

struct fixture {
    struct record at[RECORDS];
    size_t n;
};

static bool send_nothing(void *cookie, struct redis_batch *b)
{
    (void)cookie;
    assert_true(b->seq > 0 && b->len > 0);
    return false;
}

static void draw(char *ret, size_t digits)
{
    memset(ret, 'a', digits);
    ret[digits] = '\0';
}

static struct redis_ledger *ledger(void)
{
    struct redis_ledger_opts o = { .max_bytes = 1 << 20,
                                   .max_age_ms = 600000,
                                   .keep_ms = 20000,
                                   .send = send_nothing,
                                   .draw = draw };
    memset(o.id, 'b', REDIS_ID_DIGITS);
    return redis_ledger_new(&o);
}

static void take(void *l, struct redis_batch *b)
{
    redis_ledger_take(l, b);
}

static void save_spool(struct records_writer *to)
{
    struct redis_encode *e = redis_encode_new(
        &(struct redis_encode_opts){ .prefix = "sd", .instance = "a", .retention_s = 600 });
    struct redis_ledger *l = ledger();
    struct fake_snapshot f;
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_counter(&f, "hits", 3);
    (void)sketch_add(fake_snapshot_timer(&f, "took", 5), 12, 1);
    (void)members_add(fake_snapshot_set(&f, "users"), 17);
    for (int i = 0; i < 2; i++) {
        redis_ledger_begin(l, 1700000000 + 10 * i, NOW_MS, NOW_MS);
        fake_snapshot_encode(&f, e, 4800, take, l);
        redis_ledger_end(l, NOW_MS);
    }
    redis_state_save(l, "sd", NOW_MS, to);
    fake_snapshot_release(&f);
    redis_encode_free(e);
    redis_ledger_free(l);
}

static void save_counter(struct records_writer *to)
{
    struct buf *out = records_add(to, STATE_COUNTER);
    pack_text(out, SLICE_LIT("statsd_samples_read_total"));
    pack_double(out, 17);
    records_done(to);
}

static void feed(struct pipeline *p)
{
    char line[200];
    for (int i = 0; i < 4; i++) {
        snprintf(line, sizeof line,
                 "c%d:1|c|#t:%d\ng%d:2|g\nt%d:3:-4:0:1e9|ms|#q:x\ns%d:a|s\ns%d:b|s\nb:1|g\nb:a|s",
                 i, i, i, i, i, i);
        pipeline_feed(p, 0, line);
        pipeline_turn(p);
        if (i == 1)
            pipeline_close(p);
    }
}

static void save_all(struct pipeline *p, struct state_memory *to, bool spool)
{
    struct sink_list sinks = { .n = 0 };
    const struct state_parts parts = { .instance = "me", .registry = p->registry, .sinks = &sinks };
    const struct state_clock clock = state_memory_clock(p);
    const struct records_sink sink = state_memory_sink(to);
    struct records_writer w;
    struct registry_save s;
    records_begin(&w, &sink, STATE_VERSION);
    state_put_owner(&w, &parts, &clock, false);
    registry_save_begin(&s, p->registry, &w, &clock, false);
    while (registry_save_some(&s, 100)) {}
    registry_save_end(&s);
    if (spool) {
        save_counter(&w);
        save_spool(&w);
    }
    assert_int_equal(records_end(&w), 0);
}

static void read_records(struct fixture *f, struct state_memory *from)
{
    const struct records_source source = state_memory_source(from);
    struct records_reader r;
    uint8_t type;
    struct slice body;
    assert_int_equal(records_open(&r, &source, STATE_VERSION), 0);
    while (records_next(&r, &type, &body) > 0) {
        assert_true(f->n < RECORDS);
        f->at[f->n].type = type;
        buf_append_slice(&f->at[f->n++].body, body);
    }
    records_close(&r);
}

static void make(struct fixture *f, const struct pipeline_opts *o)
{
    struct pipeline p;
    struct state_memory saved = { 0 };
    *f = (struct fixture){ .n = 0 };
    pipeline_init(&p, o);
    feed(&p);
    save_all(&p, &saved, true);
    read_records(f, &saved);
    pipeline_release(&p);
    state_memory_release(&saved);
}

static void release(struct fixture *f)
{
    for (size_t i = 0; i < f->n; i++)
        buf_release(&f->at[i].body);
}

/* ---- damage ---- */

struct random {
    uint64_t state;
};

static size_t below(struct random *r, size_t n)
{
    r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
    return n == 0 ? 0 : (size_t)(r->state >> 33) % n;
}

/* A number in the middle that is 2^31, 2^32 - 1, 2^63, 2^64 - 1, NaN, or one more or less. */
static void put_number(struct random *r, struct buf *b)
{
    static const uint64_t numbers[] = { 0,
                                        1u << 31,
                                        UINT32_MAX,
                                        1ull << 63,
                                        UINT64_MAX,
                                        INT64_MAX,
                                        0x7ff8ull << 48,
                                        0x7ffull << 52,
                                        0xffefull << 48 | UINT32_MAX };
    size_t width = below(r, 2) == 0 ? 4 : 8;
    uint64_t v = numbers[below(r, sizeof numbers / sizeof numbers[0])];
    if (b->len < width)
        return;
    size_t at = below(r, b->len - width + 1);
    if (below(r, 4) == 0)
        b->ptr[at] = (char)(b->ptr[at] + (below(r, 2) == 0 ? 1 : -1));
    else
        memcpy(b->ptr + at, &v, width);
}

static void damage_body(struct random *r, struct buf *b, const struct buf *other)
{
    size_t at = below(r, b->len);
    switch (below(r, 6)) {
    case 0:
        if (b->len > 0)
            b->ptr[at] = (char)(b->ptr[at] ^ (1 << below(r, 8)));
        break;
    case 1:
        b->len = at;
        break;
    case 2: /* spliced: the front of one, the end of another */
        b->len = at;
        at = below(r, other->len);
        buf_append(b, other->ptr + at, other->len - at);
        break;
    case 3:
        buf_append(b, "\xff\xff\xff\xff\xff\xff\xff\xff", 1 + below(r, 8));
        break;
    default:
        put_number(r, b);
    }
}

/* All records but for one or two that are changed, left out, there twice or elsewhere. */
static void write_damaged(struct random *r, const struct fixture *f, struct state_memory *to)
{
    const struct records_sink sink = state_memory_sink(to);
    struct records_writer w;
    size_t which = below(r, f->n), how = below(r, 10), other = below(r, f->n);
    buf_clear(&to->bytes);
    records_begin(&w, &sink, STATE_VERSION);
    for (size_t i = 0; i < f->n; i++) {
        const struct record *one = &f->at[i];
        unsigned times = i == which && how == 0 ? 0 : i == which && how == 1 ? 2 : 1;
        for (; times > 0; times--) {
            struct buf b = { 0 };
            uint8_t type = one->type;
            if (i == which && how == 2)
                one = &f->at[other];
            if (i == which && how == 3)
                type = (uint8_t)(below(r, 2) == 0 ? f->at[other].type : below(r, 256));
            buf_append_slice(&b, buf_slice(&one->body));
            for (size_t n = i == which && how > 3 ? 1 + below(r, 3) : 0; n > 0; n--)
                damage_body(r, &b, &f->at[other].body);
            buf_append_slice(records_add(&w, type), buf_slice(&b));
            records_done(&w);
            buf_release(&b);
        }
    }
    assert_int_equal(records_end(&w), 0);
}

/* ---- loading ---- */

struct spool {
    struct sink sink;
    struct redis_ledger *ledger;
};

static int load_spool(struct sink *s, uint8_t type, struct slice body, uint64_t age_ms)
{
    if (type < REDIS_STATE_LEDGER || type > REDIS_STATE_BATCH)
        return 0;
    (void)redis_state_load(((struct spool *)s)->ledger, "sd", type, body, NOW_MS, age_ms);
    return 1;
}

static void loaded_spool(struct sink *s, bool good)
{
    if (good)
        redis_ledger_loaded(((struct spool *)s)->ledger);
    else
        redis_ledger_unload(((struct spool *)s)->ledger);
}

/* returns  whether the state was checked and its records were read; *ret_rc: what came of it */
static bool load(struct state_memory *from, struct pipeline *p, int *ret_rc)
{
    struct spool spool = { .sink = { .load = load_spool, .loaded = loaded_spool },
                           .ledger = ledger() };
    struct sink_list sinks = { .at = { &spool.sink }, .n = 1 };
    struct carried carried = { 0 };
    const struct state_parts parts = { "me", p->registry, &carried, NULL, &sinks, NULL };
    const struct records_source source = state_memory_source(from);
    const struct state_clock now = state_memory_clock(p);
    struct state_owner owner;
    struct state_loaded loaded = { 0 };
    struct sink_amount left;
    const char *why = NULL;
    from->at = 0;
    int rc = state_check(&source, "me", &owner, &why);
    bool checked = rc == 0;
    from->at = 0;
    if (checked)
        rc = state_load(&source, &parts, &owner, &now, p->now_ns, &loaded);
    assert_true(rc == 0 || why != NULL || loaded.why != NULL);
    if (rc < 0)
        assert_int_equal(registry_restored(p->registry), 0);
    (void)redis_ledger_pump(spool.ledger, NOW_MS);
    redis_ledger_left(spool.ledger, &left);
    redis_ledger_give_up(spool.ledger);
    redis_ledger_free(spool.ledger);
    carried_release(&carried);
    *ret_rc = rc;
    return checked;
}

/* As long as it runs, and at the end of it. */
static void go_on(struct pipeline *p, bool good)
{
    struct state_memory again = { 0 };
    struct pipeline next;
    int rc;
    (void)pipeline_text(p);
    feed(p);
    (void)pipeline_text(p);
    save_all(p, &again, false);
    pipeline_init(&next, &p->opts);
    assert_true(load(&again, &next, &rc));
    if (good)
        assert_int_equal(rc, 0); /* what was loaded and shown can be saved and loaded */
    pipeline_release(&next);
    state_memory_release(&again);
}

static void records_that_make_no_sense_are_refused_or_harmless(void **state)
{
    static struct fixture f;
    struct random r = { 3 };
    size_t checked = 0, good = 0;
    (void)state;
    for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++) {
        make(&f, &shapes[shape]);
        assert_true(f.n > 30);
        for (unsigned i = 0; i < DAMAGES / 3; i++) {
            struct state_memory m = { 0 };
            struct pipeline p;
            int rc;
            write_damaged(&r, &f, &m);
            pipeline_init(&p, &shapes[shape]);
            checked += load(&m, &p, &rc);
            good += rc == 0;
            go_on(&p, rc == 0);
            pipeline_release(&p);
            state_memory_release(&m);
        }
        release(&f);
    }
    /* Nearly all pass the checksums: what reads records has seen them. */
    assert_true(checked > DAMAGES * 9 / 10);
    assert_in_range(good, DAMAGES / 10, DAMAGES * 9 / 10);
}

/* A file that ends behind any record, and whose end is as if that was all, is without it. */
static void cut_behind_any_record_it_is_told_by_the_end_alone(void **state)
{
    static struct fixture f;
    (void)state;
    make(&f, &shapes[0]);
    for (size_t n = 0; n <= f.n; n++) {
        struct state_memory m = { 0 };
        const struct records_sink sink = state_memory_sink(&m);
        struct records_writer w;
        struct pipeline p;
        int rc;
        records_begin(&w, &sink, STATE_VERSION);
        for (size_t i = 0; i < n; i++) {
            buf_append_slice(records_add(&w, f.at[i].type), buf_slice(&f.at[i].body));
            records_done(&w);
        }
        assert_int_equal(records_end(&w), 0);
        pipeline_init(&p, &shapes[0]);
        assert_int_equal(load(&m, &p, &rc), n > 0);
        assert_int_equal(rc, n > 0 ? 0 : -EBADMSG);
        go_on(&p, true);
        pipeline_release(&p);
        for (size_t cut = 1; cut <= RECORDS_END; cut++) {
            m.bytes.len--;
            pipeline_init(&p, &shapes[0]);
            assert_false(load(&m, &p, &rc));
            pipeline_release(&p);
        }
        state_memory_release(&m);
    }
    release(&f);
}

/* Lengths of a block that lie: no memory is taken for what is not there, and nothing is used. */
static void a_length_that_lies_is_refused(void **state)
{
    static const uint32_t lengths[] = { 0, 1, RECORDS_BLOCK_MAX, 1u << 25, 1u << 31, UINT32_MAX };
    struct state_memory m = { 0 };
    struct pipeline p;
    int rc;
    (void)state;
    pipeline_init(&p, &shapes[0]);
    feed(&p);
    save_all(&p, &m, true);
    pipeline_release(&p);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t at = RECORDS_HEAD; at < RECORDS_HEAD + 24; at += 4) {
            uint32_t was;
            memcpy(&was, m.bytes.ptr + at, 4);
            if (was == lengths[i])
                continue;
            memcpy(m.bytes.ptr + at, &lengths[i], 4);
            pipeline_init(&p, &shapes[0]);
            assert_false(load(&m, &p, &rc));
            pipeline_release(&p);
            memcpy(m.bytes.ptr + at, &was, 4);
        }
    }
    state_memory_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_that_make_no_sense_are_refused_or_harmless),
        cmocka_unit_test(cut_behind_any_record_it_is_told_by_the_end_alone),
        cmocka_unit_test(a_length_that_lies_is_refused),
    };
    log_to_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
