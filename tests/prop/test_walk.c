/*
 * Walks over the registry while series come, go and come back between their steps, held against a list of what was there: what
 * was there all the time is met once, nothing is met twice, families come in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pipeline.h"

enum { FAMILIES = 12, SERIES = 40, WALKS = 4, STEPS = 20000, TTL_S = 20 };

struct random {
    uint64_t state;
};

static unsigned below(struct random *r, unsigned n)
{
    r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((r->state >> 33) % n);
}

struct tourist {
    struct registry_walk walk;
    bool under_way;
    unsigned family;                          /* last begun + 1 */
    uint32_t life[FAMILIES][SERIES];          /* when it began: 0, or which life of the series */
    uint8_t met[FAMILIES][SERIES];
};

struct world {
    struct random random;
    struct pipeline p;
    uint32_t life[FAMILIES][SERIES];          /* 0: not there, else counts its appearances */
    uint32_t lives;
    struct tourist tourists[WALKS];
    unsigned whole, changed;                  /* walks that ended; of these, those during which something went */
};

/* A burst of samples: a family is often left alone long enough to vanish whole. */
static void feed(struct world *w)
{
    char line[64];
    unsigned family = below(&w->random, FAMILIES);
    for (unsigned n = below(&w->random, 30); n > 0; n--) {
        unsigned series = below(&w->random, SERIES);
        snprintf(line, sizeof line, "m%02u:1|c|#n:%u", family, series);
        pipeline_feed(&w->p, 0, line);
        if (w->life[family][series] == 0)
            w->life[family][series] = ++w->lives;
    }
    pipeline_turn(&w->p);
    pipeline_close(&w->p);
}

static void pass_time(struct world *w)
{
    pipeline_forward(&w->p, below(&w->random, 6));
    registry_expire(w->p.registry, w->p.now_ns);
}

/* Which series the registry has, as it tells by itself. */
static void look(struct world *w)
{
    bool there[FAMILIES][SERIES] = { 0 };
    char name[32];
    const char *text = pipeline_lines(&w->p);
    for (unsigned f = 0; f < FAMILIES; f++)
        for (unsigned s = 0; s < SERIES; s++) {
            snprintf(name, sizeof name, "m%02u{n=\"%u\"} ", f, s);
            there[f][s] = strstr(text, name) != NULL;
            if (!there[f][s])
                w->life[f][s] = 0;
            else
                assert_int_not_equal(w->life[f][s], 0);
        }
}

static void set_out(struct world *w, struct tourist *t)
{
    memset(t->met, 0, sizeof t->met);
    memcpy(t->life, w->life, sizeof t->life);
    t->family = 0;
    t->under_way = true;
    registry_walk_begin(w->p.registry, &t->walk);
}

static void come_home(struct world *w, struct tourist *t)
{
    bool changed = false;
    registry_walk_end(&t->walk);
    t->under_way = false;
    for (unsigned f = 0; f < FAMILIES; f++)
        for (unsigned s = 0; s < SERIES; s++) {
            assert_true(t->met[f][s] <= 1);
            if (t->life[f][s] != 0 && t->life[f][s] == w->life[f][s])
                assert_int_equal(t->met[f][s], 1);
            changed = changed || (t->life[f][s] != 0 && t->life[f][s] != w->life[f][s]);
        }
    w->whole++;
    w->changed += changed;
}

static void meet(struct tourist *t, const struct series *s)
{
    struct buf labels = { 0 };
    series_labels(s, &labels);
    buf_append_char(&labels, '\0');
    unsigned n;
    assert_int_equal(sscanf(labels.ptr, "n=\"%u\"", &n), 1);
    t->met[t->family - 1][n]++;
    buf_release(&labels);
}

static void go_on(struct world *w, struct tourist *t)
{
    for (unsigned steps = below(&w->random, 60); steps > 0; steps--) {
        const struct series *s = registry_walk_series(&t->walk);
        if (s != NULL) {
            meet(t, s);
            continue;
        }
        const struct family *f = registry_walk_family(&t->walk);
        if (f == NULL) {
            come_home(w, t);
            return;
        }
        unsigned family;
        assert_int_equal(sscanf(f->name, "m%u", &family), 1);
        assert_true(family >= t->family);   /* by name */
        t->family = family + 1;
    }
}

static void walks_meet_what_stays_once_and_nothing_twice(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        static struct world w;
        w = (struct world){ .random = { seed } };
        pipeline_init(&w.p, &(struct pipeline_opts){ .ttl_s = TTL_S });
        for (unsigned i = 0; i < STEPS; i++) {
            struct tourist *t = &w.tourists[below(&w.random, WALKS)];
            switch (below(&w.random, 8)) {
            case 0:
                feed(&w);
                break;
            case 1:
                pass_time(&w);
                look(&w);
                break;
            default:
                if (t->under_way)
                    go_on(&w, t);
                else
                    set_out(&w, t);
                break;
            }
        }
        assert_true(w.whole > 500);
        assert_true(w.changed > w.whole / 4);
        for (unsigned i = 0; i < WALKS; i++)
            if (w.tourists[i].under_way)
                registry_walk_end(&w.tourists[i].walk);
        pipeline_release(&w.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(walks_meet_what_stays_once_and_nothing_twice) };
    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
