/*
 * Finding the rule of a name, which is done at first sight of a series: by the number of rules, for
 * names that match, names that do not, rules made to overlap, and regexes.
 */
#include "base/hash.h"
#include "micro_rules.h"

enum { NAMES = 4096, RULES_MOST = 10000 };

struct world {
    struct micro_rules rules;
    char (*names)[RULE_TEXT_MAX];
};

/* 13 places with `a` or `*` in all ways, and ends that let no name in before its last component. */
static void draw_adversarial(struct world *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        for (int p = 0; p < 12; p++)
            at += (size_t)snprintf(w->rules.match[i] + at, RULE_TEXT_MAX - at, "%s.",
                                   i >> (p + 1) & 1 ? "a" : "*");
        snprintf(w->rules.match[i] + at, RULE_TEXT_MAX - at, "%s", i & 1 ? "y.z" : "z.y");
        micro_rules_add(&w->rules, i, false);
    }
}

static void measure(struct world *w, const struct mapping_opts *opts, const char *what,
                    size_t want_hits)
{
    struct mapping *m;
    struct micro ns = { 0 };
    char text[64];
    size_t hits = 0;
    if (mapping_new(opts, &m) < 0)
        abort();
    struct mapping_scratch *s = mapping_scratch_new(m);
    for (int run = 0; run <= MICRO_RUNS; run++) {
        uint64_t from_ns = micro_now_ns();
        hits = 0;
        for (size_t i = 0; i < NAMES; i++) {
            struct mapping_match match;
            hits += mapping_find(m, s, slice_str(w->names[i]), MAPPING_COUNTER, &match);
        }
        if (run > 0)
            micro_add(&ns, (double)(micro_now_ns() - from_ns) / NAMES);
    }
    if (hits != want_hits)
        fprintf(stderr, "micro_mapping: %zu of %d names of %s match\n", hits, NAMES, what);
    snprintf(text, sizeof text, "mapping_%s_%zu", what, opts->n_rules);
    micro_print(text, micro_median(&ns), "ns/name");
    if (strcmp(what, "hit") == 0) {
        snprintf(text, sizeof text, "mapping_memory_%zu", opts->n_rules);
        micro_print(text, (double)mapping_memory(m) / (double)opts->n_rules, "bytes/rule");
    }
    mapping_scratch_free(s);
    mapping_free(m);
}

static void measure_globs(struct world *w, size_t n)
{
    struct mapping_opts opts = { .rules = w->rules.at, .n_rules = n };
    micro_rules_usual(&w->rules, n);
    for (size_t i = 0; i < NAMES; i++)
        micro_rules_name(&w->rules, w->rules.match[micro_rules_below(&w->rules, (uint32_t)n)],
                         w->names[i]);
    measure(w, &opts, "hit", NAMES);
    opts.unordered = true;
    measure(w, &opts, "hit_unordered", NAMES);
    opts.unordered = false;
    for (size_t i = 0; i < NAMES; i++)
        w->names[i][strlen(w->names[i]) - 1]++; /* the last letter is another */
    for (size_t i = 0; i < NAMES; i++)
        if (strstr(w->names[i], ".job") != NULL) /* here the last component is `*` */
            snprintf(w->names[i], RULE_TEXT_MAX, "app.v1.v2.jobless.v3");
    measure(w, &opts, "miss", 0);
    draw_adversarial(w, n);
    for (size_t i = 0; i < NAMES; i++)
        snprintf(w->names[i], RULE_TEXT_MAX, "a.a.a.a.a.a.a.a.a.a.a.a.z.z");
    measure(w, &opts, "adversarial", 0);
}

static void measure_regexes(struct world *w)
{
    enum { N = 10 };
    struct mapping_opts opts = { .rules = w->rules.at, .n_rules = N };
    for (size_t i = 0; i < N; i++) {
        snprintf(w->rules.match[i], RULE_TEXT_MAX,
                 "^svc%zu\\.([^.]+)\\.(http|grpc)\\.(\\w+)\\.latency$", i);
        micro_rules_add(&w->rules, i, true);
    }
    for (size_t i = 0; i < NAMES; i++)
        snprintf(w->names[i], RULE_TEXT_MAX, "svc%u.v%u.http.get.latency",
                 micro_rules_below(&w->rules, N), micro_rules_below(&w->rules, 10000));
    measure(w, &opts, "regex_hit", NAMES);
    for (size_t i = 0; i < NAMES; i++)
        snprintf(w->names[i], RULE_TEXT_MAX, "svc.v%u.http.get.latency",
                 micro_rules_below(&w->rules, 10000));
    measure(w, &opts, "regex_miss", 0);
}

/* What no way of finding it can be below: each name looked at once. */
static void measure_floor(struct world *w)
{
    struct micro ns = { 0 };
    uint64_t sum = 0;
    for (int run = 0; run < MICRO_RUNS; run++) {
        uint64_t from_ns = micro_now_ns();
        for (size_t i = 0; i < NAMES; i++)
            sum += hash64_bytes(w->names[i], strlen(w->names[i]));
        micro_add(&ns, (double)(micro_now_ns() - from_ns) / NAMES);
    }
    __asm__ volatile("" : : "r"(sum));
    micro_print("floor_mapping_hit_10000", micro_median(&ns), "ns/name");
}

int main(void)
{
    struct world w = { .names = mem_zalloc(NAMES * sizeof *w.names) };
    micro_rules_init(&w.rules, RULES_MOST);
    measure_globs(&w, 10);
    measure_globs(&w, 100);
    measure_globs(&w, RULES_MOST);
    measure_regexes(&w);
    measure_floor(&w);
    micro_rules_release(&w.rules);
    free(w.names);
    return 0;
}
