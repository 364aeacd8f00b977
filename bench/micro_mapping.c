/*
 * Finding the rule of a name, which is done at first sight of a series: by the number of rules, for
 * names that match, names that do not, rules made to overlap, and regexes.
 */
#include <assert.h>

#include "aggregate/mapping.h"
#include "base/hash.h"
#include "base/mem.h"
#include "micro.h"

enum { NAMES = 4096, TEXT_MAX = 96, RULES_MOST = 10000, ALL = 7 };

struct world {
    struct mapping_rule *rules;
    char (*match)[TEXT_MAX], (*names)[TEXT_MAX];
    uint32_t random;
};

static uint32_t below(struct world *w, uint32_t n)
{
    w->random = w->random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)w->random * n >> 32);
}

static void add_rule(struct world *w, size_t i, bool regex)
{
    w->rules[i] = (struct mapping_rule){
        .match = w->match[i], .regex = regex, .classes = ALL, .name = "n_${1}"
    };
}

/* As services have them: of five shapes, told apart by one or two components. */
static void draw_usual(struct world *w, size_t n)
{
    static const char *const shapes[][2] = {
        { "svc", ".*.http.*.latency" }, { "*.team", ".queue.*.depth" }, { "prod.*.db", ".*.time" },
        { "*.*.cache.shard", ".hits" }, { "app.*.*.job", ".*" },
    };
    for (size_t i = 0; i < n; i++) {
        const char *const *around = shapes[i % ARRAY_LEN(shapes)];
        snprintf(w->match[i], TEXT_MAX, "%s%zu%s", around[0], i / ARRAY_LEN(shapes), around[1]);
        add_rule(w, i, false);
    }
}

/* 13 places with `a` or `*` in all ways, and ends that let no name in before its last component. */
static void draw_adversarial(struct world *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        for (int p = 0; p < 12; p++)
            at += (size_t)snprintf(w->match[i] + at, TEXT_MAX - at, "%s.",
                                   i >> (p + 1) & 1 ? "a" : "*");
        snprintf(w->match[i] + at, TEXT_MAX - at, "%s", i & 1 ? "y.z" : "z.y");
        add_rule(w, i, false);
    }
}

/* A component in place of each `*`. */
static void name_from(struct world *w, const char *match, char *name)
{
    size_t at = 0;
    for (; *match != '\0' && at < TEXT_MAX - 8; match++)
        if (*match == '*')
            at += (size_t)snprintf(name + at, TEXT_MAX - at, "v%u", below(w, 10000));
        else
            name[at++] = *match;
    name[at] = '\0';
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
    struct mapping_opts opts = { .rules = w->rules, .n_rules = n };
    draw_usual(w, n);
    for (size_t i = 0; i < NAMES; i++)
        name_from(w, w->match[below(w, (uint32_t)n)], w->names[i]);
    measure(w, &opts, "hit", NAMES);
    opts.unordered = true;
    measure(w, &opts, "hit_unordered", NAMES);
    opts.unordered = false;
    for (size_t i = 0; i < NAMES; i++)
        w->names[i][strlen(w->names[i]) - 1]++; /* the last letter is another */
    for (size_t i = 0; i < NAMES; i++)
        if (strstr(w->names[i], ".job") != NULL) /* here the last component is `*` */
            strcpy(w->names[i], "app.v1.v2.jobless.v3");
    measure(w, &opts, "miss", 0);
    draw_adversarial(w, n);
    for (size_t i = 0; i < NAMES; i++)
        strcpy(w->names[i], "a.a.a.a.a.a.a.a.a.a.a.a.z.z");
    measure(w, &opts, "adversarial", 0);
}

static void measure_regexes(struct world *w)
{
    enum { N = 10 };
    struct mapping_opts opts = { .rules = w->rules, .n_rules = N };
    for (size_t i = 0; i < N; i++) {
        snprintf(w->match[i], TEXT_MAX, "^svc%zu\\.([^.]+)\\.(http|grpc)\\.(\\w+)\\.latency$", i);
        add_rule(w, i, true);
    }
    for (size_t i = 0; i < NAMES; i++)
        snprintf(w->names[i], TEXT_MAX, "svc%u.v%u.http.get.latency", below(w, N), below(w, 10000));
    measure(w, &opts, "regex_hit", NAMES);
    for (size_t i = 0; i < NAMES; i++)
        snprintf(w->names[i], TEXT_MAX, "svc.v%u.http.get.latency", below(w, 10000));
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
    struct world w = { .random = 1 };
    w.rules = mem_zalloc(RULES_MOST * sizeof *w.rules);
    w.match = mem_zalloc(RULES_MOST * sizeof *w.match);
    w.names = mem_zalloc(NAMES * sizeof *w.names);
    measure_globs(&w, 10);
    measure_globs(&w, 100);
    measure_globs(&w, RULES_MOST);
    measure_regexes(&w);
    measure_floor(&w);
    free(w.rules);
    free(w.match);
    free(w.names);
    return 0;
}
