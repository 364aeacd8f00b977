/*
 * What a mapping costs a line, in this process, no sockets: of a known series, and at first sight:
 * the worker's part (parser, rule, table, cell), the control thread's (series, name by template,
 * place on /metrics), and both.  Each series has a name of its own; with rules, each matches one.
 *
 *     micro_mapped [RULES [PASSES]]
 *
 * The names are always for as many rules as there are, 10,000 where there are none.  PASSES: how
 * often the known series are sent, in one run, for who counts instructions.
 */
#include "aggregate/lane.h"
#include "aggregate/page.h"
#include "aggregate/registry.h"
#include "base/now.h"
#include "micro_rules.h"

enum { SERIES = 100000, RULES_USUAL = 10000, DATAGRAM = 1432, PASSES_USUAL = 10, RUNS = 5 };

struct world {
    struct micro_rules rules;
    struct buf text; /* datagrams one behind the other */
    size_t *end;     /* of each */
    size_t n;
    unsigned passes;
};

static void draw_lines(struct world *w, size_t n_rules)
{
    char name[RULE_TEXT_MAX];
    size_t begin = 0;
    w->end = mem_alloc(SERIES * sizeof *w->end);
    for (size_t i = 0; i < SERIES; i++) {
        size_t at = w->text.len;
        micro_rules_name(&w->rules, w->rules.match[i % n_rules], name);
        buf_printf(&w->text, "%s%s:%zu|c|#region:eu,series:%06zu", at == begin ? "" : "\n", name,
                   i % 10, i);
        if (w->text.len - begin <= DATAGRAM && i < SERIES - 1)
            continue;
        w->end[w->n++] = begin = w->text.len;
    }
}

static void pass(const struct world *w, struct lane *lane, struct lane_source *source)
{
    size_t begin = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (i % 64 == 0) {
            lane_flush(lane);
            lane_begin(lane, source, (struct lane_clock){ .now_ns = now_mono_ns() });
        }
        lane_datagram(
            lane, &(struct lane_datagram){ .ptr = w->text.ptr + begin, .len = w->end[i] - begin });
        begin = w->end[i];
    }
    lane_flush(lane);
}

static void run(const struct world *w, const struct mapping *m, struct profiles *profiles,
                struct micro *ns)
{
    struct series_limit limit;
    struct lane *lane;
    struct lane_source source = { 0 };
    struct lane_opts o = {
        .parse = PARSE_OPTS_DEFAULT,
        .ingest = { .tags = TAGS_OPTS_DEFAULT, .profiles = profiles, .mapping = m, .limit = &limit }
    };
    struct registry_opts ro = { .profiles = profiles, .mapping = m, .limit = &limit };
    if (series_limit_init(&limit, (uint64_t)2 * SERIES) < 0 || lane_new(&o, &lane) < 0)
        abort();
    struct registry *r = registry_new(&ro);
    uint64_t t0 = micro_now_ns();
    pass(w, lane, &source);
    uint64_t t1 = micro_now_ns();
    if (!ingest_turn(lane_ingest(lane), now_mono_ns()))
        abort();
    struct page *page = ingest_take(lane_ingest(lane));
    uint64_t t2 = micro_now_ns();
    registry_merge(r, page, now_mono_ns());
    uint64_t t3 = micro_now_ns();
    ingest_give(lane_ingest(lane), page);
    uint64_t t4 = micro_now_ns();
    for (unsigned i = 0; i < w->passes; i++)
        pass(w, lane, &source);
    micro_add(&ns[0], (double)(t1 - t0) / SERIES);
    micro_add(&ns[1], (double)(t3 - t2) / SERIES);
    micro_add(&ns[2], (double)(t1 - t0 + t3 - t2) / SERIES);
    micro_add(&ns[3], (double)(micro_now_ns() - t4) / w->passes / SERIES);
    if (ingest_stats(lane_ingest(lane))->v[INGEST_SAMPLES_AGGREGATED] !=
        (uint64_t)SERIES * (w->passes + 1))
        fprintf(stderr, "micro_mapped: not every line was aggregated\n");
    registry_free(r);
    lane_free(lane);
    series_limit_release(&limit);
}

static void measure(size_t n_rules, unsigned passes, int runs)
{
    static const char *const words[] = { "first_worker", "first_control", "first", "known" };
    struct world w = { .passes = passes };
    struct micro ns[4] = { 0 };
    struct mapping *m = NULL;
    size_t drawn = n_rules > 0 ? n_rules : RULES_USUAL;
    micro_rules_init(&w.rules, drawn);
    micro_rules_usual(&w.rules, drawn);
    draw_lines(&w, drawn);
    const struct mapping_opts opts = { .rules = w.rules.at, .n_rules = n_rules };
    if (n_rules > 0 && mapping_new(&opts, &m) < 0)
        abort();
    struct profiles *profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    for (int i = 0; i < runs; i++)
        run(&w, m, profiles, ns);
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "mapped_%s_%zu", words[i], n_rules);
        micro_print(name, micro_median(&ns[i]), i == 3 ? "ns/line" : "ns/series");
    }
    profiles_free(profiles);
    mapping_free(m);
    micro_rules_release(&w.rules);
    buf_release(&w.text);
    free(w.end);
}

int main(int argc, char **argv)
{
    static const size_t usual[] = { 0, 10, RULES_USUAL };
    if (argc > 1)
        measure(strtoul(argv[1], NULL, 10),
                argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : PASSES_USUAL,
                argc > 2 ? 1 : RUNS);
    for (size_t i = 0; argc == 1 && i < sizeof usual / sizeof usual[0]; i++)
        measure(usual[i], PASSES_USUAL, RUNS);
    return 0;
}
