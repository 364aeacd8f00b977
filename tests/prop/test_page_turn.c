/*
 * Workers fill pages while another thread takes them at random moments: at the end every unit is
 * there, as if one thread had done it all.  Run it with SAN=thread.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "support/pipeline.h"

enum { WORKERS = 2, DATAGRAMS = 6000 };

struct random {
    uint64_t state;
};

static unsigned below(struct random *r, unsigned n)
{
    r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((r->state >> 33) % n);
}

/* One worker's datagram number i: the same for whoever asks. */
static void make_datagram(unsigned worker, unsigned i, struct buf *out)
{
    struct random r = { worker * 1000003ull + i * 7919ull + 1 };
    below(&r, 2);
    buf_clear(out);
    for (unsigned n = 1 + below(&r, 40); n > 0; n--) {
        /* Series that come and go: most of what is sent moves slowly through the names. */
        unsigned name = below(&r, 4) == 0 ? below(&r, 50) : 100 + i / 40 + below(&r, 5);
        switch (below(&r, 4)) {
        case 0:
            buf_printf(out, "c:%u|c|#n:%u\n", below(&r, 100), name);
            break;
        case 1:
            buf_printf(out, "t:%u:%u|h|#n:%u\n", below(&r, 1000), below(&r, 1000), name);
            break;
        case 2:
            buf_printf(out, "s:m%u|s|#n:%u\n", below(&r, 100), name);
            break;
        default:
            buf_printf(out, "g%u:%u|g\n", worker, below(&r, 100));
            break;
        }
    }
    buf_append_char(out, '\0');
}

static uint64_t stamp(unsigned i)
{
    /* 10 ms apart: a minute in all, and cells idle for 2 s are dropped */
    return 1000 * PIPELINE_SECOND + i * 10000000ull;
}

struct filler {
    struct pipeline *p; /* its parser and batch are this thread's alone */
    struct ingest *in;
    unsigned worker;
    _Atomic bool asked, over;
    uint64_t turns, late;
};

static void *fill(void *cookie)
{
    struct filler *f = cookie;
    struct buf datagram = { 0 };
    for (unsigned i = 0; i < DATAGRAMS; i++) {
        make_datagram(f->worker, i, &datagram);
        pipeline_feed_at(f->p, 0, datagram.ptr, stamp(i));
        if (!atomic_exchange(&f->asked, false))
            continue;
        if (ingest_turn(f->in, stamp(i)))
            f->turns++;
        else
            f->late++;
    }
    buf_release(&datagram);
    while (!ingest_turn(f->in, stamp(DATAGRAMS)))
        sched_yield();
    f->turns++;
    atomic_store(&f->over, true);
    return NULL;
}

struct control {
    struct registry *registry;
    struct ingest_counters seen[WORKERS];
    uint64_t taken[WORKERS];
};

static bool take(struct control *c, struct filler *f, struct random *r)
{
    struct page *page = ingest_take(f->in);
    if (page == NULL)
        return false;
    /* dawdle, and ask again meanwhile */
    for (unsigned n = below(r, 4) == 0 ? below(r, 200) : 0; n > 0; n--) {
        atomic_store(&f->asked, true);
        sched_yield();
    }
    registry_merge(c->registry, page, stamp(0));
    c->seen[f->worker] = *page_stats(page);
    ingest_give(f->in, page);
    c->taken[f->worker]++;
    return true;
}

static int by_line(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *sorted(const char *text)
{
    char *copy = mem_strdup(text), **lines = NULL;
    size_t n = 0, cap = 0;
    for (char *rest = copy, *at; (at = strtok_r(rest, "\n", &rest)) != NULL;) {
        lines = mem_grow(lines, &cap, n + 1, sizeof(char *));
        lines[n++] = at;
    }
    qsort(lines, n, sizeof(char *), by_line);
    struct buf out = { 0 };
    for (size_t i = 0; i < n; i++) {
        buf_append_str(&out, lines[i]);
        buf_append_char(&out, '\n');
    }
    buf_append_char(&out, '\0');
    free(lines);
    free(copy);
    return out.ptr;
}

/* The same stream, one page, one thread. */
static char *model(uint64_t *ret_values)
{
    struct pipeline p;
    struct buf datagram = { 0 };
    pipeline_init(&p, &(struct pipeline_opts){ .workers = WORKERS });
    p.now_ns = stamp(0);
    for (unsigned w = 0; w < WORKERS; w++)
        for (unsigned i = 0; i < DATAGRAMS; i++) {
            make_datagram(w, i, &datagram);
            pipeline_feed_at(&p, w, datagram.ptr, stamp(i));
        }
    buf_release(&datagram);
    pipeline_turn(&p);
    pipeline_close(&p);
    *ret_values = pipeline_stat(&p, INGEST_VALUES_AGGREGATED);
    p.now_ns = stamp(0);
    char *lines = sorted(pipeline_lines(&p));
    pipeline_release(&p);
    return lines;
}

static void pages_taken_at_random_moments_hold_every_unit(void **unused)
{
    (void)unused;
    uint64_t values;
    char *want = model(&values);
    for (unsigned round = 0; round < 3; round++) {
        struct random r = { round + 1 };
        struct pipeline p, own[WORKERS]; /* p: registry; own: a parser for each thread */
        struct filler f[WORKERS];
        pthread_t threads[WORKERS];
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 1 });
        struct control c = { .registry = p.registry };
        for (unsigned w = 0; w < WORKERS; w++) {
            pipeline_init(&own[w], &(struct pipeline_opts){ .ttl_s = round == 0 ? 0 : 2 });
            f[w] = (struct filler){ .p = &own[w], .in = own[w].in[0], .worker = w };
            assert_int_equal(pthread_create(&threads[w], NULL, fill, &f[w]), 0);
        }
        unsigned over = 0;
        while (over < WORKERS) {
            over = 0;
            for (unsigned w = 0; w < WORKERS; w++) {
                if (below(&r, 3) == 0)
                    atomic_store(&f[w].asked, true);
                bool last = atomic_load(&f[w].over);
                while (take(&c, &f[w], &r) && last) {}
                over += last;
            }
            if (below(&r, 8) == 0)
                sched_yield();
        }
        uint64_t have = 0;
        for (unsigned w = 0; w < WORKERS; w++) {
            pthread_join(threads[w], NULL);
            assert_int_equal(c.taken[w], f[w].turns);
            assert_int_equal(c.seen[w].v[INGEST_PAGE_TURNS], f[w].turns);
            /* and those of the last, repeated turn */
            assert_true(c.seen[w].v[INGEST_PAGE_TURNS_LATE] >= f[w].late);
            assert_int_equal(c.seen[w].v[INGEST_SAMPLES_READ],
                             c.seen[w].v[INGEST_SAMPLES_AGGREGATED]);
            have += c.seen[w].v[INGEST_VALUES_AGGREGATED];
        }
        assert_int_equal(have, values);
        pipeline_close(&p);
        p.now_ns = stamp(0);
        char *lines = sorted(pipeline_lines(&p));
        assert_string_equal(lines, want);
        free(lines);
        for (unsigned w = 0; w < WORKERS; w++)
            pipeline_release(&own[w]);
        pipeline_release(&p);
    }
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(
        pages_taken_at_random_moments_hold_every_unit) };
    return cmocka_run_group_tests_name("page turn", tests, NULL, NULL);
}
