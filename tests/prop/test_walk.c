/*
 * Walks over the registry while series come, go and come back between their steps, held against a
 * list of what was there: what was there all the time is met once, nothing is met twice, families
 * come in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/off_page.h"
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
    unsigned family;                 /* last begun + 1 */
    uint32_t life[FAMILIES][SERIES]; /* when it began: 0, or which life of the series */
    uint8_t met[FAMILIES][SERIES];
};

struct world {
    struct random random;
    struct pipeline p;
    uint32_t life[FAMILIES][SERIES]; /* 0: not there, else counts its appearances */
    uint32_t lives;
    struct tourist tourists[WALKS];
    /* walks that ended; of these, those during which something went */
    unsigned whole, changed;
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

static void meet(const struct world *w, struct tourist *t, const struct exposed *e)
{
    struct buf labels = { 0 };
    registry_labels(w->p.registry, e, &labels);
    buf_append_char(&labels, '\0');
    unsigned n;
    assert_int_equal(sscanf(labels.ptr, "n=\"%u\"", &n), 1);
    t->met[t->family - 1][n]++;
    buf_release(&labels);
}

static void go_on(struct world *w, struct tourist *t)
{
    for (unsigned steps = below(&w->random, 60); steps > 0; steps--) {
        const struct exposed *e = registry_walk_exposed(&t->walk);
        if (e != NULL) {
            meet(w, t, e);
            continue;
        }
        const struct family *f = registry_walk_family(&t->walk);
        if (f == NULL) {
            come_home(w, t);
            return;
        }
        unsigned family;
        assert_int_equal(sscanf(f->name, "m%u", &family), 1);
        assert_true(family >= t->family); /* by name */
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

/* ---- names that change hands between the steps ---- */

enum { LINE_NAMES = 8 };

/* Line names that some walk can meet; the first ones are names of families, too. */
static const char *const line_names[LINE_NAMES] = {
    "x", "x_sum", "x_count", "y", "y_sum", "y_count", "x_sum_sum", "x_sum_count",
};

struct guide {
    struct registry_walk walk;
    bool under_way;
    /* who made lines of that name; compared, never followed */
    const struct family *owner[LINE_NAMES];
    unsigned families;
};

static void claim_line(struct guide *g, const struct family *f, const char *suffix)
{
    char name[32];
    snprintf(name, sizeof name, "%s%s", f->name, suffix);
    for (unsigned i = 0; i < LINE_NAMES; i++) {
        if (strcmp(line_names[i], name) != 0)
            continue;
        if (g->owner[i] != NULL)
            fail_msg("two families make %s", name);
        g->owner[i] = f;
    }
}

/* returns  how many families the walk met, at its end */
static unsigned hand_on(struct guide *g, unsigned steps)
{
    for (; steps > 0; steps--) {
        if (registry_walk_exposed(&g->walk) != NULL)
            continue;
        const struct family *f = registry_walk_family(&g->walk);
        if (f == NULL) {
            registry_walk_end(&g->walk);
            g->under_way = false;
            return g->families;
        }
        g->families++;
        claim_line(g, f, "");
        if (f->type == FAMILY_SUMMARY) {
            claim_line(g, f, "_sum");
            claim_line(g, f, "_count");
        }
    }
    return 0;
}

/* A few names of random types, silent often enough to lose their names. */
static void feed_types(struct world *w)
{
    static const char *const names[] = { "x", "x_sum", "x_count", "y", "y_sum" };
    static const char *const types[] = { "c", "g", "h" };
    char line[64];
    for (unsigned n = below(&w->random, 6); n > 0; n--) {
        snprintf(line, sizeof line, "%s:1|%s|#n:%u", names[below(&w->random, 5)],
                 types[below(&w->random, 3)], below(&w->random, 4));
        pipeline_feed(&w->p, 0, line);
    }
    pipeline_turn(&w->p);
    pipeline_close(&w->p);
}

static uint64_t takeovers(const struct registry *r)
{
    size_t n;
    uint64_t sum = 0;
    const struct off_page_note *const *notes = registry_off_page(r, &n);
    for (size_t i = 0; i < n; i++)
        sum += notes[i]->taken_over;
    return sum;
}

static void no_name_comes_twice_in_a_walk_while_names_change_hands(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        static struct world w;
        struct guide guides[WALKS] = { 0 };
        unsigned met = 0;
        w = (struct world){ .random = { seed } };
        pipeline_init(&w.p, &(struct pipeline_opts){ .ttl_s = 12, .type_idle_s = 3 });
        for (unsigned i = 0; i < STEPS; i++) {
            struct guide *g = &guides[below(&w.random, WALKS)];
            unsigned dice = below(&w.random, 8);
            if (dice < 2) {
                feed_types(&w);
            } else if (dice == 2) {
                pipeline_forward(&w.p, below(&w.random, 3));
                registry_expire(w.p.registry, w.p.now_ns);
            } else if (g->under_way) {
                met += hand_on(g, below(&w.random, 4));
            } else {
                *g = (struct guide){ .under_way = true };
                registry_walk_begin(w.p.registry, &g->walk);
            }
        }
        assert_true(met > 1000);
        assert_true(takeovers(w.p.registry) > 5); /* kinds of them */
        for (unsigned i = 0; i < WALKS; i++)
            if (guides[i].under_way)
                registry_walk_end(&guides[i].walk);
        pipeline_release(&w.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_meet_what_stays_once_and_nothing_twice),
        cmocka_unit_test(no_name_comes_twice_in_a_walk_while_names_change_hands),
    };
    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
