/**
 * micro_rules: glob rules as services have them, and names for them.
 *
 *   thread   main
 */
#ifndef BENCH_MICRO_RULES_H
#define BENCH_MICRO_RULES_H

#include "aggregate/mapping.h"
#include "base/mem.h"
#include "micro.h"

enum { RULE_TEXT_MAX = 96, RULES_ALL_CLASSES = 7 };

struct micro_rules {
    struct mapping_rule *at;
    char (*match)[RULE_TEXT_MAX];
    uint32_t random;
};

static inline void micro_rules_init(struct micro_rules *w, size_t most)
{
    *w = (struct micro_rules){ .random = 1 };
    w->at = mem_zalloc(most * sizeof *w->at);
    w->match = mem_zalloc(most * sizeof *w->match);
}

static inline void micro_rules_release(struct micro_rules *w)
{
    free(w->at);
    free(w->match);
}

static inline uint32_t micro_rules_below(struct micro_rules *w, uint32_t n)
{
    w->random = w->random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)w->random * n >> 32);
}

static inline void micro_rules_add(struct micro_rules *w, size_t i, bool regex)
{
    w->at[i] = (struct mapping_rule){
        .match = w->match[i], .regex = regex, .classes = RULES_ALL_CLASSES, .name = "n_${1}"
    };
}

/* Of five shapes, told apart by one or two components; the texts of any number are as long. */
static inline void micro_rules_usual(struct micro_rules *w, size_t n)
{
    static const char *const shapes[][2] = {
        { "svc", ".*.http.*.latency" }, { "*.team", ".queue.*.depth" }, { "prod.*.db", ".*.time" },
        { "*.*.cache.shard", ".hits" }, { "app.*.*.job", ".*" },
    };
    enum { SHAPES = sizeof shapes / sizeof shapes[0] };
    for (size_t i = 0; i < n; i++) {
        const char *const *around = shapes[i % SHAPES];
        snprintf(w->match[i], RULE_TEXT_MAX, "%s%04zu%s", around[0], i / SHAPES, around[1]);
        micro_rules_add(w, i, false);
    }
}

/* A component in place of each `*`. */
static inline void micro_rules_name(struct micro_rules *w, const char *match, char *name)
{
    size_t at = 0;
    for (; *match != '\0' && at < RULE_TEXT_MAX - 8; match++)
        if (*match == '*')
            at +=
                (size_t)snprintf(name + at, RULE_TEXT_MAX - at, "v%u", micro_rules_below(w, 10000));
        else
            name[at++] = *match;
    name[at] = '\0';
}

#endif
