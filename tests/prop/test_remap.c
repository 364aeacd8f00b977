/*
 * Random mappings put in force between random samples: every line of /metrics is what a model of a
 * few numbers says, and what the sinks get is what was sent, whatever the mappings were.
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

enum { SERIES = 12, OUTPUTS = 5, NOWHERE = OUTPUTS, WORKERS = 2, ROUNDS = 40, RELOADS = 25 };

struct random {
    uint64_t state;
};

static unsigned below(struct random *r, unsigned n)
{
    r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((r->state >> 33) % n);
}

/* ---- the model ---- */

struct model {
    unsigned to[SERIES];   /* output by the mapping in force, or NOWHERE: dropped */
    bool known[SERIES];    /* has a series */
    double total[OUTPUTS]; /* of the line */
    double kept[SERIES];   /* brought in the interval and not dropped */
};

static bool has_line(const struct model *m, unsigned output)
{
    for (unsigned s = 0; s < SERIES; s++)
        if (m->known[s] && m->to[s] == output)
            return true;
    return false;
}

static void model_send(struct model *m, unsigned s, unsigned n)
{
    if (m->to[s] == NOWHERE)
        return;
    if (!has_line(m, m->to[s]))
        m->total[m->to[s]] = 0;
    m->known[s] = true;
    m->total[m->to[s]] += n;
    m->kept[s] += n;
}

static void model_remap(struct model *m, const unsigned to[SERIES])
{
    bool stayed[OUTPUTS] = { false };
    for (unsigned s = 0; s < SERIES; s++)
        if (m->known[s] && m->to[s] == to[s])
            stayed[to[s]] = true;
    for (unsigned o = 0; o < OUTPUTS; o++)
        m->total[o] = stayed[o] ? m->total[o] : 0;
    for (unsigned s = 0; s < SERIES; s++) {
        m->known[s] = m->known[s] && to[s] != NOWHERE;
        m->to[s] = to[s];
    }
}

static void model_lines(const struct model *m, struct buf *out)
{
    buf_clear(out);
    for (unsigned o = 0; o < OUTPUTS; o++)
        if (has_line(m, o))
            buf_printf(out, "o%u{k=\"%u\"} %.0f\n", o / 2, o, m->total[o]);
    buf_append_char(out, '\0');
}

/* ---- the mapping ---- */

/* Output o is o{o/2} with the label k=o, so that some share a family. */
static void remap(struct pipeline *p, const unsigned to[SERIES], bool first)
{
    char match[SERIES][16], name[SERIES][16], value[SERIES][16];
    struct mapping_label labels[SERIES];
    struct mapping_rule rules[SERIES];
    for (unsigned s = 0; s < SERIES; s++) {
        snprintf(match[s], sizeof match[s], "s%u", s);
        snprintf(name[s], sizeof name[s], "o%u", to[s] / 2);
        snprintf(value[s], sizeof value[s], "%u", to[s]);
        labels[s] = (struct mapping_label){ "k", value[s] };
        rules[s] = (struct mapping_rule){ .match = match[s],
                                          .name = name[s],
                                          .drop = to[s] == NOWHERE,
                                          .labels = &labels[s],
                                          .n_labels = 1 };
    }
    const struct pipeline_opts o = { .workers = WORKERS, .rules = rules, .n_rules = SERIES };
    if (first)
        pipeline_init(p, &o);
    else
        pipeline_remap(p, &o);
}

static void draw(struct random *r, unsigned to[SERIES])
{
    for (unsigned s = 0; s < SERIES; s++)
        if (below(r, 2) == 0)
            to[s] = below(r, OUTPUTS + 1);
}

static void send_one(struct pipeline *p, struct model *m, struct random *r)
{
    char line[64];
    unsigned s = below(r, SERIES), n = below(r, 100);
    /* The empty tag is another spelling of the same series. */
    snprintf(line, sizeof line, "s%u:%u|c%s", s, n, below(r, 2) ? "" : "|#");
    pipeline_feed(p, below(r, WORKERS), line);
    model_send(m, s, n);
}

static void expect_closed(struct pipeline *p, struct model *m)
{
    const char *closed = pipeline_close(p);
    for (unsigned s = 0; s < SERIES; s++) {
        char line[64];
        snprintf(line, sizeof line, "counter s%u %.0f", s, m->kept[s]);
        if (m->kept[s] > 0 && !pipeline_has(closed, line))
            fail_msg("no %s in\n%s", line, closed);
        m->kept[s] = 0;
    }
    registry_expire(p->registry, p->now_ns);
}

static void lines_and_intervals_are_those_of_the_model(void **unused)
{
    (void)unused;
    struct buf want = { 0 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct random r = { round + 1 };
        struct model m = { 0 };
        struct pipeline p;
        draw(&r, m.to);
        remap(&p, m.to, true);
        for (unsigned i = 0; i < RELOADS; i++) {
            for (unsigned n = below(&r, 40); n > 0; n--) {
                send_one(&p, &m, &r);
                if (below(&r, 10) == 0)
                    pipeline_turn_worker(&p, below(&r, WORKERS));
            }
            unsigned to[SERIES];
            memcpy(to, m.to, sizeof to);
            draw(&r, to);
            model_remap(&m, to);
            remap(&p, to, false);
            model_lines(&m, &want);
            pipeline_expect(&p, want.ptr);
            if (below(&r, 3) == 0)
                expect_closed(&p, &m);
        }
        pipeline_release(&p);
    }
    buf_release(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(
        lines_and_intervals_are_those_of_the_model) };
    return cmocka_run_group_tests_name("remap", tests, NULL, NULL);
}
